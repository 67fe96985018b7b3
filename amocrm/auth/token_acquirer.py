"""How a token is replaced: from the store, by its refresh token, by a code, by a person.

One grant for all: threads that need a token wait for the one that asks.
"""

from __future__ import annotations

from amocrm._support.single_flight import SingleFlight
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.consent import Consent
from amocrm.auth.grant_flow import Code, GrantFlow, Settle
from amocrm.auth.settings import REDIRECT_DEADLINE, Settings
from amocrm.auth.token import Freshness, Token
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import UNPROVEN_PATIENCE, Reason
from amocrm.auth.token_repository import LOCK_PATIENCE
from amocrm.errors import ConfigurationError, GrantError


class TokenAcquirer:
    """Gets another token when it is asked to. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        grant_flow: GrantFlow,
        cache: TokenCache,
        consent: Consent,
        events: ConnectionEvents,
    ) -> None:
        self._settings = settings
        self._code = None if settings.code is None else Code(settings.code)
        self._begun: Code | None = None
        self._grant_flow = grant_flow
        self._cache = cache
        self._consent = consent
        self._events = events
        patience = settings.server.timeout if settings.server else REDIRECT_DEADLINE
        self._single_flight: SingleFlight[Token] = SingleFlight(patience + LOCK_PATIENCE)

    # What is asked for, one thread at a time -----------------------------------------------------

    def obtain(self) -> Token:
        """Get a token by whatever is at hand."""
        return self._single_flight.run(self._connect, topic="obtain")

    def exchange(self, code: Code) -> Token:
        """Exchange a code that was just given; it wins over whatever is held.

        Of an unproven one the handlers hear nothing until it is granted, and nothing is kept.
        """
        if self._single_flight.inside and not self._grant_flow.announcing:
            # A handler that was told of a refusal has found a code.
            return self._exchange(code, lambda _: None)

        def work(settle: Settle) -> Token:
            if not self._cache.connected and not code.unproven:
                self._events.step("connection:beforeConnect")
            return self._exchange(code, settle)

        patience = UNPROVEN_PATIENCE if code.unproven else None
        return self._single_flight.run(work, own=True, patience=patience)

    def refresh(self) -> Token:
        """Spend the refresh token, however fresh the token is."""
        token = self._cache.load()
        if token is None:
            raise self._cache.not_authorized(None)
        return self._single_flight.run(
            lambda settle: self._grant_flow.refresh(token, settle, Reason("asked")),
            topic=(token, False),
        )

    def renew(self, spent: Token, reason: Reason) -> Token:
        """Return another token than the spent one; asked for once, for all who need it."""

        def work(settle: Settle) -> Token:
            held = self._cache.token
            if held is not None and held != spent:
                return held
            return self._grant_flow.refresh(spent, settle, reason)

        # A try that gives up at once says nothing to those who would go on trying.
        return self._single_flight.run(
            work, topic=(spent, reason.once), serves=lambda token: token != spent
        )

    @property
    def inside(self) -> bool:
        """Whether this thread is getting a token right now: a handler has called back."""
        return self._single_flight.inside

    @property
    def busy(self) -> bool:
        """Whether some thread is getting a token right now."""
        return self._single_flight.busy

    # How it is got -------------------------------------------------------------------------------

    def _connect(self, settle: Settle) -> Token:
        """Try what is held or stored, then the code, then a person."""
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
        if token is not None and cache.spendable(token) and not new_code:
            try:
                return self._grant_flow.refresh(token, settle, Reason("expired"))
            except GrantError:
                if cache.connected and cache.token is not None:
                    return cache.token  # A handler that was told of the refusal has helped.
                if self._code is None and self._settings.server is None:
                    raise
        if self._code is not None:
            return self._exchange(self._code, settle)
        if self._settings.server is not None:
            return self._exchange(Code(self._consent.ask()), settle)
        raise cache.not_authorized(token)

    def _exchange(self, code: Code, settle: Settle) -> Token:
        """Spend a code; one without an answer is kept for the next time, unless it is unproven."""
        before, self._begun = self._begun, code
        if before is not None and before.text == code.text:
            code = code.begun_again()
        if not code.unproven:
            self._code = code

        def settled(token: Token) -> None:
            self._code = None
            settle(token)

        try:
            given = self._grant_flow.exchange(code, settled)
        except ConfigurationError:
            self._code = None  # It is spent: for a token of another account.
            raise
        except GrantError as error:
            if not code.unproven:
                # A code works once: a refused one is never sent again.
                self._code = None
                self._events.refused(error)
            raise
        self._code = None
        return given
