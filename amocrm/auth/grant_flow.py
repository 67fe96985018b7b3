"""How one secret, a code or a refresh token, is spent for a pair. Nothing else spends one.

Under the store's lock, after looking what others have done; persist, then hold, then notify: a
token is safe before anybody hears of it, so a handler that raises loses nothing. A lost answer is
no refusal: the pair is kept unless the endpoint refused it in so many words.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, TypeAlias

from amocrm._support.shield import shielded
from amocrm.auth.connection_events import ConnectionEvents, Step
from amocrm.auth.grant_log import GrantLogEntry, name, write
from amocrm.auth.token import Freshness, Token
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import (
    AFTER_401,
    UNPROVEN_PATIENCE,
    Failed,
    Grant,
    Reason,
    TokenEndpoint,
)
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import LOCK_PATIENCE
from amocrm.errors import GrantError, TokenStoreError
from amocrm.http.transport.transport import Response

Settle: TypeAlias = Callable[[Token], None]
Share: TypeAlias = Callable[[], AbstractContextManager[object]]


class Code:
    """An authorization code that is to be exchanged; a value that nobody changes.

    No tuple: error trackers take those apart.

    Attributes:
        text: the code itself.
        state: what came back with it, and was compared.
        begun: its exchange was begun before, and nobody knows how that ended.
        unproven: it came from outside, and whose it is shows only when it is granted: until then
            no handler hears of it, no lock is made for it, and no account's lock is held for it.
        share: what is held while it is sent, so that strangers cannot send as much as they like.
    """

    __slots__ = ("begun", "share", "state", "text", "unproven")

    def __init__(
        self,
        text: str,
        state: str | None = None,
        *,
        begun: bool = False,
        unproven: bool = False,
        share: Share = nullcontext,
    ) -> None:
        self.text = text
        self.state = state
        self.begun = begun
        self.unproven = unproven
        self.share = share

    def __repr__(self) -> str:
        return "<Code>"

    def begun_again(self) -> Code:
        """Return the same code, whose exchange was begun before."""
        return Code(self.text, self.state, begun=True, unproven=self.unproven, share=self.share)


class _Got(NamedTuple):
    """A grant that was kept, what the store had against it, and whether it came from a new host."""

    grant: Grant
    failure: TokenStoreError | None
    moved: bool


class GrantFlow:
    """Spends secrets, one at a time.

    Attributes:
        announcing: a handler is being told that a grant is about to be asked for.
    """

    def __init__(
        self, endpoint: TokenEndpoint, cache: TokenCache, events: ConnectionEvents
    ) -> None:
        self.announcing = False
        self._is_news = True
        self._endpoint = endpoint
        self._cache = cache
        self._events = events

    def exchange(self, code: Code, settle: Settle) -> Token:
        """Spend a code, unless somebody who shares the store has."""
        cache = self._cache
        mark = self._endpoint.mark(code.text, code.state)
        lock = cache.lock_code(mark, UNPROVEN_PATIENCE) if code.unproven else cache.lock()
        with lock:
            record = cache.exchanged(mark, follow=not code.unproven)
            if record is not None:
                note = GrantLogEntry("code", "code", "", "adopted", name(code.text))
                return self._adopt(record, note)
            if not code.unproven:
                self._announce("connection:beforeFetchToken")
            with code.share():
                got = self._ask(lambda: self._exchange(code), None, mark=mark)
            if isinstance(got, Failed):
                raise got.error
        self._tell(got, settle)
        self._events.step("connection:connected")
        return got.grant.token

    def _exchange(self, code: Code) -> Grant | Failed:
        return self._endpoint.exchange(
            self._cache.portal, code.text, begun=code.begun, unproven=code.unproven
        )

    def refresh(self, spent: Token, settle: Settle, reason: Reason) -> Token:
        """Spend a refresh token, unless somebody who shares the store has."""
        cache = self._cache
        if not cache.spendable(spent):
            # A new consent may have been given elsewhere.
            other = cache.other_than(spent)
            if other is None:
                raise cache.not_authorized(spent)
            return other
        self._is_news = True
        try:
            with cache.lock(0.0 if reason.once else LOCK_PATIENCE):
                got = self._replace(spent, reason)
        except GrantError as error:
            # Calls go on with a token that works, and try again: the handlers are told once.
            if self._is_news or not reason.in_time:
                self._events.refused(error)
            raise
        if isinstance(got, Token):
            return got
        self._tell(got, settle)
        return cache.token or got.grant.token

    def _replace(self, spent: Token, reason: Reason) -> Token | _Got:
        """Find a token that somebody else has brought, or ask for one."""
        cache, note = self._cache, GrantLogEntry("refresh", reason.why, "", "adopted")
        note = note._replace(spent=name(spent.refresh_token))
        stored = cache.stored()
        record = cache.newest(spent, stored)
        newer = record.token.refresh_token != spent.refresh_token
        if newer and cache.freshness(record.token) is not Freshness.EXPIRED:
            return self._adopt(record, note)
        cache.check_spendable(record.token)
        changes = cache.changes
        self._announce("connection:beforeRefreshToken")
        if cache.changes != changes and cache.token is not None:
            return cache.token  # A handler has set another token.
        begun = cache.begin(record)
        if begun.token.refresh_token != record.token.refresh_token:
            return self._adopt(begun, note)
        asked = reason._replace(begun=record.asked_at is not None)
        return self._spend(begun, asked, note, kept=stored is not None)

    def _spend(
        self, begun: Record, reason: Reason, note: GrantLogEntry, *, kept: bool
    ) -> Token | _Got:
        """Ask for the successor of a pair, and note how that ended.

        Args:
            begun: the pair, as it is stored now.
            reason: why its successor is needed.
            note: for the log, if another pair has taken its place meanwhile.
            kept: the pair was in the store already.
        """
        cache, spent = self._cache, begun.token

        def ask() -> Grant | Failed:
            return self._endpoint.refresh(cache.portal, spent, reason)

        got = self._ask(ask, begun, granted_after_401=reason.why == AFTER_401)
        if not isinstance(got, Failed):
            return got
        if not got.in_doubt:
            # It has ended; the next one must not take it for one that got lost.
            cache.end(begun, dead=not kept and isinstance(got.error, GrantError))
        if isinstance(got.error, GrantError):
            other = cache.replaced(spent)
            if other is not None:
                return self._adopt(other, note)
            self._is_news = cache.mark_revoked(spent, got.error)
        raise got.error

    def _adopt(self, stored: Record, note: GrantLogEntry) -> Token:
        """Take what somebody who shares the store was granted."""
        token = self._cache.adopt(stored)
        write(note._replace(account=stored.host, granted=name(token.refresh_token)))
        return token

    def _ask(
        self,
        ask: Callable[[], Grant | Failed],
        spent: Record | None,
        *,
        mark: str | None = None,
        granted_after_401: bool = False,
    ) -> _Got | Failed:
        """Ask for a grant and keep it, unless another token is given meanwhile: that one wins.

        Neither Ctrl-C nor a signal comes between the answer and its keeping.
        """
        cache, changes = self._cache, self._cache.changes
        host = cache.portal.account

        def keep(grant: Grant | Failed) -> _Got | Failed:
            if isinstance(grant, Failed):
                return grant
            held = cache.token
            other = held is None or spent is None or held.refresh_token != spent.token.refresh_token
            if cache.changes != changes and other:
                return _Got(grant, None, False)
            failure = cache.keep(
                grant.token,
                grant.portal,
                spent,
                mark,
                account_id=grant.account_id,
                granted_after_401=granted_after_401,
            )
            return _Got(grant, failure, grant.portal.account != host)

        return shielded(ask, keep)

    # What is told of it --------------------------------------------------------------------------

    def _tell(self, got: _Got, settle: Settle) -> None:
        """Notify: whoever waits for the token first, then the handlers."""
        settle(got.grant.token)
        self._endpoint.tell(got.grant)
        self._events.granted(Response(got.grant.token.as_dict(), got.grant.info))
        if got.moved:
            self._events.moved(got.grant.portal.account)
        if got.failure is not None:
            raise got.failure

    def _announce(self, event: Step) -> None:
        """Tell that a grant is about to be asked for; under the lock, so no code may be set."""
        self.announcing = True
        try:
            self._events.step(event)
        finally:
            self.announcing = False
