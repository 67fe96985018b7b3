"""In which accounts an integration is installed: found by any of their names, or by their id.

An account has one record. It is kept under the name that the account had when it was installed;
pointers lead there from its other names and from its id, which never changes (reference 1).
"""

from __future__ import annotations

from typing import NamedTuple

from amocrm.core.record import Record
from amocrm.core.token import account_id
from amocrm.stores import Key, TokenStore
from amocrm.stores.vault import Vault, list_accounts, pointer_key


class Entry(NamedTuple):
    """One account: the name that its record is kept under, and the record."""

    name: str
    record: Record

    @property
    def number(self) -> int | None:
        """The account's id, if its token says it."""
        return account_id(self.record.token.access_token)


class Register:
    """The records of one integration in a store.

    Every method may raise TokenStoreError: the store failed.
    """

    def __init__(self, client_id: str, store: TokenStore) -> None:
        self._client_id = client_id
        self._store = store

    def names(self) -> list[str]:
        """Return the names that records are kept under, sorted."""
        return list_accounts(self._client_id, self._store)

    def find(self, name: str) -> Entry | None:
        """Look an account up by its host, or by one that it had."""
        vault = self._vault(name)
        record = vault.load()
        return None if record is None else Entry(vault.account, record)

    def by_number(self, number: int) -> Entry | None:
        """Look an account up by its id."""
        entry = self.find(str(number))
        # A name can pass to another account, and the id's pointer with it.
        return entry if entry is not None and entry.number in (number, None) else None

    def note(self, host: str, number: int) -> None:
        """Let an account's id lead to its record, and drop an older record of the same account."""
        here, old = self.find(host), self.by_number(number)
        if here is None:
            return
        vault = self._vault(here.name)
        if old is not None and old.name != here.name and old.number == number:
            self._vault(old.name).forget()
            vault.point(old.name)
        vault.point(str(number))

    def free(self, name: str) -> None:
        """Let a name lead nowhere, because another account bears it now."""
        Vault(pointer_key(self._client_id, name), self._store).forget()

    def forget(self, entry: Entry) -> bool:
        """Remove an account, unless it was installed anew meanwhile.

        Returns:
            Whether it was removed, and by this very call.
        """
        vault = self._vault(entry.name)
        with vault.lock():
            record = vault.load()
            if record is None or record.token.refresh_token != entry.record.token.refresh_token:
                return False
            vault.forget()
        return True

    def _vault(self, name: str) -> Vault:
        return Vault(Key(self._client_id, name), self._store)
