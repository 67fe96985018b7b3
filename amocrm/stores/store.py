"""Where tokens outlive the process.

The rule of the house: persist, then hold, then notify. A rotated pair is saved before anybody
hears of it, and a grant is asked for only under the store's lock, after loading again.

A store keeps text and compares it; what the text means is `amocrm.auth.token_record`'s. Each store
is imported from its own module (`amocrm.stores.file`), so that nobody pays at import for one that
is not used. `amocrm.stores.contract` is the test suite that all of them pass, for one of your own.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

__all__ = ["STRIPES", "Key", "TokenStore", "striped"]

STRIPES: Final = 64
"""How many locks there are for what may have any number of names."""


class Key(NamedTuple):
    """Whose text it is: one integration in one account."""

    client_id: str
    account: str

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that are this key's alone: a name for a file, a row, a lock.

        Keys come from outside; what is made of them must be safe in a path and of one length.
        """
        # JSON keeps the two apart, whatever characters they hold.
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


def striped(key: Key, text: str) -> Key:
    """Return the one of a few keys that a text falls on: whose lock to take instead of its own.

    A lock stays in its place for good, so what strangers may name, or what there are too many of,
    gets none of its own; two that fall on the same key wait for each other.

    Args:
        key: beside which the locks are; nothing else has their names.
        text: such as a host, or a telephone number.
    """
    number = int(Key(key.client_id, text).digest, 16) % STRIPES
    return Key(key.client_id, f"{key.account}/{number}")


class TokenStore(Protocol):
    """What a place for tokens must do. Safe for threads, and for whoever else shares the place.

    A store raises `TokenStoreError` when it cannot; any other exception is wrapped in one.
    """

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        ...

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Put a text in the place of the one that was loaded, so that it survives what comes next.

        Args:
            key: whose text.
            text: about 2 KB of JSON; it has no fixed upper size.
            replaces: the text that is to be there now, None for nothing.

        Returns:
            False if something else is there: then nothing was saved.
        """
        ...

    def lock(self, key: Key, timeout: float) -> AbstractContextManager[object]:
        """Keep others who share the store from asking for a grant meanwhile.

        Saving and loading do not mind the lock, whoever holds it.

        Args:
            key: whose token.
            timeout: seconds after which waiting for the lock ends in `TokenStoreError`.
        """
        ...

    def forget(self, key: Key) -> None:
        """Remove a text; it is no error if there is none."""
        ...

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts that a text of an integration is kept of, in any order."""
        ...


def pointer_key(client_id: str, name: str) -> Key:
    """Return where a pointer is kept: apart from the records, so that no list shows it."""
    return Key(f"see:{client_id}", name)
