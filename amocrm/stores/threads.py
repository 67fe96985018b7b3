"""The locks of one process: one for each key, for its threads."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from amocrm.errors import TokenStoreError
from amocrm.stores import Key


class ThreadLocks:
    """A lock for each key. A store that is shared by processes takes this one before its own."""

    def __init__(self) -> None:
        self.renew_after_fork()

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, where a lock of the parent's may be held for ever."""
        self._locks: dict[Key, threading.Lock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def hold(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Hold the lock of a key.

        Raises:
            TokenStoreError: another thread held it for `timeout` seconds.
        """
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise TokenStoreError(f"another thread held the token's lock for {timeout:g} s")
        try:
            yield
        finally:
            lock.release()
