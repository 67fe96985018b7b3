"""The authorisation as users see it: codes, tokens as plain dicts, state, the consent address."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable

from amocrm.clock import Clock
from amocrm.core.host import Portal
from amocrm.core.oauth import Answered, consent_url, read_redirect
from amocrm.core.settings import Settings
from amocrm.core.token import Freshness, Token, read_token
from amocrm.core.wire import Json
from amocrm.emitter import Emitter
from amocrm.errors import ConfigurationError, NotAuthorizedError, TokenStoreError
from amocrm.grants import Grants
from amocrm.holding import Holding
from amocrm.keeper import Keeper
from amocrm.stores.vault import Vault

_log = logging.getLogger("amocrm")


class Connection:
    """The authorisation of one account. Thread-safe.

    Its public methods are the seed's; `AmoCRM` makes it, as `crm.connection`.
    """

    def __init__(
        self,
        settings: Settings,
        portal: Portal,
        grants: Grants,
        vault: Vault,
        emitter: Emitter,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._emitter = emitter
        self._holding = Holding(settings, vault, clock)
        self._keeper = Keeper(settings, portal, grants, self._holding, emitter, self)
        self._fixed_state = settings.state
        self._state = settings.state
        self._offer: Callable[[Answered], None] | None = None
        self._checking = threading.local()

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<Connection to {self._keeper.portal.account}, {state}>"

    @property
    def connected(self) -> bool:
        """Whether a token is held that was good when it came."""
        return self._holding.connected

    def connect(self) -> bool:
        """Get a token by whatever is at hand: the stored one, its renewal, the code, a person.

        Returns:
            True; the token is held, and calls can go on.

        Raises:
            AuthorizationError: a person has to act; the message says how.
            TransportError, ReplyError: the token endpoint could not be asked.
        """
        if not self.connected:
            self._keeper.obtain()
        return True

    def set_code(self, code: str) -> dict[str, Json]:
        """Exchange an authorization code for a token, now; it replaces whatever was held.

        Returns:
            The token, as `get_token` gives it; empty in a handler of `connection:beforeConsent`,
            after which it will be asked for.

        Raises:
            GrantError: the code was refused; it is forgotten, for a code works once.
        """
        if not isinstance(code, str) or not code or code.split() != [code]:
            raise ConfigurationError("the code must be a string without spaces, not an empty one")
        if (offer := self._offer) is not None:
            # Somebody waits at the redirect server, and this is what they wait for.
            offer(Answered(code=code))
            if self._keeper.inside:
                return {}
            return self._keeper.obtain().as_dict()
        return self._keeper.exchange(code).as_dict()

    def refresh_token(self) -> dict[str, Json]:
        """Spend the refresh token for a new pair, now, however fresh the old one is.

        Returns:
            The token, as `get_token` gives it.

        Raises:
            NotAuthorizedError: there is nothing to refresh.
            GrantError: the refresh token was refused.
        """
        return self._keeper.refresh().as_dict()

    def get_auth_url(self, mode: str = "popup") -> str:
        """Return the address where a person agrees; it carries the state that must come back.

        Args:
            mode: `popup`: the redirect happens in the opener; `post_message`: inside the popup.

        Source: reference 2.2.
        """
        if self._settings.client_id is None:
            raise ConfigurationError("auth has no client_id, so nobody can be asked to agree")
        return consent_url(self._keeper.portal, self._settings.client_id, self.get_state(), mode)

    def get_state(self) -> str:
        """Return the value that must come back with the redirect; a random one unless set."""
        if self._state is None:
            self._state = secrets.token_urlsafe(24)
        return self._state

    def set_state(self, state: str) -> None:
        """Set the value that must come back with the redirect."""
        if not isinstance(state, str) or not state:
            raise ConfigurationError("the state must be a string that is not empty")
        self._fixed_state = self._state = state

    def get_token(self) -> dict[str, Json] | None:
        """Return the token as a plain dict with `expires_at` (Unix seconds); None without one."""
        token = self._holding.token
        return None if token is None else token.as_dict()

    def set_token(self, token: object) -> None:
        """Take a token that was saved earlier. Sends nothing; an expired one is renewed in time.

        Args:
            token: what `get_token` or `connection:newToken` gave, or amocrm-js saved.

        Raises:
            ConfigurationError: it is not a token; what was held before stays.
        """
        self._holding.take(read_token(token))

    # For Request and the keeper ------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._keeper.portal.origin

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by renewing the token."""
        return self._holding.curable

    def token(self) -> Token:
        """Return a token that is good for the next call, getting or renewing it if need be."""
        keeper, holding = self._keeper, self._holding
        token = holding.token
        if not holding.connected or token is None:
            return keeper.obtain()
        self._check()
        if holding.unsaved:
            self._save_again()
        token = holding.token or token
        freshness = holding.freshness(token)
        if freshness is Freshness.FRESH:
            return token
        renewable = holding.renewable
        if freshness is Freshness.STALE and (keeper.inside or not renewable):
            return token
        return keeper.renew(token) if renewable else keeper.obtain()

    def renew(self, spent: Token) -> Token:
        """Return another token than the one a call was answered 401 with."""
        token = self._keeper.renew(spent)
        self._holding.note_cure()
        return token

    def ask_person(self) -> str:
        """Wait at the redirect server for a code that a person agrees to."""
        settings = self._settings.server
        if settings is None:
            raise NotAuthorizedError("auth has no server to wait for a person at")
        # Late, because werkzeug takes as long to load as `requests` and is seldom needed.
        from amocrm.redirect.server import RedirectListener

        state, account = self.get_state(), self._keeper.portal.account
        listener = RedirectListener(settings, lambda query: read_redirect(query, state, account))
        with listener:
            self._offer = listener.deliver
            try:
                self._emitter.emit("connection:beforeConsent", self)
                answered = listener.wait()
            finally:
                self._offer = None
                # A random state has served; the next consent gets another.
                self._state = self._fixed_state
        if answered.code is None:
            raise answered.error or NotAuthorizedError("the redirect brought no code")
        return answered.code

    def renew_after_fork(self) -> None:
        """Part from the parent process."""
        self._keeper.renew_after_fork()

    def stop_asking(self) -> None:
        """End a wait for a person, because the client is closed."""
        if (offer := self._offer) is not None:
            offer(Answered(error=NotAuthorizedError("the client was closed while it waited")))

    def _save_again(self) -> None:
        """Try to save a pair that could not be saved; calls go on whether it works or not."""
        try:
            self._holding.save_again()
        except TokenStoreError as error:
            _log.warning("the token is still in memory only: %s", error)

    def _check(self) -> None:
        """Emit checkToken; a handler that calls the client does not set off the next one."""
        if getattr(self._checking, "now", False):
            return
        self._checking.now = True
        try:
            self._emitter.emit("connection:checkToken", True)
        finally:
            self._checking.now = False
