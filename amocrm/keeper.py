"""The token itself: who holds it, how it is replaced, and by whom.

Three rules hold everywhere in this file. Persist, then hold, then notify: a token is saved before
anybody hears of it, so a handler that raises loses nothing. One grant for all: threads that need a
token wait for the one that asks. A lost answer is no refusal: the pair is kept unless the endpoint
refused it in so many words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from amocrm.clock import Clock
from amocrm.core.host import Portal
from amocrm.core.settings import REDIRECT_DEADLINE, Settings
from amocrm.core.token import Freshness, Token, read_token
from amocrm.emitter import Emitter
from amocrm.errors import GrantError, NotAuthorizedError, TokenStoreError
from amocrm.flight import SingleFlight
from amocrm.grants import Grant, Grants
from amocrm.stores.vault import LOCK_PATIENCE, Vault
from amocrm.transport import Response

_REVOKED: Final = "token has been revoked"

Settle: TypeAlias = Callable[[Token], None]


class Owner(Protocol):
    """Whose token it is: what handlers are given, and who can ask a person for a code."""

    def ask_person(self) -> str:
        """Return a code that a person has just agreed to."""
        ...


class Keeper:
    """Holds the token of one account and gets another when asked to. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        portal: Portal,
        grants: Grants,
        vault: Vault,
        emitter: Emitter,
        clock: Clock,
        owner: Owner,
    ) -> None:
        self.portal = portal
        self.token: Token | None = None
        self.connected = False
        self._settings = settings
        self._code = settings.code
        self._grants = grants
        self._vault = vault
        self._emitter = emitter
        self._clock = clock
        self._owner = owner
        self._refused: tuple[str, GrantError] | None = None
        self._inherited = False
        patience = settings.server.timeout if settings.server else REDIRECT_DEADLINE
        self._flight: SingleFlight[Token] = SingleFlight(patience + LOCK_PATIENCE)
        if settings.access_token is not None:
            self.token = read_token({"access_token": settings.access_token})
            self.connected = True

    # What a token may need, one thread at a time -------------------------------------------------

    def take(self, token: Token) -> None:
        """Hold a token that was saved earlier."""
        self._vault.save(token)
        self.token, self._refused, self._inherited = token, None, False
        self.connected = self.freshness(token) is not Freshness.EXPIRED

    def obtain(self) -> Token:
        """Get a token by whatever is at hand."""
        return self._flight.run(self._connect)

    def exchange(self, code: str) -> Token:
        """Exchange a code that was just given; it wins over whatever is held."""

        def work(settle: Settle) -> Token:
            if not self.connected:
                self._emit("connection:beforeConnect")
            return self._exchange(code, settle)

        return self._flight.run(work, join=False)

    def refresh(self) -> Token:
        """Spend the refresh token, however fresh the token is."""
        token = self._held_or_stored()
        if token is None:
            raise self._stuck(None)
        return self._flight.run(lambda settle: self._refresh(token, settle))

    def renew(self, spent: Token) -> Token:
        """Return another token than the spent one; asked for once, for all who need it."""

        def work(settle: Settle) -> Token:
            held = self.token
            return held if held is not None and held != spent else self._refresh(spent, settle)

        while (token := self._flight.run(work)) == spent:
            pass
        return token

    # What is known of it -------------------------------------------------------------------------

    def freshness(self, token: Token) -> Freshness:
        """Tell how fresh a token is now."""
        return token.freshness(self._clock.time())

    @property
    def renewable(self) -> bool:
        """Whether the held token can be replaced without a person."""
        token = self.token
        return token is not None and self._settings.client_id is not None and self._spendable(token)

    @property
    def inside(self) -> bool:
        """Whether this thread is getting a token right now: a handler has called back."""
        return self._flight.inside

    def renew_after_fork(self) -> None:
        """Leave the refresh token to the parent: used by both, it would be lost for both."""
        self._flight.renew_after_fork()
        self._vault.renew_after_fork()
        self._inherited = not self._vault.shared

    # The work itself -----------------------------------------------------------------------------

    def _connect(self, settle: Settle) -> Token:
        """Try what is held or stored, then the code, then a person."""
        token = self._held_or_stored()
        if token is not None and self.freshness(token) is not Freshness.EXPIRED:
            self.token, self.connected = token, True
            return token
        self._emit("connection:beforeConnect")
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
            return self._exchange(self._owner.ask_person(), settle)
        raise self._stuck(token)

    def _exchange(self, code: str, settle: Settle) -> Token:
        self._code = code
        with self._vault.lock():
            self._emit("connection:beforeFetchToken")
            try:
                grant = self._grants.exchange(self.portal, code)
            except GrantError as error:
                # A code works once: a refused one is never sent again.
                self._code = None
                self._tell_refusal(error)
                raise
            self._code = None
            failure = self._keep(grant)
        self._tell(grant, settle, failure)
        self._emit("connection:connected")
        return grant.token

    def _refresh(self, spent: Token, settle: Settle) -> Token:
        """Spend a refresh token, unless somebody else has; nothing else in this library does."""
        if spent.refresh_token is None or not self._spendable(spent):
            raise self._stuck(spent)
        if self._inherited:
            raise NotAuthorizedError(
                "this process was forked from the one that holds the refresh token",
                hint="make the client after the fork, or give both processes one store",
            )
        with self._vault.lock():
            stored = self._vault.load()
            if stored is not None and stored != spent and _newer(stored, spent):
                self.token, self.connected = stored, True
                return stored
            self._emit("connection:beforeRefreshToken")
            try:
                grant = self._grants.refresh(self.portal, spent)
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
        self.token, self.portal = grant.token, grant.portal
        self.connected, self._refused, self._inherited = True, None, False
        return failure

    def _tell(self, grant: Grant, settle: Settle, failure: TokenStoreError | None) -> None:
        """Notify: whoever waits for the token first, then the handlers."""
        settle(grant.token)
        self._emitter.emit("connection:newToken", Response(grant.token.as_dict(), grant.info))
        if failure is not None:
            raise failure

    def _emit(self, event: str) -> None:
        self._emitter.emit(event, self._owner)

    def _tell_refusal(self, error: GrantError) -> None:
        for event in ("connection:authError", "connection:error", "error"):
            self._emitter.emit(event, error, self._owner)

    def _bury(self, refresh_token: str, error: GrantError) -> None:
        """Remember a refresh token that is gone for good, so that it is never sent again."""
        if (error.reason or "").lower() == _REVOKED:
            self._refused = (refresh_token, error)
            self.token, self.connected = None, False

    def _spendable(self, token: Token) -> bool:
        dead = self._refused[0] if self._refused is not None else None
        return token.refresh_token is not None and token.refresh_token != dead

    def _held_or_stored(self) -> Token | None:
        token = self.token or self._vault.load()
        buried = token is not None and token.refresh_token is not None
        return None if token is not None and buried and not self._spendable(token) else token

    def _stuck(self, token: Token | None) -> NotAuthorizedError:
        """Say what is missing, when there is no way to a token."""
        if self._refused is not None:
            return NotAuthorizedError(
                f"the token was refused earlier: {self._refused[1].args[0]}",
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
