"""The protocol of token stores.

New tokens are stored first, then used, then reported to handlers. A new token is requested only
under the store's lock, after loading again.

A store saves and compares texts; `amocrm.auth.token_record` defines their content. Each store has a
separate module, such as `amocrm.stores.file`, so that only the used one is imported.
`amocrm.stores.contract` contains the tests that all stores pass, also for a store of yours.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

__all__ = ["STRIPES", "Key", "TokenStore", "striped"]

STRIPES: Final = 64
"""The number of locks that are shared by any number of texts."""


class Key(NamedTuple):
    """The key of a text: an integration and an account."""

    client_id: str
    account: str

    @property
    def digest(self) -> str:
        """64 hexadecimal digits, unique to this key: the name of a file, a row, a lock.

        Keys come from outside; a digest is safe in a path and has a fixed length.
        """
        # JSON separates the two, whatever characters they contain.
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


def striped(key: Key, text: str) -> Key:
    """Return the key of the shared lock of a text (lock striping).

    Locks are never removed from a store. So texts that strangers choose, or that are too many,
    share a fixed number of locks; two texts with the same lock wait for each other.

    Args:
        key: the locks' keys begin like it.
        text: such as a host or a phone number.
    """
    number = int(Key(key.client_id, text).digest, 16) % STRIPES
    return Key(key.client_id, f"{key.account}/{number}")


class TokenStore(Protocol):
    """A store of tokens. Thread-safe, and safe for all processes that share it.

    A store raises `TokenStoreError`; any other exception is wrapped in one.
    """

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        ...

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Replace the loaded text by a new one, durably.

        Args:
            key: of the text.
            text: about 2 KB of JSON, without a fixed limit.
            replaces: the text that the store must contain now; None for no text.

        Returns:
            False if the store contains another text: then nothing was saved.
        """
        ...

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[object]:
        """Lock a key for all that share the store, so that only one requests a new token.

        `save` and `load` work without the lock.

        Args:
            key: of the token.
            timeout: seconds to wait for the lock; then `TokenStoreError` is raised.
        """
        ...

    def forget(self, key: Key) -> None:
        """Remove a text; it is no error if there is none."""
        ...

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts for which an integration has a text, in any order."""
        ...


def pointer_key(client_id: str, name: str) -> Key:
    """Return the key of a pointer: its client id differs, so that `accounts` does not list it."""
    return Key(f"see:{client_id}", name)
