"""Calls a token store: all its errors become TokenStoreErrors, and no error shows a token.

Texts of records contain tokens. They are passed as `Secret`, and the frames of a store's errors are
dropped, because error trackers send their local variables.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from amocrm._support.frames import drop_frames
from amocrm._support.secret import Secret
from amocrm.errors import TokenStoreError
from amocrm.stores.store import Key, TokenStore

T = TypeVar("T")

_log: Final = logging.getLogger("amocrm.stores")


class GuardedStore:
    """Wraps any store. Its methods raise only TokenStoreError.

    Attributes:
        inner: the wrapped store.
    """

    def __init__(self, store: TokenStore) -> None:
        self.inner = store

    def __repr__(self) -> str:
        return repr(self.inner)

    def load(self, key: Key) -> Secret | None:
        """Return the text of a key; None if there is none."""
        return _ask("load the token", lambda: _hidden(self.inner.load(key)))

    def save(self, key: Key, text: Secret, replaces: Secret | None) -> bool:
        """Put a text in the place of the one that was loaded; False if another is there."""
        return _ask("save the token", lambda: self.inner.save(key, text.reveal(), _shown(replaces)))

    def forget(self, key: Key) -> None:
        """Remove a text."""
        _ask("forget the token", lambda: self.inner.forget(key))

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration, sorted."""
        return _ask("list the accounts", lambda: sorted(self.inner.accounts(client_id)))

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Lock a key for all that share the store."""
        stack = ExitStack()
        _ask("lock", lambda: stack.enter_context(self.inner.lock(key, timeout)))
        try:
            yield
        finally:
            _release(stack)


def _release(stack: ExitStack) -> None:
    """Release a lock. A failure fails no call, because the work under the lock is done."""
    try:
        stack.close()
    except Exception as error:
        _log.warning("a lock of the token store was not released: %s", type(error).__name__)


def _hidden(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _shown(text: Secret | None) -> str | None:
    return None if text is None else text.reveal()


def _ask(what: str, step: Callable[[], T]) -> T:
    try:
        return step()
    except TokenStoreError as error:
        failure = error
    except Exception as error:
        failure = TokenStoreError(
            f"the token store could not {what} ({type(error).__name__})",
            hint="the token in memory stays usable; fix the store before this process ends",
        )
        failure.__cause__ = error
    # Raised here, outside the `except` block, without the store's frames.
    drop_frames(failure)
    raise failure
