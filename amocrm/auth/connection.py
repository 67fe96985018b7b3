"""The connection as users see it: codes, tokens as plain dicts, the state, the consent URL."""

from __future__ import annotations

import logging
from contextlib import nullcontext

from amocrm._support.frames import frameless
from amocrm.auth.code_exchange import Code, Limit
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.consent import Consent
from amocrm.auth.status import ConnectionStatus
from amocrm.auth.token import Token, is_visible, read_token
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_provider import TokenProvider
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.http.messages import Json
from amocrm.http.transport.transport import Response

_log = logging.getLogger("amocrm")


class Connection:
    """The authorization of one account. Thread-safe.

    Its methods are the seed's; `AmoCRM` makes it, as `crm.connection`.
    """

    def __init__(
        self, provider: TokenProvider, cache: TokenCache, consent: Consent, events: ConnectionEvents
    ) -> None:
        self._provider = provider
        self._cache = cache
        self._consent = consent
        self._events = events

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<Connection to {self._cache.portal.account}, {state}>"

    @property
    def connected(self) -> bool:
        """Whether there is a token in memory that was valid when it was put there."""
        return self._cache.connected

    @property
    def account_id(self) -> int | None:
        """The id of the account, which never passes to another account; None while unknown."""
        return self._cache.account_id

    @property
    def host(self) -> str:
        """The account's host, as far as known; a host can pass to another account."""
        return self._cache.portal.account

    def connect(self) -> bool:
        """Get a token: from the store, by a refresh, for the code, or from a person.

        Returns:
            True: there is a valid token, and calls can be made.

        Raises:
            AuthorizationError: a person has to act; the message says how.
            TransportError, ReplyError: the token endpoint did not answer, or not as expected.
            TokenStoreError: the store failed.
        """
        if not self.connected:
            self._provider.obtain()
        return True

    @frameless
    def set_code(self, code: str, *, state: str | None = None) -> dict[str, Json]:
        """Exchange an authorization code for a token now; the token replaces any other.

        If a process that shares the store has exchanged the code already, its pair is used.

        Args:
            code: works once.
            state: the state that came back with the code and was compared; then the pair of a code
                that was exchanged already is given only to those who have both.

        Returns:
            The token, as `get_token` returns it; empty in a handler of `connection:beforeConsent`,
            after which the code is exchanged.

        Raises:
            GrantError: amoCRM refused the code; it is not sent again.
        """
        if not is_visible(code):
            raise ConfigurationError(
                "the code must be a non-empty string of ASCII characters without spaces"
            )
        if state is not None and not isinstance(state, str):
            raise ConfigurationError("the state must be a string")
        if self._consent.deliver(code):
            # A thread was waiting at the redirect server; it exchanges the code.
            return {} if self._provider.is_obtaining else self._provider.obtain().as_dict()
        return self._provider.exchange(Code(code, state)).as_dict()

    def refresh_token(self) -> dict[str, Json]:
        """Refresh the token pair now, even if the access token is still fresh.

        Returns:
            The token, as `get_token` returns it.

        Raises:
            NotAuthorizedError: there is no refresh token.
            GrantError: amoCRM refused the refresh token.
        """
        return self._provider.refresh().as_dict()

    def get_auth_url(self, mode: str = "popup") -> str:
        """Return the URL where a person agrees; it has the state that must come back.

        Args:
            mode: `popup`: the opener is redirected; `post_message`: the popup itself is redirected.

        Source: reference 2.2.
        """
        return self._consent.url(mode)

    def get_state(self) -> str:
        """Return the state that must come back with the redirect; a random one unless set."""
        return self._consent.state

    def set_state(self, state: str) -> None:
        """Set the state that must come back with the redirect."""
        if not isinstance(state, str) or not state:
            raise ConfigurationError("the state must be a non-empty string")
        self._consent.fixed_state = state

    def get_token(self) -> dict[str, Json] | None:
        """Return the token as a plain dict with `expires_at` (Unix seconds); None without one."""
        token = self._cache.token
        return None if token is None else token.as_dict()

    @frameless
    def set_token(self, token: object) -> None:
        """Use a token that was saved earlier. Sends nothing; an expired token is refreshed later.

        Args:
            token: from `get_token`, `connection:newToken` or amocrm-js.

        Raises:
            ConfigurationError: it is not a token; the token before it stays in use.
        """
        self._cache.set_token(read_token(token))

    def status(self) -> ConnectionStatus:
        """Return whether there is a token, and when it and its refresh token expire.

        Sends nothing. Without a token in memory, the store is read.

        Raises:
            TokenStoreError: the store failed.
        """
        return self._cache.status()

    # For `AmoCRM` and `Integration` --------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether the token is in memory only, because the store failed."""
        return self._cache.unsaved

    def save_again(self) -> bool:
        """Try to save a token that is in memory only; return whether it is saved now."""
        try:
            self._cache.save_again()
        except TokenStoreError as error:
            _log.error("the token is in memory only: %s", error)
        return not self.unsaved

    def is_revoked(self, token: Token) -> bool:
        """Return whether amoCRM has revoked the refresh token of exactly this pair."""
        return self._cache.revocation.is_revoked(token)

    @frameless
    def install(self, code: str, *, state: str | None, limit: Limit = nullcontext) -> None:
        """Exchange a code that came over a public redirect, as `Integration` does.

        As `set_code`, but strangers may send such codes: handlers are called only after amoCRM has
        granted the code.

        Args:
            code: works once.
            state: the state that came back with the code and was compared; None if there was none.
            limit: context in which the code is sent.
        """
        self._provider.exchange(Code(code, state, unproven=True, limit=limit))

    def reload(self) -> None:
        """Use the stored token, because another client of this account was granted it."""
        self._cache.reload()

    def notify_granted(self, response: Response) -> None:
        """Call the handlers for a token that another client of this account was granted.

        Args:
            response: the response with the token.
        """
        self._events.granted(response)
        self._events.step("connection:connected")
