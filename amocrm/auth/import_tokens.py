"""Going on with a token that another library has kept in a file, in any store of ours."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Final

from amocrm.auth.token import account_id as claimed_account
from amocrm.auth.token_file_formats import PAIR_FILES, ImportedToken, read_file, read_pair
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import TokenRepository
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.http.hosts import account_host
from amocrm.stores.store import Key, TokenStore

PATIENCE: Final = 60.0
"""Seconds to wait for somebody who is just getting a token for that account."""


def import_token_file(
    store: TokenStore,
    path: str | os.PathLike[str],
    *,
    account: str | None = None,
    client_id: str | None = None,
) -> Key:
    """Take over the token of a file; the file itself is only read.

    From then on let nobody else use the file: its refresh token works once, for whoever comes
    first.

    Args:
        store: where it is kept from now on.
        path: a file of amocrm-js, of the PHP SDK's examples, of aioamocrm or of this library; or
            amocrm_api's folder of two files.
        account: the login or address of the account, where the file does not tell it.
        client_id: the integration's, where neither the file nor the token tells it.

    Returns:
        where it is kept.

    Raises:
        ConfigurationError: the file holds no token, or account or integration are not known.
        TokenStoreError: the file cannot be read, or the store keeps a newer token already.
    """
    found = _read(os.fspath(path))
    host = found.account if account is None else account_host(account)
    owner = client_id or found.client_id
    if host is None:
        raise ConfigurationError(f"{path} does not say whose account it is", hint="pass account=")
    if owner is None:
        raise ConfigurationError(
            f"{path} does not say which integration's it is", hint="pass client_id="
        )
    repository, account_id = (
        TokenRepository(owner, host, store),
        claimed_account(found.token.access_token),
    )
    with ExitStack() as held:
        held.enter_context(repository.lock(PATIENCE))
        _refuse_to_go_back(repository, found)
        if repository.account_id is None and account_id is not None:
            # The name leads nowhere: the account may be kept under its id, by another name.
            known = TokenRepository(owner, host, store, account_id)
            held.enter_context(known.lock(PATIENCE))
            _refuse_to_go_back(known, found)
        repository.put(Record(found.token, host), account_id)
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


def _refuse_to_go_back(repository: TokenRepository, found: ImportedToken) -> None:
    """Keep a token that is newer than the file's: the file's has been spent for it.

    Raises:
        ConfigurationError: the file's token opens another account than the name leads to.
    """
    kept = repository.peek()
    repository.check(claimed_account(found.token.access_token), is_renewal=True)
    if kept is not None and found.token != kept.token:
        theirs, ours = found.token.expires_at or 0.0, kept.token.expires_at or 0.0
        if theirs <= ours:
            raise TokenStoreError(
                f"the token that is kept of {repository.name} is newer than the file's",
                hint="forget() it first, if the file's is the one that works",
            )
