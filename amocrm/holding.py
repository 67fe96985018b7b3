"""The token in hand: what is held, what is stored, what is gone for good.

Persist, then hold. A pair that could not be persisted is held all the same, whatever interrupted
the saving, and saved as soon as the store works again.
"""

from __future__ import annotations

import contextlib
import threading
from contextlib import AbstractContextManager

from amocrm.clock import Clock
from amocrm.core.host import Portal
from amocrm.core.oauth import is_withdrawn
from amocrm.core.record import Record
from amocrm.core.settings import Settings
from amocrm.core.status import Status, describe
from amocrm.core.stuck import stuck
from amocrm.core.token import Freshness, Token, read_token
from amocrm.errors import GrantError, NotAuthorizedError, TokenStoreError
from amocrm.pauses import Pauses
from amocrm.stores.vault import LOCK_PATIENCE, Vault


class Holding:
    """The token of one account, in memory and in the store.

    Attributes:
        token: what is held; None if nothing is.
        portal: where the account is reached; changes when the account is renamed.
        connected: a token is held that was good when it came.
        changes: how often a token was given from outside, which beats a grant under way.
        unsaved: the held pair is in memory only, because the store failed.
        clock: whose time it is.
        pauses: when its renewal and its saving may be tried again.
    """

    def __init__(self, settings: Settings, portal: Portal, vault: Vault, clock: Clock) -> None:
        self.token: Token | None = None
        self.portal = portal
        self.connected = False
        self.changes = 0
        self.unsaved = False
        self._settings = settings
        self._vault = vault
        self.clock = clock
        self.pauses = Pauses(clock)
        self._code: str | None = None
        self._cured = False
        self._refused: tuple[str, str] | None = None
        self._spent: Token | None = None
        self._changing = threading.RLock()
        if settings.access_token is not None:
            self._hold(read_token({"access_token": settings.access_token}))

    def lock(
        self, patience: float = LOCK_PATIENCE, *, newcomer: bool = False
    ) -> AbstractContextManager[None]:
        """Keep others who share the store from asking for a grant meanwhile; see `Vault.lock`."""
        return self._vault.lock(patience, newcomer=newcomer)

    def take(self, token: Token) -> None:
        """Persist and hold a token that was given from outside.

        A pair whose refresh token was last spent here is not taken back, and one that is older than
        the stored one does not replace it: a file that was not kept up must cost nobody his token.
        """
        with self._changing:
            spent = self._spent.refresh_token if self._spent is not None else None
            if self.token is not None and token.refresh_token == (spent or ""):
                return
            self._code, self._cured = None, False
            if token.refresh_token is None:
                self._vault.put(self._record(token))
                self._hold(token)
            else:
                dead = Token("", self._refused[0]) if self._refused is not None else None
                token = self.adopt(self._vault.swap(self._record(token), dead))
            self.changes += 1
            self.unsaved = False
            self.connected = self._lives(token)

    def reuse(self, token: Token) -> Token:
        """Hold what was recalled, without forgetting what was refused."""
        self._hold(token, None if self._lasts(token) else self._refused)
        return token

    def adopt(self, record: Record) -> Token:
        """Hold what is stored, and go where the account is said to be."""
        self._go_with(record)
        self._hold(record.token)
        return record.token

    def keep(
        self,
        token: Token,
        portal: Portal,
        spent: Token | None,
        mark: str | None = None,
        *,
        cured: bool = False,
    ) -> TokenStoreError | None:
        """Persist a token just granted, then hold it; return what the store had against it.

        Held all the same if it could not be persisted, whatever interrupted that.

        Args:
            token: the new pair.
            portal: where it was granted.
            spent: the pair it was granted for; None if that was a code.
            mark: the fingerprint of that code.
            cured: it was granted for a call that was answered 401.
        """
        with self._changing:
            self.portal, self._spent, self._cured = portal, spent, cured
            self._code = self._code if mark is None else mark
            saved = False
            try:
                self._save(token)
                saved = True
            except TokenStoreError as error:
                return error
            finally:
                if not saved:
                    self._hold(token)
                    self.unsaved = True
            return None

    def save_again(self) -> None:
        """Save what could not be saved when it was granted.

        Raises:
            TokenStoreError: the store is still out of order.
        """
        with self._changing:
            if self.unsaved and self.token is not None:
                self._save(self.token, late=True)

    def begin(self, record: Record) -> Record:
        """Note in the store that a pair is about to be spent; return what is stored then.

        Whoever finds the note later knows why the token is refused, should this process die; and a
        store that cannot save is found out before anything is spent.

        Raises:
            TokenStoreError: the store is out of order; nothing is spent.
        """
        return self._vault.swap(record._replace(asked_at=self.clock.time()), record.token)

    def end(self, record: Record, *, dead: bool) -> None:
        """Note in the store that a refresh has ended without a new pair, as if not begun.

        A dead pair is taken away that was not there before: somebody had forgotten it, with reason.
        Whatever the store has against it, what ended the refresh is what is to be told.
        """
        with contextlib.suppress(TokenStoreError):
            self._vault.mend(record._replace(asked_at=None), drop=dead)

    def bury(self, spent: Token, error: GrantError) -> None:
        """Remember a refresh token that is gone for good, so that it is never sent again.

        An access token that still works is held until it dies.
        """
        if not is_withdrawn(error) or spent.refresh_token is None:
            return
        self._refused = (spent.refresh_token, str(error.args[0]))
        held = self.token
        works = error.finding in ("used", "lost") and self._lives(spent)
        if held is None or (held.refresh_token == spent.refresh_token and not works):
            self.token, self.connected = None, False

    def recall(self) -> Token | None:
        """Return what is held, or else stored, unless it is known to be dead."""
        token = self.token
        if token is not None:
            return token if self._lives(token) or self._lasts(token) else None
        record = self._vault.load()
        if record is None or not self._lasts(record.token):
            return None
        self._go_with(record)
        return record.token

    def stored(self) -> Record | None:
        """Return what is stored, after saving what could not be saved before; go to its host."""
        self.save_again()
        record = self._vault.load()
        if record is not None:
            self.portal = self.portal.moved(record.host)
        return record

    def newest(self, token: Token, stored: Record | None) -> Record:
        """Return what is stored, or what is to be stored of a token that is newer."""
        # An older pair is one that a backup brought back, or that could not be replaced.
        if stored is None or stored.token.is_older_than(token):
            return self._record(token)
        self._go_with(stored)
        return stored

    def other_than(self, token: Token) -> Token | None:
        """Return another token that is held, or else stored, and lives; None if there is none.

        A store that is out of order has none.
        """
        if self.token is not None and self.token != token:
            return self.token
        try:
            stored = self.stored()
        except TokenStoreError:
            return None
        if stored is None or stored.token == token or stored.token.is_older_than(token):
            return None
        return self.adopt(stored) if self._lives(stored.token) else None

    def came_from(self, record: Record | None, mark: str) -> bool:
        """Tell whether what is stored came from a code, and can still serve."""
        if record is None or record.code != mark:
            return False
        return self.spendable(record.token)

    def status(self) -> Status:
        """Tell what is held, or else stored, without changing either."""
        token, host = self.token, self.portal.account
        if token is None and (record := self._vault.load()) is not None:
            token, host = record.token, record.host
        renewable = token is not None and self._renewable(token)
        now, account = self.clock.time(), self._vault.account
        return describe(account, host, token, now, renewable=renewable, unsaved=self.unsaved)

    def renew_after_fork(self) -> None:
        """Part from the parent process."""
        self._changing = threading.RLock()

    def _hold(self, token: Token, refused: tuple[str, str] | None = None) -> None:
        """Hold a token, and forget what was refused before it, but for what is given."""
        self.token, self.connected, self._refused = token, True, refused
        if self._cured:
            self.pauses.note_cure(token)

    def _go_with(self, record: Record) -> None:
        """Take over what is stored beside a token."""
        self.portal = self.portal.moved(record.host)
        self._code, self._cured = record.code, record.cured

    def _save(self, token: Token, *, late: bool = False) -> None:
        """Save and hold a pair just granted, or a newer one that somebody else has saved."""
        record = self._record(token)
        if self._spent is None and not late:
            self._vault.put(record)  # A new code always wins.
            self._hold(token)
        else:
            self.adopt(self._vault.swap(record, self._spent))
        self.unsaved = False
        self._vault.point(self.portal.account)

    def _record(self, token: Token) -> Record:
        return Record(token, self.portal.account, self._code, cured=self._cured)

    def freshness(self, token: Token) -> Freshness:
        """Tell how fresh a token is now."""
        return token.freshness(self.clock.time())

    def spendable(self, token: Token) -> bool:
        """Tell whether a token has a refresh token that is not known to be dead."""
        dead = self._refused[0] if self._refused is not None else None
        return token.refresh_token is not None and token.refresh_token != dead

    def _lives(self, token: Token) -> bool:
        return self.freshness(token) is not Freshness.EXPIRED

    def _lasts(self, token: Token) -> bool:
        return token.refresh_token is None or self.spendable(token)

    @property
    def renewable(self) -> bool:
        """Whether the held token can be replaced without a person."""
        return self.token is not None and self._renewable(self.token)

    def _renewable(self, token: Token) -> bool:
        return self._settings.client_id is not None and self.spendable(token)

    def check_spendable(self, token: Token) -> None:
        """Refuse what cannot be refreshed.

        Raises:
            NotAuthorizedError: it has no refresh token, or a dead one.
        """
        if not self.spendable(token):
            raise self.stuck(token)

    def stuck(self, token: Token | None) -> NotAuthorizedError:
        """Say what is missing, when there is no way to a token."""
        refused = self._refused[1] if self._refused is not None else None
        return stuck(token, refused, long_lived=self._settings.access_token is not None)
