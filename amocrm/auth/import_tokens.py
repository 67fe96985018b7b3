"""Imports a token that another library has stored in a file, into any store."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Final

from amocrm.auth.token_file_formats import PAIR_FILES, ImportedToken, read_file, read_pair
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import TokenRepository
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.http.hosts import account_host
from amocrm.stores.store import Key, TokenStore

PATIENCE: Final = 60.0
"""Seconds to wait for the store's lock, while another process gets a token for that account."""


def import_token_file(
    store: TokenStore,
    path: str | os.PathLike[str],
    *,
    account: str | None = None,
    client_id: str | None = None,
) -> Key:
    """Save the token of a file in a store; the file itself is only read.

    Let no other program use the file from then on: its refresh token works once.

    Args:
        store: where the token is saved.
        path: a file of amocrm-js, of the PHP SDK's examples, of aioamocrm or of this library; or
            amocrm_api's folder of two files.
        account: the login or host of the account, if it is not in the file.
        client_id: the integration's, if it is neither in the file nor in the token.

    Returns:
        The key of the record.

    Raises:
        ConfigurationError: the file has no token, or account or integration are unknown.
        TokenStoreError: the file cannot be read, or the store has a newer token.
    """
    imported = _read(os.fspath(path))
    host = imported.account if account is None else account_host(account)
    client_id = client_id or imported.client_id
    if host is None:
        raise ConfigurationError(f"{path} has no account", hint="pass account=")
    if client_id is None:
        raise ConfigurationError(f"{path} has no client_id", hint="pass client_id=")
    repository = TokenRepository(client_id, host, store)
    account_id = imported.token.account_id
    with ExitStack() as locks:
        locks.enter_context(repository.lock(PATIENCE))
        _refuse_older(repository, imported)
        if repository.account_id is None and account_id is not None:
            # The host leads nowhere: the account may be in the store under its id.
            by_id = TokenRepository(client_id, host, store, account_id)
            locks.enter_context(by_id.lock(PATIENCE))
            _refuse_older(by_id, imported)
        repository.put(Record(imported.token, host), account_id)
    return repository.key


def _read(path: str) -> ImportedToken:
    try:
        if os.path.isdir(path):
            access, refresh = (_content(os.path.join(path, name)) for name in PAIR_FILES)
            return read_pair(access, refresh)
        return read_file(_content(path))
    except OSError as error:
        raise TokenStoreError(f"{error.filename or path}: {error.strerror or error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _refuse_older(repository: TokenRepository, imported: ImportedToken) -> None:
    """Refuse the token of the file if the stored one is newer, because it was refreshed since.

    Raises:
        ConfigurationError: the token of the file opens another account than the host leads to.
        TokenStoreError: the stored token is newer.
    """
    stored = repository.peek()
    repository.check(imported.token.account_id, is_refresh=True)
    if stored is None or imported.token == stored.token:
        return
    if (imported.token.expires_at or 0.0) <= (stored.token.expires_at or 0.0):
        raise TokenStoreError(
            f"the stored token of {repository.name} is newer than the token of the file",
            hint="if the token of the file is the valid one, call store.forget() first",
        )
