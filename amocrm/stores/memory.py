"""Tokens that live as long as the process, shared by the clients that share the store."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager

from amocrm.stores import Key
from amocrm.stores.threads import ThreadLocks


class MemoryStore:
    """A dictionary with a lock for each token. Thread-safe; a forked child has its own copy."""

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}
        self._savers: dict[Key, int] = {}
        self._locks = ThreadLocks()
        self._guard = threading.Lock()

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, where a lock of the parent's may be held for ever."""
        self._locks.renew_after_fork()
        self._guard = threading.Lock()

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        return self._texts.get(key)

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there."""
        with self._guard:
            if self._texts.get(key) != replaces:
                return False
            self._texts[key] = text
            self._savers[key] = os.getpid()
            return True

    def forget(self, key: Key) -> None:
        """Remove a text."""
        with self._guard:
            self._texts.pop(key, None)
            self._savers.pop(key, None)

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        return [key.account for key in list(self._texts) if key.client_id == client_id]

    def inherited(self, key: Key) -> bool:
        """Tell whether a text was saved by the process this one was forked from.

        Two processes with a copy each would spend its refresh token twice.
        """
        return self._savers.get(key, os.getpid()) != os.getpid()

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[None]:
        """Hold the lock of a key, waiting at most `timeout` seconds for it."""
        return self._locks.hold(key, timeout)
