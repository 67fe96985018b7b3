"""Tokens that live as long as the process, shared by the clients that share the store."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

from amocrm.core.token import Token
from amocrm.errors import TokenStoreError
from amocrm.stores import Key


class MemoryStore:
    """A dictionary with a lock for each token. Thread-safe; a forked child has its own copy."""

    def __init__(self) -> None:
        self._tokens: dict[Key, Token] = {}
        self._savers: dict[Key, int] = {}
        self._locks: dict[Key, threading.Lock] = {}
        self._guard = threading.Lock()

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, where a lock of the parent's may be held for ever."""
        self._locks = {}
        self._guard = threading.Lock()

    def load(self, key: Key) -> Token | None:
        """Return the token of a key; None if there is none."""
        return self._tokens.get(key)

    def save(self, key: Key, token: Token) -> None:
        """Keep a token."""
        self._tokens[key] = token
        self._savers[key] = os.getpid()

    def inherited(self, key: Key) -> bool:
        """Tell whether a token was saved by the process this one was forked from.

        Two processes with a copy each would spend its refresh token twice.
        """
        return self._savers.get(key, os.getpid()) != os.getpid()

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Hold the lock of a key, waiting at most `timeout` seconds for it."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise TokenStoreError(f"another thread held the token's lock for {timeout:g} s")
        try:
            yield
        finally:
            lock.release()
