"""Where tokens outlive the process.

The rule of the house: persist, then hold, then notify. A rotated pair is saved before anybody
hears of it, and a grant is asked for only under the store's lock, after loading again.

Each store is imported from its own module (`amocrm.stores.file`), so that nobody pays at import for
one that is not used.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from amocrm.core.token import Token

__all__ = ["Key", "TokenStore"]


class Key(NamedTuple):
    """Whose token it is: one integration in one account."""

    client_id: str
    account: str


class TokenStore(Protocol):
    """What a place for tokens must do.

    A store raises `TokenStoreError` when it cannot; any other exception is wrapped in one.
    """

    def load(self, key: Key) -> Token | None:
        """Return the saved token; None if there is none."""
        ...

    def save(self, key: Key, token: Token) -> None:
        """Save a token, so that it survives what happens next."""
        ...

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[object]:
        """Keep others who share the store from asking for a grant meanwhile.

        Args:
            key: whose token.
            timeout: seconds after which waiting for the lock ends in `TokenStoreError`.
        """
        ...
