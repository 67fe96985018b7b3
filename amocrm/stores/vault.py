"""One account's place in a store. Whatever a store raises becomes a TokenStoreError here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm.core.record import Record, See, read_record, write_record
from amocrm.core.token import Token
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.stores import Key, TokenStore, striped
from amocrm.stores.memory import MemoryStore

LOCK_PATIENCE: Final = 240.0
"""Seconds to wait for others who share the store: longer than the patience of one grant."""

SAVE_TRIES: Final = 20
"""How often a save is tried again because somebody else saved in between."""


class Vault:
    """Loads, saves and locks the record of one key.

    Args:
        key: whose record; a pointer that is kept there is followed.
        store: the user's; None keeps it in the memory of this process.
    """

    def __init__(self, key: Key, store: TokenStore | None) -> None:
        self._key = key
        self._store: TokenStore = store if store is not None else MemoryStore()

    def load(self) -> Record | None:
        """Return the saved record; None if there is none.

        Raises:
            TokenStoreError: the store failed, or what it keeps is damaged.
        """
        with _told("load"):
            text = self._find()
        content = None if text is None else self._read(text)
        return content if isinstance(content, Record) else None

    def put(self, record: Record) -> None:
        """Save a record in the place of whatever is there."""
        self._keep(record, lambda _: False)

    def swap(self, record: Record, spent: Token | None) -> Record:
        """Save a record in the place of the one whose token was spent for it, None for a code.

        Returns:
            What is kept now: another record, if somebody else has saved a newer token meanwhile,
            because the lock was lost or a token was given from outside.
        """

        def newer(other: Record | See) -> bool:
            if isinstance(other, See):
                return False
            is_spent = spent is not None and other.token.refresh_token == spent.refresh_token
            return not is_spent and record.token.is_older_than(other.token)

        kept = self._keep(record, newer)
        return kept if isinstance(kept, Record) else record

    def mend(self, record: Record, *, drop: bool = False) -> None:
        """Save what is to stand beside a pair, or drop both, if that pair is still there."""
        with _told("save"):
            text = self._find()
            there = _readable(text, self._key)
            pair = there.token.refresh_token if isinstance(there, Record) else None
            if pair is None or pair != record.token.refresh_token:
                return
            if drop:
                self._store.forget(self._key)
            else:
                self._store.save(self._key, write_record(*self._key, record), text)

    def point(self, name: str) -> None:
        """Let a second name of the account lead to its record.

        The next grant does it again if it fails now; until then only the first name is known.
        """
        if name != self._key.account:
            key = pointer_key(self._key.client_id, name)
            with contextlib.suppress(TokenStoreError):
                self._write(key, See(self._key.account), lambda _: False)

    def forget(self) -> None:
        """Remove the record."""
        with _told("forget"):
            self._store.forget(self._key)

    @contextmanager
    def lock(
        self, patience: float = LOCK_PATIENCE, *, newcomer: bool = False
    ) -> Generator[None, None, None]:
        """Keep others who share the store from asking for a grant meanwhile.

        Args:
            patience: seconds to wait for them.
            newcomer: an account that has no record yet shares one of a few locks with others: a
                lock stays in its store for good, and strangers may name as many as they like.
        """
        with ExitStack() as stack:
            with _told("lock"):
                if not newcomer or not self._lock_as_one_of_many(stack, patience):
                    stack.enter_context(self._store.lock(self._key, patience))
            yield

    def _lock_as_one_of_many(self, stack: ExitStack, patience: float) -> bool:
        """Take the lock that an account without a record shares; False if it has a record."""
        if self._find() is not None:
            return False
        shared = striped(Key(self._key.client_id, ""), self._key.account)
        with ExitStack() as attempt:
            attempt.enter_context(self._store.lock(shared, patience))
            if self._find() is not None:
                return False  # Somebody was first: from now on its own lock counts.
            stack.push(attempt.pop_all())
        return True

    @property
    def account(self) -> str:
        """The name that the record is kept under: the host where consent was first given."""
        return self._key.account

    def _find(self) -> str | None:
        """Return what is kept under our own name; else go where a pointer leads, if to anything."""
        text = self._store.load(self._key)
        if text is None:
            key = pointer_key(*self._key)
            pointer = _readable(self._store.load(key), key)
            if isinstance(pointer, See):
                there = Key(self._key.client_id, pointer.account)
                text = self._store.load(there)
                self._key = self._key if text is None else there
        return text

    def _read(self, text: str) -> Record | See:
        try:
            return read_record(text, *self._key)
        except ConfigurationError as error:
            what = str(error)
        raise TokenStoreError(
            f"what {self._store!r} keeps of {self._key.account} is no token: {what}",
            hint="restore it from a backup, or get consent again",
        )

    def _keep(self, record: Record, yields: Callable[[Record | See], bool]) -> Record | See:
        """Write a record where ours belongs; return what is there then."""
        with _told("save"):
            self._find()
        return self._write(self._key, record, yields)

    def _write(
        self, key: Key, content: Record | See, yields: Callable[[Record | See], bool]
    ) -> Record | See:
        """Save over whatever is there, unless that is to be kept; return what is there then."""
        text = write_record(*key, content)
        with _told("save"):
            for _ in range(SAVE_TRIES):
                there = self._store.load(key)
                if (other := _readable(there, key)) and yields(other):
                    return other
                if there == text or self._store.save(key, text, there):
                    return content
        raise TokenStoreError(f"others kept saving the token of {key.account} at the same time")


def list_accounts(client_id: str, store: TokenStore) -> list[str]:
    """Return the names that the records of an integration are kept under, sorted."""
    with _told("list"):
        return sorted(store.accounts(client_id))


def pointer_key(client_id: str, name: str) -> Key:
    """Return where a pointer is kept: apart from the records, so that no list shows it."""
    return Key(f"see:{client_id}", name)


def _readable(text: str | None, key: Key) -> Record | See | None:
    """Read what is there; what is damaged is nothing worth keeping."""
    try:
        return None if text is None else read_record(text, *key)
    except ConfigurationError:
        return None


@contextmanager
def _told(what: str) -> Generator[None, None, None]:
    try:
        yield
    except TokenStoreError:
        raise
    except Exception as error:
        raise TokenStoreError(
            f"the token store could not {what} the token ({type(error).__name__})",
            hint="the token in memory stays usable; mend the store before this process ends",
        ) from error
