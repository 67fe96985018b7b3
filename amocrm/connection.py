"""From nothing to a token that is good for the next call.

Three rules hold everywhere in this file. Persist, then hold, then notify: a token is saved before
anybody hears of it, so a handler that raises loses nothing. One grant for all: threads that need a
token wait for the one that asks. A lost answer is no refusal: the pair is kept unless the endpoint
refused it in so many words.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Final

from amocrm.clock import Clock
from amocrm.core.host import Portal
from amocrm.core.oauth import Answered, consent_url, read_redirect
from amocrm.core.settings import REDIRECT_DEADLINE, RedirectServer, Settings
from amocrm.core.token import Freshness, Token, read_token
from amocrm.core.wire import Json
from amocrm.emitter import Emitter
from amocrm.errors import (
    ConfigurationError,
    GrantError,
    NotAuthorizedError,
    TokenStoreError,
)
from amocrm.flight import SingleFlight
from amocrm.grants import Grant, Grants
from amocrm.stores.vault import LOCK_PATIENCE, Vault
from amocrm.transport import Response

_REVOKED: Final = "token has been revoked"

Settle = Callable[[Token], None]


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
        self._portal = portal
        self._grants = grants
        self._vault = vault
        self._emitter = emitter
        self._clock = clock
        self._code = settings.code
        self._state = settings.state
        self._token: Token | None = None
        self._refused: tuple[str, GrantError] | None = None
        self._connected = False
        self._checking = threading.local()
        self._inherited = False
        self._offer: Callable[[Answered], None] | None = None
        patience = settings.server.timeout if settings.server else REDIRECT_DEADLINE
        self._flight: SingleFlight[Token] = SingleFlight(patience + LOCK_PATIENCE)
        if settings.access_token is not None:
            self._token = read_token({"access_token": settings.access_token})
            self._connected = True

    def __repr__(self) -> str:
        state = "connected" if self._connected else "not connected"
        return f"<Connection to {self._portal.account}, {state}>"

    # The port ------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether a token is held that was good when it came."""
        return self._connected

    def connect(self) -> bool:
        """Get a token by whatever is at hand: the stored one, its renewal, the code, a person.

        Returns:
            True; the token is held, and calls can go on.

        Raises:
            AuthorizationError: a person has to act; the message says how.
            TransportError, ReplyError: the token endpoint could not be asked.
        """
        if not (self._connected and self._token is not None):
            self._flight.run(self._connect)
        return True

    def set_code(self, code: str) -> dict[str, Json]:
        """Exchange an authorization code for a token, now; it replaces whatever was held.

        Returns:
            The token, as `get_token` gives it.

        Raises:
            GrantError: the code was refused; it is forgotten, for a code works once.
        """
        if not isinstance(code, str) or not code or code != code.strip():
            raise ConfigurationError("the code must be a string without spaces, not an empty one")
        if (offer := self._offer) is not None:
            # Somebody waits at the redirect server: this is what they wait for.
            offer(Answered(code=code))
            return self._flight.run(self._connect).as_dict()
        return self._flight.run(
            lambda settle: self._exchange_new(code, settle), join=False
        ).as_dict()

    def refresh_token(self) -> dict[str, Json]:
        """Spend the refresh token for a new pair, now, however fresh the old one is.

        Returns:
            The token, as `get_token` gives it.

        Raises:
            NotAuthorizedError: there is nothing to refresh.
            GrantError: the refresh token was refused.
        """
        token = self._held_or_stored()
        if token is None:
            raise NotAuthorizedError("there is no token to refresh", hint="connect first")
        return self._flight.run(lambda settle: self._refresh(token, settle)).as_dict()

    def get_auth_url(self, mode: str = "popup") -> str:
        """Return the address where a person agrees; it carries the state that must come back.

        Args:
            mode: `popup`: the redirect happens in the opener; `post_message`: inside the popup.

        Source: reference 2.2.
        """
        if self._settings.client_id is None:
            raise ConfigurationError("auth has no client_id, so nobody can be asked to agree")
        return consent_url(self._portal, self._settings.client_id, self.get_state(), mode)

    def get_state(self) -> str:
        """Return the value that must come back with the redirect; a random one unless set."""
        if self._state is None:
            self._state = secrets.token_urlsafe(24)
        return self._state

    def set_state(self, state: str) -> None:
        """Set the value that must come back with the redirect."""
        if not isinstance(state, str) or not state:
            raise ConfigurationError("the state must be a string that is not empty")
        self._state = state

    def get_token(self) -> dict[str, Json] | None:
        """Return the token as a plain dict with `expires_at` (Unix seconds); None without one."""
        token = self._token
        return None if token is None else token.as_dict()

    def set_token(self, token: object) -> None:
        """Take a token that was saved earlier. Sends nothing; an expired one is renewed in time.

        Args:
            token: what `get_token` or `connection:newToken` gave, or amocrm-js saved.

        Raises:
            ConfigurationError: it is not a token; what was held before stays.
        """
        read = read_token(token)
        self._vault.save(read)
        self._token, self._refused, self._inherited = read, None, False
        self._connected = read.freshness(self._clock.time()) is not Freshness.EXPIRED

    # For Request ---------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._portal.origin

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by renewing the token."""
        token = self._token
        return token is not None and self._settings.client_id is not None and self._spendable(token)

    def token(self) -> Token:
        """Return a token that is good for the next call, getting or renewing it if need be."""
        token = self._token
        if not self._connected or token is None:
            return self._flight.run(self._connect)
        self._check()
        token = self._token or token
        freshness = token.freshness(self._clock.time())
        if freshness is Freshness.FRESH:
            return token
        if freshness is Freshness.STALE and (self._flight.inside or not self.renewable):
            return token
        return self.renew(token) if self.renewable else self._flight.run(self._connect)

    def renew(self, spent: Token) -> Token:
        """Return another token than the spent one; asked for once, for all who need it."""

        def work(settle: Settle) -> Token:
            held = self._token
            return held if held is not None and held != spent else self._refresh(spent, settle)

        while (token := self._flight.run(work)) == spent:
            pass
        return token

    def renew_after_fork(self) -> None:
        """Leave the refresh token to the parent: used by both, it would be lost for both."""
        self._flight.renew_after_fork()
        self._vault.renew_after_fork()
        self._inherited = not self._vault.shared

    def _check(self) -> None:
        """Emit checkToken; a handler that calls the client does not set off the next one."""
        if getattr(self._checking, "now", False):
            return
        self._checking.now = True
        try:
            self._emitter.emit("connection:checkToken", True)
        finally:
            self._checking.now = False

    # Getting a token, one thread at a time -------------------------------------------------------

    def _connect(self, settle: Settle) -> Token:
        token = self._held_or_stored()
        if token is not None and token.freshness(self._clock.time()) is not Freshness.EXPIRED:
            self._token, self._connected = token, True
            return token
        self._emitter.emit("connection:beforeConnect", self)
        new_code = self._code is not None and self._code != self._settings.code
        if token is not None and self._spendable(token) and not new_code:
            try:
                return self._refresh(token, settle)
            except GrantError:
                if self._code is None and self._settings.server is None:
                    raise
        if self._code is not None:
            return self._exchange(self._code, settle)
        if self._settings.server is not None:
            return self._exchange(self._ask_person(self._settings.server), settle)
        raise self._stuck(token)

    def _exchange_new(self, code: str, settle: Settle) -> Token:
        """Exchange a code that was just given; it wins over whatever is held."""
        if not self._connected:
            self._emitter.emit("connection:beforeConnect", self)
        return self._exchange(code, settle)

    def _exchange(self, code: str, settle: Settle) -> Token:
        self._code = code
        with self._vault.lock():
            self._emitter.emit("connection:beforeFetchToken", self)
            try:
                grant = self._grants.exchange(self._portal, code)
            except GrantError as error:
                self._code = None
                self._tell_refusal(error)
                raise
            self._code = None
            failure = self._keep(grant)
        self._tell(grant, settle, failure)
        self._emitter.emit("connection:connected", self)
        return grant.token

    def _refresh(self, spent: Token, settle: Settle) -> Token:
        """Spend a refresh token, unless somebody else has done it; the only place that does."""
        if spent.refresh_token is None:
            raise self._stuck(spent)
        if self._inherited:
            raise NotAuthorizedError(
                "this process was forked from the one that holds the refresh token",
                hint="make the client after the fork, or give both processes one store",
            )
        with self._vault.lock():
            stored = self._vault.load()
            if stored is not None and stored != spent and _newer(stored, spent):
                self._token, self._connected = stored, True
                return stored
            self._emitter.emit("connection:beforeRefreshToken", self)
            try:
                grant = self._grants.refresh(self._portal, spent)
            except GrantError as error:
                self._bury(spent.refresh_token, error)
                self._tell_refusal(error)
                raise
            failure = self._keep(grant)
        self._tell(grant, settle, failure)
        return grant.token

    def _keep(self, grant: Grant) -> TokenStoreError | None:
        """Persist, then hold; a pair that could not be saved is held all the same."""
        failure = None
        try:
            self._vault.save(grant.token)
        except TokenStoreError as error:
            failure = error
        self._token, self._portal = grant.token, grant.portal
        self._connected, self._refused, self._inherited = True, None, False
        return failure

    def _tell(self, grant: Grant, settle: Settle, failure: TokenStoreError | None) -> None:
        """Notify: whoever waits for the token first, then the handlers."""
        settle(grant.token)
        self._emitter.emit("connection:newToken", Response(grant.token.as_dict(), grant.info))
        if failure is not None:
            raise failure

    def _tell_refusal(self, error: GrantError) -> None:
        for event in ("connection:authError", "connection:error", "error"):
            self._emitter.emit(event, error, self)

    def _bury(self, refresh_token: str, error: GrantError) -> None:
        """Remember a refresh token that is gone for good, so that it is never sent again."""
        if (error.reason or "").lower() == _REVOKED:
            self._refused = (refresh_token, error)
            self._token, self._connected = None, False

    def _spendable(self, token: Token) -> bool:
        dead = self._refused[0] if self._refused is not None else None
        return token.refresh_token is not None and token.refresh_token != dead

    def _held_or_stored(self) -> Token | None:
        token = self._token or self._vault.load()
        return (
            token
            if token is None or token.refresh_token is None or self._spendable(token)
            else None
        )

    def _ask_person(self, settings: RedirectServer) -> str:
        """Wait at the redirect server for a code."""
        # Late, because werkzeug takes as long to load as `requests` and is seldom needed.
        from amocrm.redirect.server import RedirectListener

        state, account = self.get_state(), self._portal.account
        listener = RedirectListener(settings, lambda query: read_redirect(query, state, account))
        with listener:
            self._offer = listener.deliver
            try:
                self._emitter.emit("connection:beforeConsent", self)
                answered = listener.wait()
            finally:
                self._offer = None
                # The state has served; the next consent gets another.
                self._state = self._settings.state
        if answered.code is None:
            raise answered.error or NotAuthorizedError("the redirect brought no code")
        return answered.code

    def _stuck(self, token: Token | None) -> NotAuthorizedError:
        """Say what is missing, when there is no way to a token."""
        if self._refused is not None:
            return NotAuthorizedError(
                f"the token was refused: {self._refused[1].args[0]}",
                hint="get consent again: connection.get_auth_url(), then connection.set_code(code)",
            )
        if token is None:
            return NotAuthorizedError(
                "there is no token, no code and nobody to ask",
                hint="give auth a code or a server, call connection.set_code(code) or "
                "connection.set_token(saved)",
            )
        return NotAuthorizedError(
            "the token has expired and cannot be renewed",
            hint="make another long-lived token"
            if self._settings.access_token
            else "it has no refresh_token: get consent again",
        )


def _newer(stored: Token, spent: Token) -> bool:
    """Tell whether another process has renewed the token meanwhile."""
    return stored.expires_at is None or (spent.expires_at or 0) <= stored.expires_at
