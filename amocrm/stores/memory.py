"""Stores tokens in memory, until the process ends."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from amocrm._support.forks import ForkLock
from amocrm.errors import TokenStoreError
from amocrm.stores.locks import ThreadLocks
from amocrm.stores.store import Key


class MemoryStore:
    """A dictionary with a lock for each token. Thread-safe.

    A forked child has a copy. It can read the parent's tokens but not lock them: both processes
    would use the same refresh token.
    """

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}
        self._saved_by: dict[Key, int] = {}  # process ids
        self._locks = ThreadLocks()
        self._guard = ForkLock()

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        return self._texts.get(key)

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there."""
        with self._guard:
            if self._texts.get(key) != replaces:
                return False
            # In this order: a child that is forked in between must not regard the text as its own.
            self._saved_by[key] = os.getpid()
            self._texts[key] = text
            return True

    def forget(self, key: Key) -> None:
        """Remove a text."""
        with self._guard:
            self._texts.pop(key, None)
            self._saved_by.pop(key, None)

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        return [key.account for key in list(self._texts) if key.client_id == client_id]

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Hold the lock of a key, waiting at most `timeout` seconds for it.

        Raises:
            TokenStoreError: another thread held it all the time, or the parent process saved the
                token before the fork.
        """
        if self._saved_by.get(key, os.getpid()) != os.getpid():
            raise _inherited()
        return self._locks.hold(key, timeout)


def _inherited() -> TokenStoreError:
    error = TokenStoreError(
        "this process was forked from the one that uses the refresh token",
        hint="make the client after the fork, or use a store that both processes can share",
    )
    error.retryable = False
    return error
