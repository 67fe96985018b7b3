"""The token in hand: what is held, what is stored, what is gone for good.

Persist, then hold. A pair that could not be persisted is held all the same, whatever interrupted
the saving, and saved as soon as the store works again.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Final

from amocrm.clock import Clock
from amocrm.core.host import Portal
from amocrm.core.record import Record
from amocrm.core.settings import Settings
from amocrm.core.token import Freshness, Token, read_token
from amocrm.errors import GrantError, NotAuthorizedError, TokenStoreError
from amocrm.stores.vault import Vault

CURE_PAUSE: Final = 60.0
"""Seconds after a renewal for a 401 in which the next 401 is not cured in the same way: it has
another cause, such as a wrong X-Context-User-ID, and would spend a refresh token on every call."""

_REVOKED: Final = "token has been revoked"


class Holding:
    """The token of one account, in memory and in the store.

    Attributes:
        token: what is held; None if nothing is.
        connected: a token is held that was good when it came.
        changes: how often a token was given from outside, which beats a grant under way.
        unsaved: the held pair is in memory only, because the store failed.
        portal: where the account is reached; changes when the account is renamed.
    """

    def __init__(self, settings: Settings, portal: Portal, vault: Vault, clock: Clock) -> None:
        self.token: Token | None = None
        self.connected = False
        self.changes = 0
        self.unsaved = False
        self.portal = portal
        self._settings = settings
        self._vault = vault
        self._clock = clock
        self._refused: tuple[str, str] | None = None
        self._spent: str | None = None
        self._changing = threading.RLock()
        self._cured_at: float | None = None
        self._unsaved_for: Token | None = None
        if settings.access_token is not None:
            self.hold(read_token({"access_token": settings.access_token}))

    def lock(self) -> AbstractContextManager[None]:
        """Keep others who share the store from asking for a grant meanwhile."""
        return self._vault.lock()

    def take(self, token: Token) -> None:
        """Persist and hold a token that was given from outside.

        A pair whose refresh token was last spent here is not taken back: its successor stays.
        """
        with self._changing:
            if self.token is not None and token.refresh_token == (self._spent or ""):
                return
            self._vault.put(self._record(token))
            self.changes += 1
            self.hold(token)
            self.unsaved, self._cured_at = False, None
            self.connected = self.freshness(token) is not Freshness.EXPIRED

    def hold(self, token: Token) -> None:
        """Hold a token, and forget what was refused before it."""
        self.token, self.connected, self._refused = token, True, None

    def keep(self, token: Token, spent: Token | None = None) -> TokenStoreError | None:
        """Persist a token just granted, then hold it; return what the store had against it.

        Held all the same if it could not be persisted, whatever interrupted that.
        """
        with self._changing:
            self._spent = spent.refresh_token if spent is not None else None
            saved, kept = False, token
            try:
                kept = self._save(token, spent)
                saved = True
            except TokenStoreError as error:
                return error
            finally:
                self.hold(kept)
                self.unsaved, self._unsaved_for = not saved, spent
            return None

    def save_again(self) -> None:
        """Save what could not be saved when it was granted.

        Raises:
            TokenStoreError: the store is still out of order.
        """
        with self._changing:
            if self.unsaved and self.token is not None:
                self.hold(self._save(self.token, self._unsaved_for))
                self.unsaved = False

    def recall(self) -> Token | None:
        """Return what is held, or else stored, unless it is known to be dead."""
        token = self.token or self._load()
        if token is None or token.refresh_token is None or self.spendable(token):
            return token
        return None

    def replaced(self, spent: Token) -> Token | None:
        """Return what somebody who shares the store has stored in place of a token."""
        self.save_again()
        stored = self._load()
        if stored is None or stored.refresh_token == spent.refresh_token:
            return None
        return stored

    def _load(self) -> Token | None:
        """Return what is stored, and go where the account is said to be."""
        record = self._vault.load()
        if record is None:
            return None
        self.portal = self.portal.moved(record.host)
        return record.token

    def _save(self, token: Token, spent: Token | None) -> Token:
        """Save a token just granted; return it, or a newer one that somebody else has saved."""
        record = self._record(token)
        if spent is None:
            self._vault.put(record)
            return token
        return self._vault.swap(record, spent).token

    def _record(self, token: Token) -> Record:
        return Record(token, self.portal.account)

    def bury(self, spent: Token, error: GrantError) -> None:
        """Remember a refresh token that is gone for good, so that it is never sent again."""
        if (error.reason or "").lower() == _REVOKED and spent.refresh_token is not None:
            self._refused = (spent.refresh_token, str(error.args[0]))
            if self.token is None or self.token.refresh_token == spent.refresh_token:
                self.token, self.connected = None, False

    def renew_after_fork(self) -> None:
        """Part from the parent process."""
        self._changing = threading.RLock()
        self._vault.renew_after_fork()

    # What is known of it -------------------------------------------------------------------------

    def freshness(self, token: Token) -> Freshness:
        """Tell how fresh a token is now."""
        return token.freshness(self._clock.time())

    def spendable(self, token: Token) -> bool:
        """Tell whether a token has a refresh token that is not known to be dead."""
        dead = self._refused[0] if self._refused is not None else None
        return token.refresh_token is not None and token.refresh_token != dead

    @property
    def renewable(self) -> bool:
        """Whether the held token can be replaced without a person."""
        token = self.token
        return token is not None and self._settings.client_id is not None and self.spendable(token)

    @property
    def curable(self) -> bool:
        """Whether renewing may cure a 401: not when it has only just been tried."""
        at = self._cured_at
        return self.renewable and (at is None or self._clock.monotonic() - at >= CURE_PAUSE)

    def note_cure(self) -> None:
        """Remember that a token was just renewed because of a 401."""
        self._cured_at = self._clock.monotonic()

    def check_spendable(self, token: Token) -> None:
        """Refuse what cannot be refreshed, or must not be.

        Raises:
            NotAuthorizedError: it has no refresh token, a dead one, or the parent process's.
        """
        if not self.spendable(token):
            raise self.stuck(token)
        if self._vault.inherited:
            raise NotAuthorizedError(
                "this process was forked from the one that holds the refresh token",
                hint="make the client after the fork, or give both processes one store",
            )

    def stuck(self, token: Token | None) -> NotAuthorizedError:
        """Say what is missing, when there is no way to a token."""
        if self._refused is not None:
            return NotAuthorizedError(
                f"the token was refused earlier: {self._refused[1]}",
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
