"""In which accounts an integration is installed: found by their ids, or by any of their names.

An account has one record, kept under its id, which never changes; its names lead there, and may
lead to another account later (reference 1).
"""

from __future__ import annotations

from typing import NamedTuple

from amocrm.auth.token_record import Record, read_account_id
from amocrm.auth.token_repository import TokenRepository, list_accounts
from amocrm.stores.store import TokenStore


class Entry(NamedTuple):
    """One account that is installed.

    Attributes:
        kept: what the record is kept under: the account's id; of a pair that does not say it, a
            name.
        account_id: the id; None if nobody knows it.
        record: what is kept.
    """

    kept: str
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
        """Return where the accounts answer, sorted, each once."""
        hosts: set[str] = set()
        for kept in list_accounts(self._client_id, self._store):
            entry = self._entry(kept)
            if entry is not None:
                hosts.add(entry.record.host)
        return sorted(hosts)

    def find(self, name: str) -> Entry | None:
        """Look up the account that a name leads to now."""
        return _read(TokenRepository(self._client_id, name, self._store))

    def by_id(self, account_id: int) -> Entry | None:
        """Look an account up by its id."""
        return _read(TokenRepository(self._client_id, str(account_id), self._store, account_id))

    def forget(self, entry: Entry) -> bool:
        """Remove an account, unless it was installed anew meanwhile.

        Returns:
            Whether it was removed, and by this very call.
        """
        repository = self._repository(entry)
        with repository.lock():
            if not _keeps(repository, entry):
                return False
            repository.forget()
        return True

    def is_there(self, entry: Entry) -> bool:
        """Tell whether what was found of an account is still what is kept of it."""
        return _keeps(self._repository(entry), entry)

    def _repository(self, entry: Entry) -> TokenRepository:
        return TokenRepository(self._client_id, entry.kept, self._store, entry.account_id)

    def _entry(self, kept: str) -> Entry | None:
        account_id = read_account_id(kept)
        return self.find(kept) if account_id is None else self.by_id(account_id)


def _keeps(repository: TokenRepository, entry: Entry) -> bool:
    record = repository.load()
    return record is not None and record.token.refresh_token == entry.record.token.refresh_token


def _read(repository: TokenRepository) -> Entry | None:
    record = repository.load()
    return None if record is None else Entry(repository.key.account, repository.account_id, record)
