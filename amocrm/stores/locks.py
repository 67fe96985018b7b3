"""Locks of one process, one per key; and a fixed number of locks on a store, for any text.

The text may be a person's phone number, and there may be millions of them: neither the text nor a
row for it is left in the store. A digest of the text selects one of the locks; two texts with the
same lock wait for each other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm.errors import TokenStoreError
from amocrm.stores.store import Key, TokenStore, striped


class ThreadLocks:
    """A lock for each key. A store that is shared by processes takes this one before its own.

    A forked child has locks of its own, because no thread of it would release the parent's.
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
            raise TokenStoreError(f"another thread held the token's lock for {timeout:g} s")
        try:
            yield
        finally:
            lock.release()


PATIENCE: Final = 120.0
"""Seconds to wait for others: longer than a search and a creation of theirs."""


class Stripes:
    """Locks of one account, shared by all who share the store.

    Args:
        store: where locks are.
        client_id: of the integration; empty for a long-lived token.
        account: the account's host.
    """

    def __init__(self, store: TokenStore, client_id: str, account: str) -> None:
        self._store = store
        self._key = Key(f"lock:{client_id}", account)

    @contextmanager
    def __call__(self, *texts: str) -> Generator[None, None, None]:
        """Hold the locks of some texts while the block runs.

        Raises:
            TokenStoreError: others held one for too long, or the store failed.
        """
        with ExitStack() as held:
            # Always in the same order, so that no two wait for each other for ever.
            for key in sorted({striped(self._key, text) for text in texts}):
                try:
                    held.enter_context(self._store.lock(key, PATIENCE))
                except TokenStoreError:
                    raise
                except Exception as error:  # of a store of the user's own
                    raise TokenStoreError(
                        f"the token store could not lock ({type(error).__name__})"
                    ) from error
            yield
