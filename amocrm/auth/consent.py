"""Consent: the URL where a person agrees, the state that protects it, the wait for the code.

Source: reference 2.2, 2.3.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.redirect.query import RedirectResult, read_redirect
from amocrm.auth.settings import Settings
from amocrm.errors import ConfigurationError, NotAuthorizedError
from amocrm.http.hosts import Portal
from amocrm.http.query import encode

CONSENT_PATH: Final = "/oauth"

MODES: Final = ("popup", "post_message")


def consent_url(portal: Portal, client_id: str, state: str, mode: str) -> str:
    """Return the URL of the page where a person agrees. Source: reference 2.2."""
    if mode not in MODES:
        raise ConfigurationError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    query = encode({"client_id": client_id, "mode": mode, "state": state})
    return f"{portal.consent}{CONSENT_PATH}?{query}"


class Consent:
    """Gets an authorization code from a person, over the redirect server. Thread-safe.

    Attributes:
        fixed_state: the state that the user of the library set; None if each consent gets a random
            one.
    """

    def __init__(self, settings: Settings, portal: Portal, events: ConnectionEvents) -> None:
        self.fixed_state = settings.state
        self._settings = settings
        self._portal = portal
        self._events = events
        self._random_state: str | None = None
        self._deliver: Callable[[RedirectResult], None] | None = None

    @property
    def state(self) -> str:
        """The state that must come back with the redirect."""
        if self.fixed_state is not None:
            return self.fixed_state
        if self._random_state is None:
            self._random_state = secrets.token_urlsafe(24)
        return self._random_state

    def url(self, mode: str) -> str:
        """Return the URL of the page where a person agrees."""
        if self._settings.client_id is None:
            raise ConfigurationError("auth has no client_id, so there is no consent page")
        return consent_url(self._portal, self._settings.client_id, self.state, mode)

    def wait_for_code(self) -> str:
        """Start the redirect server, wait until a person agrees, return the code.

        Raises:
            ConfigurationError: the server cannot listen.
            AuthorizationError: the person refused or agreed for another account, or no redirect
                came before the deadline.
        """
        settings = self._settings.server
        if settings is None:
            raise NotAuthorizedError("auth has no redirect server")
        # Imported here, because werkzeug takes as long to load as `requests` and is seldom needed.
        from amocrm.auth.redirect.server import RedirectListener

        state, account = self.state, self._portal.account
        listener = RedirectListener(settings, lambda query: read_redirect(query, state, account))
        with listener:
            self._deliver = listener.deliver
            try:
                self._events.step("connection:beforeConsent")
                result = listener.wait()
            finally:
                self._deliver = None
                # A random state is used for one consent.
                self._random_state = None
        if result.code is None:
            raise result.error or NotAuthorizedError("the redirect has no code")
        return result.code

    def deliver(self, code: str) -> bool:
        """Pass a code to the thread that waits for a person; False if no thread waits."""
        deliver = self._deliver
        if deliver is not None:
            deliver(RedirectResult(code=code))
        return deliver is not None

    def stop(self) -> None:
        """End the wait, because the client is closed."""
        if (deliver := self._deliver) is not None:
            deliver(
                RedirectResult(
                    error=NotAuthorizedError("the client was closed while it waited for consent")
                )
            )
