"""Locks of stores: between threads, lock files, and a fixed number of locks for any text.

Such a text may be a person's phone number, and there may be millions of them: so neither the text
nor a row for it remains in the store. A digest of the text selects one of the locks; two texts with
the same lock wait for each other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm._support.file_lock import FileLock
from amocrm.errors import TokenStoreError
from amocrm.stores.guarded import GuardedStore
from amocrm.stores.store import Key, TokenStore, striped


class ThreadLocks:
    """A lock for each key. A store that processes share acquires it before its lock between them.

    A forked child uses other locks, because none of its threads would release the parent's.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[int, Key], threading.Lock] = {}  # by process id and key

    @contextmanager
    def hold(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Hold the lock of a key.

        Raises:
            TokenStoreError: another thread held it for `timeout` seconds.
        """
        lock = self._locks.setdefault((os.getpid(), key), threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise held_too_long("the token's lock", timeout)
        try:
            yield
        finally:
            lock.release()


@contextmanager
def hold_file(lock: FileLock, timeout: float) -> Generator[None, None, None]:
    """Hold a lock file of a store.

    Raises:
        TokenStoreError: others held it for `timeout` seconds, or it cannot be opened or locked.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(lock.hold(timeout))
        except TimeoutError:
            raise held_too_long(f"the lock {lock.path}", timeout) from None
        except OSError as error:
            raise TokenStoreError(
                f"the lock {lock.path} cannot be opened or locked: {error.strerror}",
                hint=getattr(error, "hint", None),
            ) from error
        yield


def held_too_long(lock: str, timeout: float) -> TokenStoreError:
    """Return the error for a lock that was not free in time."""
    return TokenStoreError(
        f"another thread or process held {lock} for {timeout:g} s",
        hint="it is getting a token, or it hangs",
    )


PATIENCE: Final = 120.0
"""Seconds to wait for a lock: longer than a search and a creation take."""


class Stripes:
    """Locks of one account, for all that share the store.

    Args:
        store: provides the locks.
        client_id: of the integration; empty for a long-lived token.
        account: the account's host.
    """

    def __init__(self, store: TokenStore, client_id: str, account: str) -> None:
        self._store = GuardedStore(store)
        self._key = Key(f"lock:{client_id}", account)

    @contextmanager
    def __call__(self, *texts: str) -> Generator[None, None, None]:
        """Hold the locks of some texts while the block runs.

        Raises:
            TokenStoreError: a lock was not free in time, or the store failed.
        """
        with ExitStack() as stack:
            # Always in the same order, to avoid deadlocks.
            for key in sorted({striped(self._key, text) for text in texts}):
                stack.enter_context(self._store.lock(key, PATIENCE))
            yield
