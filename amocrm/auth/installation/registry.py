"""The accounts where an integration is installed; found by id or by any of their hosts.

An account has one record, under its id, which never changes. Its hosts are pointers to the record,
and may lead to another account later (reference 1).
"""

from __future__ import annotations

from typing import NamedTuple

from amocrm.auth.token_record import Record, read_account_id
from amocrm.auth.token_repository import TokenRepository
from amocrm.stores.guarded import GuardedStore
from amocrm.stores.store import TokenStore


class Entry(NamedTuple):
    """One account where the integration is installed.

    Attributes:
        key_name: name of the record's key: the account's id; a host, if the access token has no id.
        account_id: the id; None if it is unknown.
        record: the stored record.
    """

    key_name: str
    account_id: int | None
    record: Record


class AccountRegistry:
    """The records of one integration in a store.

    Every method may raise TokenStoreError: the store failed.
    """

    def __init__(self, client_id: str, store: TokenStore) -> None:
        self._client_id = client_id
        self._store = store

    def hosts(self) -> list[str]:
        """Return the hosts of the accounts, sorted, without duplicates."""
        hosts: set[str] = set()
        for key_name in GuardedStore(self._store).accounts(self._client_id):
            account_id = read_account_id(key_name)
            entry = self.find(key_name) if account_id is None else self.by_id(account_id)
            if entry is not None:
                hosts.add(entry.record.host)
        return sorted(hosts)

    def find(self, name: str) -> Entry | None:
        """Return the account that a host leads to now."""
        return _read(TokenRepository(self._client_id, name, self._store))

    def by_id(self, account_id: int) -> Entry | None:
        """Return the account with an id."""
        return _read(TokenRepository(self._client_id, str(account_id), self._store, account_id))

    def forget(self, entry: Entry) -> bool:
        """Remove an account, unless it was installed again meanwhile.

        Returns:
            Whether this call has removed it.
        """
        repository = self._repository(entry)
        with repository.lock():
            if not _is_stored(repository, entry):
                return False
            repository.forget()
        return True

    def is_current(self, entry: Entry) -> bool:
        """Return whether the token pair of an entry is still the stored one."""
        return _is_stored(self._repository(entry), entry)

    def _repository(self, entry: Entry) -> TokenRepository:
        return TokenRepository(self._client_id, entry.key_name, self._store, entry.account_id)


def _is_stored(repository: TokenRepository, entry: Entry) -> bool:
    record = repository.load()
    return record is not None and record.token.refresh_token == entry.record.token.refresh_token


def _read(repository: TokenRepository) -> Entry | None:
    record = repository.load()
    return None if record is None else Entry(repository.key.account, repository.account_id, record)
