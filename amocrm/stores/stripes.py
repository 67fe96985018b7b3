"""Locks by any text, on whatever keeps the tokens: a fixed number of them, whatever is locked.

A text may be a person's phone, and there may be millions: neither its name nor a row of its own is
left in the store. What is locked is the stripe that a digest of it falls into; two texts that fall
into the same one wait for each other, which costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm.errors import TokenStoreError
from amocrm.stores import Key, TokenStore, striped

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
