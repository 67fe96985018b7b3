"""Exchanges an authorization code for a token pair.

The exchange locks the account in the store, and reads the store first: another process with the
same code may have exchanged it already.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from amocrm.auth.grant_flow import GrantFlow, Settle
from amocrm.auth.grant_log import GrantLogEntry
from amocrm.auth.token import Token, fingerprint
from amocrm.auth.token_endpoint import UNPROVEN_PATIENCE, Failed, Grant

Limit: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Opens a context in which one unproven code may be sent."""


class Code:
    """An authorization code that is to be exchanged; immutable.

    No tuple, because error trackers show the items of tuples.

    Attributes:
        text: the code itself.
        state: the state that came back with it and was compared.
        in_doubt: its exchange was begun before, and the result is not known.
        unproven: it came from outside, and anybody may have made it up. Until amoCRM grants it, no
            handler is called, it gets no lock of its own, and no account is locked.
        limit: context in which it is sent, so that strangers cannot send any number of codes.
    """

    __slots__ = ("in_doubt", "limit", "state", "text", "unproven")

    def __init__(
        self,
        text: str,
        state: str | None = None,
        *,
        in_doubt: bool = False,
        unproven: bool = False,
        limit: Limit = nullcontext,
    ) -> None:
        self.text = text
        self.state = state
        self.in_doubt = in_doubt
        self.unproven = unproven
        self.limit = limit

    def __repr__(self) -> str:
        return "<Code>"

    def begun_before(self) -> Code:
        """Return the same code, marked as one whose exchange was begun before."""
        return Code(self.text, self.state, in_doubt=True, unproven=self.unproven, limit=self.limit)


class CodeExchange:
    """Exchanges codes of one account, one at a time."""

    def __init__(self, grant_flow: GrantFlow) -> None:
        self._grant_flow = grant_flow

    def run(self, code: Code, settle: Settle) -> Token:
        """Exchange a code, or use the stored pair if another process has exchanged it.

        Args:
            code: the code.
            settle: gives the new token to the threads that wait, before handlers are called.

        Raises:
            GrantError: amoCRM refused the code.
            TokenStoreError: the store failed; after the grant, the pair is in use from memory.
        """
        flow, cache = self._grant_flow, self._grant_flow.cache
        digest = flow.endpoint.code_digest(code.text, code.state)
        lock = cache.lock_code(digest, UNPROVEN_PATIENCE) if code.unproven else cache.lock()
        with lock:
            record = cache.load_for_code(digest, follow=not code.unproven)
            if record is not None:
                entry = GrantLogEntry("code", "code", "", "adopted", fingerprint(code.text))
                return flow.use_stored(record, entry)
            if not code.unproven:
                flow.announce("connection:beforeFetchToken")
            with code.limit():
                stored = flow.request(lambda: self._send(code), None, code_digest=digest)
            if isinstance(stored, Failed):
                raise stored.error
        flow.notify(stored, settle)
        flow.events.step("connection:connected")
        return stored.grant.token

    def _send(self, code: Code) -> Grant | Failed:
        flow = self._grant_flow
        return flow.endpoint.exchange(
            flow.cache.portal, code.text, in_doubt=code.in_doubt, unproven=code.unproven
        )
