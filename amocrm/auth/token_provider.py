"""Gives each call a valid token, and decides when and how another one is obtained.

A token comes from memory, from the store, from a refresh, from a code, or from a person who agrees.
One token request serves all threads: the first one sends it, and the others wait for its result.
"""

from __future__ import annotations

import logging
from typing import Final

from amocrm._support.clock import read_http_date
from amocrm._support.forks import ForkLock
from amocrm._support.single_flight import SingleFlight
from amocrm.auth.code_exchange import Code, CodeExchange
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.consent import Consent
from amocrm.auth.grant_flow import GrantFlow, Settle
from amocrm.auth.settings import REDIRECT_DEADLINE, Settings
from amocrm.auth.token import Freshness, Token
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import AFTER_401, UNPROVEN_PATIENCE, Reason
from amocrm.auth.token_refresh import TokenRefresh
from amocrm.auth.token_repository import LOCK_PATIENCE
from amocrm.errors import (
    AuthorizationError,
    BusyError,
    ConfigurationError,
    GrantError,
    ReplyError,
    TokenStoreError,
    TransportError,
)
from amocrm.http.authorizer import Credential

_TEMPORARY: Final = (TransportError, ReplyError, TokenStoreError, BusyError)
"""Failures of a refresh that may be over in a moment."""

_STOPS_NO_CALL: Final = (*_TEMPORARY, AuthorizationError)
"""Failures of a refresh that stop no call while its access token still works."""

_log = logging.getLogger("amocrm")


class TokenProvider:
    """Gives valid tokens to calls. Thread-safe, and quick while the token is fresh."""

    def __init__(
        self,
        settings: Settings,
        grant_flow: GrantFlow,
        cache: TokenCache,
        consent: Consent,
        events: ConnectionEvents,
    ) -> None:
        self._settings = settings
        self._grant_flow = grant_flow
        self._code_exchange = CodeExchange(grant_flow)
        self._token_refresh = TokenRefresh(grant_flow)
        self._cache = cache
        self._consent = consent
        self._events = events
        self._code = None if settings.code is None else Code(settings.code)
        self._sent_code: Code | None = None
        self._saving = ForkLock()
        patience = settings.server.timeout if settings.server else REDIRECT_DEADLINE
        self._single_flight: SingleFlight[Token] = SingleFlight(patience + LOCK_PATIENCE)

    # For calls: `http.authorizer.Authorizer` -----------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._cache.portal.origin

    @property
    def renewable(self) -> bool:
        """Whether a refresh or the store may give another token after a 401."""
        return self._cache.replaceable

    def at(self, address: object) -> str | None:
        """Return the origin of an address of the Files service; None if it must not get the token.

        The address comes from the server; see `Portal.drive`.
        """
        return self._cache.portal.drive(address)

    def token(self) -> Token:
        """Return a token that is valid for the next call; obtain or refresh it if necessary."""
        cache = self._cache
        token = cache.token
        if not cache.connected or token is None:
            return self.obtain()
        self._events.check()
        if cache.unsaved:
            self._save_again()
        token = cache.token or token
        freshness = cache.freshness(token)
        if freshness is Freshness.FRESH:
            return token
        if freshness is Freshness.EXPIRED:
            return self._refresh(token, Reason("expired")) if cache.renewable else self.obtain()
        if self.is_obtaining or not cache.cooldowns.may_refresh or not cache.renewable:
            return token
        return self._refresh_early(token, freshness)

    def refresh_after_401(self, rejected: Credential, date: str | None = None) -> Token | str:
        """Return another token than the one that was answered 401, or the reason why there is none.

        The pair is refreshed, unless that was tried a moment ago, or the pair itself was granted
        after a 401. A token that another process stored is always used.

        Args:
            rejected: the token that was answered 401.
            date: the response's `Date` header.
        """
        if not isinstance(rejected, Token):
            raise TypeError("the token must come from token()")
        cache = self._cache
        cooldowns = cache.cooldowns
        failure = cooldowns.why_not_refresh_after_401(rejected, _age(rejected, date))
        if failure is not None and cache.can_refresh(rejected):
            return cache.find_other(rejected) or failure
        if not cache.can_refresh(rejected):
            other = cache.find_other(rejected)
            if other is None:
                cache.discard(rejected)
                raise cache.not_authorized(rejected)
            return other
        try:
            return self._refresh(rejected, Reason(AFTER_401))
        except (GrantError, *_TEMPORARY) as error:
            if cache.token not in (rejected, None):
                raise  # It was replaced: the error is the store's, about the new token.
            failure = f"the token could not be refreshed: {error}"
            cooldowns.note_refresh_after_401(rejected, failure)
            # A refused or expired token ends all calls, so this error is the one to report.
            if isinstance(error, GrantError) or cache.freshness(rejected) is Freshness.EXPIRED:
                raise
            _log.warning("after a call was answered 401, %s", failure)
            return failure

    # For the connection --------------------------------------------------------------------------

    @property
    def is_obtaining(self) -> bool:
        """Whether this thread is obtaining a token right now: a handler has called the client."""
        return self._single_flight.inside

    def obtain(self) -> Token:
        """Get a token from memory, the store, a refresh, the code, or a person, in this order."""
        return self._single_flight.run(self._connect, topic="obtain")

    def exchange(self, code: Code) -> Token:
        """Exchange a code that was just given; its token replaces any other.

        For an unproven code, handlers are called only after amoCRM has granted it.
        """
        if self._single_flight.inside and not self._grant_flow.announcing:
            # A handler of a refused refresh sets another code.
            return self._exchange(code, lambda _: None)

        def work(settle: Settle) -> Token:
            if not self._cache.connected and not code.unproven:
                self._events.step("connection:beforeConnect")
            return self._exchange(code, settle)

        patience = UNPROVEN_PATIENCE if code.unproven else None
        return self._single_flight.run(work, own=True, patience=patience)

    def refresh(self) -> Token:
        """Refresh the token now, however fresh it is."""
        token = self._cache.load()
        if token is None:
            raise self._cache.not_authorized(None)
        return self._single_flight.run(
            lambda settle: self._token_refresh.run(token, settle, Reason("asked")),
            topic=(token, False),
        )

    # How it is obtained --------------------------------------------------------------------------

    def _refresh(self, used: Token, reason: Reason) -> Token:
        """Return another token than the used one; one request serves all threads."""

        def work(settle: Settle) -> Token:
            current = self._cache.token
            if current is not None and current != used:
                return current
            return self._token_refresh.run(used, settle, reason)

        # A failure of a single request is not shared with threads that would send it again.
        return self._single_flight.run(
            work, topic=(used, reason.once), serves=lambda token: token != used
        )

    def _refresh_early(self, token: Token, freshness: Freshness) -> Token:
        """Refresh a token that still works; if that fails, calls go on with it.

        While it is stale, one thread refreshes it and the others do not wait; when it is due, all
        threads wait.
        """
        is_stale = freshness is Freshness.STALE
        if is_stale and self._single_flight.busy:
            return token
        try:
            return self._refresh(token, Reason(freshness.value, once=is_stale))
        except _STOPS_NO_CALL as error:
            if self._cache.token != token:
                # It was replaced, and the error is the store's, about the new token; or amoCRM has
                # refused the access token as well.
                raise
            self._cache.cooldowns.postpone_refresh()
            _log.warning("the token could not be refreshed early, and still works: %s", error)
            return token

    def _save_again(self) -> None:
        """Try to save a pair that could not be saved; calls go on in any case.

        One thread tries at a time, and none during the cooldown after a failure, so a store that
        hangs does not stop the other threads.
        """
        if self._saving.acquire(blocking=False):
            try:
                if self._cache.cooldowns.may_save:
                    self._cache.save_again()
            except TokenStoreError as error:
                self._cache.cooldowns.postpone_saving()
                _log.warning("the token is still in memory only: %s", error)
            finally:
                self._saving.release()

    def _connect(self, settle: Settle) -> Token:
        """Try the token in memory or in the store, then the code, then a person."""
        cache = self._cache
        token = cache.load()
        if token is not None and cache.freshness(token) is not Freshness.EXPIRED:
            return cache.reuse(token)
        before = cache.token
        self._events.step("connection:beforeConnect")
        if cache.token is not None and cache.token is not before:
            token = cache.token  # A handler has set a saved token, or a code.
            if cache.connected:
                return token
        new_code = self._code is not None and self._code.text != self._settings.code
        if token is not None and cache.can_refresh(token) and not new_code:
            try:
                return self._token_refresh.run(token, settle, Reason("expired"))
            except GrantError:
                if cache.connected and cache.token is not None:
                    return cache.token  # A handler of the refusal has set a token.
                if self._code is None and self._settings.server is None:
                    raise
        if self._code is not None:
            return self._exchange(self._code, settle)
        if self._settings.server is not None:
            return self._exchange(Code(self._consent.wait_for_code()), settle)
        raise cache.not_authorized(token)

    def _exchange(self, code: Code, settle: Settle) -> Token:
        """Exchange a code; without a response it is tried again later, unless it is unproven."""
        before, self._sent_code = self._sent_code, code
        if before is not None and before.text == code.text:
            code = code.begun_before()
        if not code.unproven:
            self._code = code

        def settled(token: Token) -> None:
            self._code = None
            settle(token)

        try:
            granted = self._code_exchange.run(code, settled)
        except ConfigurationError:
            self._code = None  # It was used, for a token of another account.
            raise
        except GrantError as error:
            if not code.unproven:
                # A code works once: a refused one is never sent again.
                self._code = None
                self._events.refused(error)
            raise
        self._code = None
        return granted


def _age(token: Token, date: str | None) -> float | None:
    """Return the seconds between a grant and a response, by amoCRM's clock; None if unknown."""
    now = read_http_date(date)
    return None if now is None or token.issued_at is None else now - token.issued_at
