"""A person's consent: the address where it is given, the state that guards it, the wait for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from amocrm.auth.redirect.query import Answered, read_redirect
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.oauth_messages import consent_url
from amocrm.auth.settings import Settings
from amocrm.errors import ConfigurationError, NotAuthorizedError
from amocrm.http.hosts import Portal


class Consent:
    """Asks a person for a code, at the redirect server. Thread-safe.

    Attributes:
        fixed_state: the state that was set; None if each consent makes one of its own.
    """

    def __init__(self, settings: Settings, portal: Portal, events: ConnectionEvents) -> None:
        self.fixed_state = settings.state
        self._settings = settings
        self._portal = portal
        self._events = events
        self._made_state: str | None = None
        self._offer: Callable[[Answered], None] | None = None

    @property
    def state(self) -> str:
        """What must come back with the redirect."""
        if self.fixed_state is not None:
            return self.fixed_state
        if self._made_state is None:
            self._made_state = secrets.token_urlsafe(24)
        return self._made_state

    def url(self, mode: str) -> str:
        """Return the address where a person agrees."""
        if self._settings.client_id is None:
            raise ConfigurationError("auth has no client_id, so nobody can be asked to agree")
        return consent_url(self._portal, self._settings.client_id, self.state, mode)

    def ask(self) -> str:
        """Wait at the redirect server for a code that a person agrees to.

        Raises:
            ConfigurationError: the server cannot listen.
            AuthorizationError: the person refused, agreed for another account, or never came.
        """
        settings = self._settings.server
        if settings is None:
            raise NotAuthorizedError("auth has no server to wait for a person at")
        # Late, because werkzeug takes as long to load as `requests` and is seldom needed.
        from amocrm.auth.redirect.server import RedirectListener

        state, account = self.state, self._portal.account
        listener = RedirectListener(settings, lambda query: read_redirect(query, state, account))
        with listener:
            self._offer = listener.deliver
            try:
                self._events.step("connection:beforeConsent")
                answered = listener.wait()
            finally:
                self._offer = None
                # A random state has served; the next consent gets another.
                self._made_state = None
        if answered.code is None:
            raise answered.error or NotAuthorizedError("the redirect brought no code")
        return answered.code

    def take(self, code: str) -> bool:
        """Give a code to whoever waits for a person; False if nobody does."""
        offer = self._offer
        if offer is not None:
            offer(Answered(code=code))
        return offer is not None

    def stop(self) -> None:
        """End a wait, because the client is closed."""
        if (offer := self._offer) is not None:
            offer(Answered(error=NotAuthorizedError("the client was closed while it waited")))
