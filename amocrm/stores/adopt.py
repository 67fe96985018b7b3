"""Going on with a token that another library has kept in a file, in any store of ours."""

from __future__ import annotations

import os
from typing import Final

from amocrm.core.foreign import PAIR_FILES, Found, read_file, read_pair
from amocrm.core.host import account_host
from amocrm.core.record import Record, read_record, write_record
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores import Key, TokenStore
from amocrm.stores.vault import pointer_key

PATIENCE: Final = 60.0
"""Seconds to wait for somebody who is just getting a token for that account."""


def adopt(
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
    key = Key(owner, host)
    with store.lock(key, PATIENCE):
        there = store.load(key)
        _refuse_to_go_back(store, key, there, found)
        if not store.save(key, write_record(*key, Record(found.token, host)), there):
            raise TokenStoreError(f"somebody else saved a token of {host} meanwhile")
    return key


def _read(path: str) -> Found:
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


def _refuse_to_go_back(store: TokenStore, key: Key, there: str | None, found: Found) -> None:
    """Keep a token that is newer than the file's: the file's has been spent for it."""
    if store.load(pointer_key(*key)) is not None:
        raise TokenStoreError(
            f"{key.account} was renamed, and its token is kept under the new name",
            hint="pass the new name as account=, if the file is newer all the same",
        )
    if there is None:
        return
    try:
        kept = read_record(there, *key)
    except ConfigurationError:
        return  # What is no token is not worth keeping.
    if isinstance(kept, Record) and found.token != kept.token:
        theirs, ours = found.token.expires_at or 0.0, kept.token.expires_at or 0.0
        if theirs <= ours:
            raise TokenStoreError(
                f"the token that is kept of {key.account} is newer than the file's",
                hint="forget() it first, if the file's is the one that works",
            )
