"""The authorisation as users see it: codes, tokens as plain dicts, state, the consent address."""

from __future__ import annotations

import logging
from contextlib import nullcontext

from amocrm._support.frames import frameless
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.consent import Consent
from amocrm.auth.grant_flow import Code, Share
from amocrm.auth.status import ConnectionStatus
from amocrm.auth.token import Token, is_visible, read_token
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_provider import TokenProvider
from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.http.messages import Json
from amocrm.http.transport.transport import Response

_log = logging.getLogger("amocrm")


class Connection:
    """The authorisation of one account. Thread-safe.

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
        """Whether a token is held that was good when it came."""
        return self._cache.connected

    @property
    def account_id(self) -> int | None:
        """The account's id, which no other account ever bears; None while nobody knows it."""
        return self._cache.account_id

    @property
    def host(self) -> str:
        """Where the account answers, as far as is known; names can pass to other accounts."""
        return self._cache.portal.account

    def is_dead(self, token: Token) -> bool:
        """Tell whether amoCRM has refused the refresh token of this very pair for good."""
        return self._cache.is_dead(token)

    @property
    def unsaved(self) -> bool:
        """Whether the pair is in memory only, because the store failed."""
        return self._cache.unsaved

    def save_again(self) -> bool:
        """Try to save a pair that is in memory only; tell whether it is saved now."""
        try:
            self._cache.save_again()
        except TokenStoreError as error:
            _log.error("the token is in memory only: %s", error)
        return not self.unsaved

    def connect(self) -> bool:
        """Get a token by whatever is at hand: the stored one, its renewal, the code, a person.

        Returns:
            True; the token is held, and calls can go on.

        Raises:
            AuthorizationError: a person has to act; the message says how.
            TransportError, ReplyError: the token endpoint could not be asked.
        """
        if not self.connected:
            self._provider.obtain()
        return True

    @frameless
    def set_code(self, code: str, *, state: str | None = None) -> dict[str, Json]:
        """Exchange an authorization code for a token, now; it replaces whatever was held.

        A code that was exchanged already, by somebody who shares the store, leads to its pair.

        Args:
            code: it works once.
            state: what came back with it, and was compared; then only whoever has both is given
                the pair of a code that was exchanged already.

        Returns:
            The token, as `get_token` gives it; empty in a handler of `connection:beforeConsent`,
            after which it will be asked for.

        Raises:
            GrantError: the code was refused; it is forgotten, for a code works once.
        """
        if not is_visible(code):
            raise ConfigurationError(
                "the code must be a string of ASCII characters without spaces, not an empty one"
            )
        if self._consent.take(code):
            # Somebody waited at the redirect server, and this is what they waited for.
            return {} if self._provider.is_obtaining else self._provider.obtain().as_dict()
        return self._provider.exchange(Code(code, state)).as_dict()

    @frameless
    def install(self, code: str, *, state: str | None, share: Share = nullcontext) -> None:
        """Exchange a code that came over a public redirect, as `Integration` does.

        As `set_code`, but strangers may bring such codes: until one is granted, the handlers of
        events hear nothing of it.

        Args:
            code: it works once.
            state: what came back with it, and was compared; None if nothing did.
            share: what is held while it is sent.
        """
        self._provider.exchange(Code(code, state, unproven=True, share=share))

    def take_over(self) -> None:
        """Go on with what is stored: another client of this account has been granted a token."""
        self._cache.take_over()

    def tell_granted(self, granted: Response) -> None:
        """Tell the handlers of a token that another client of this account has been granted.

        Args:
            granted: the answer that brought it.
        """
        self._events.granted(granted)
        self._events.step("connection:connected")

    def refresh_token(self) -> dict[str, Json]:
        """Spend the refresh token for a new pair, now, however fresh the old one is.

        Returns:
            The token, as `get_token` gives it.

        Raises:
            NotAuthorizedError: there is nothing to refresh.
            GrantError: the refresh token was refused.
        """
        return self._provider.refresh().as_dict()

    def get_auth_url(self, mode: str = "popup") -> str:
        """Return the address where a person agrees; it carries the state that must come back.

        Args:
            mode: `popup`: the redirect happens in the opener; `post_message`: inside the popup.

        Source: reference 2.2.
        """
        return self._consent.url(mode)

    def get_state(self) -> str:
        """Return the value that must come back with the redirect; a random one unless set."""
        return self._consent.state

    def set_state(self, state: str) -> None:
        """Set the value that must come back with the redirect."""
        if not isinstance(state, str) or not state:
            raise ConfigurationError("the state must be a string that is not empty")
        self._consent.fixed_state = state

    def get_token(self) -> dict[str, Json] | None:
        """Return the token as a plain dict with `expires_at` (Unix seconds); None without one."""
        token = self._cache.token
        return None if token is None else token.as_dict()

    def status(self) -> ConnectionStatus:
        """Tell what is held or stored, until when, and when the refresh token dies.

        Sends nothing. Where nothing is held yet, the store is looked into.

        Raises:
            TokenStoreError: the store failed.
        """
        return self._cache.status()

    @frameless
    def set_token(self, token: object) -> None:
        """Take a token that was saved earlier. Sends nothing; an expired one is renewed in time.

        Args:
            token: what `get_token` or `connection:newToken` gave, or amocrm-js saved.

        Raises:
            ConfigurationError: it is not a token; what was held before stays.
        """
        self._cache.take(read_token(token))
