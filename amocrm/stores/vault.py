"""One token's place in a store. Whatever a store raises becomes a TokenStoreError here."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm.core.token import Token
from amocrm.errors import TokenStoreError
from amocrm.stores import Key, TokenStore
from amocrm.stores.memory import MemoryStore

LOCK_PATIENCE: Final = 240.0
"""Seconds to wait for others who share the store: longer than the patience of one grant."""


class Vault:
    """Loads, saves and locks the token of one key.

    Args:
        key: whose token.
        store: the user's; None keeps it in the memory of this process.
    """

    def __init__(self, key: Key, store: TokenStore | None) -> None:
        self._key = key
        self._store: TokenStore = store if store is not None else MemoryStore()

    def load(self) -> Token | None:
        """Return the saved token; None if there is none."""
        with _told("load"):
            return self._store.load(self._key)

    def save(self, token: Token) -> None:
        """Save a token."""
        with _told("save"):
            self._store.save(self._key, token)

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Keep others who share the store from asking for a grant meanwhile."""
        with ExitStack() as stack:
            with _told("lock"):
                stack.enter_context(self._store.lock(self._key, LOCK_PATIENCE))
            yield

    @property
    def inherited(self) -> bool:
        """Whether the token is the parent process's, who does not see what becomes of it here."""
        return isinstance(self._store, MemoryStore) and self._store.inherited(self._key)

    def renew_after_fork(self) -> None:
        """Part from the parent process."""
        if isinstance(self._store, MemoryStore):
            self._store.renew_after_fork()


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
