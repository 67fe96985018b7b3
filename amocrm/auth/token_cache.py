"""The token in hand: what is held, what is stored, what is gone for good.

Persist, then hold. A pair that could not be persisted is held all the same, whatever interrupted
the saving, and saved as soon as the store works again.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import NamedTuple

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock
from amocrm.auth.cooldowns import Cooldowns
from amocrm.auth.not_authorized import not_authorized
from amocrm.auth.oauth_messages import is_withdrawn
from amocrm.auth.settings import Settings
from amocrm.auth.status import Account, ConnectionStatus, describe
from amocrm.auth.token import Freshness, Token, read_token
from amocrm.auth.token import account_id as claimed_account
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import LOCK_PATIENCE, TokenRepository
from amocrm.errors import ConfigurationError, GrantError, NotAuthorizedError, TokenStoreError
from amocrm.http.hosts import Portal


class _Refused(NamedTuple):
    """A pair whose renewal amoCRM has refused.

    Attributes:
        token: the pair.
        why: what amoCRM said.
        is_dead: its refresh token is never sent again.
        is_gone: its access token was refused as well.
    """

    token: Token
    why: str
    is_dead: bool
    is_gone: bool


class TokenCache:
    """The token of one account, in memory and in the store.

    Attributes:
        token: what is held; None if nothing is.
        portal: where the account is reached; changes when the account is renamed.
        connected: a token is held that was good when it came.
        changes: how often a token was given from outside, which beats a grant under way.
        unsaved: the held pair is in memory only, because the store failed.
        clock: whose time it is.
        cooldowns: when its renewal and its saving may be tried again.
    """

    def __init__(
        self, settings: Settings, portal: Portal, repository: TokenRepository, clock: Clock
    ) -> None:
        self.token: Token | None = None
        self.portal = portal
        self.connected = False
        self.changes = 0
        self.unsaved = False
        self._settings = settings
        self._repository = repository
        self.clock = clock
        self.cooldowns = Cooldowns(clock)
        self._code: str | None = None
        self._granted_after_401 = False
        self._refused: _Refused | None = None
        self._spent: Token | None = None
        self._granted_to: int | None = None
        self._changing = ForkLock()
        if settings.access_token is not None:
            token = read_token({"access_token": settings.access_token})
            repository.check(claimed_account(token.access_token), is_renewal=True)
            self._hold(token)

    @property
    def account_id(self) -> int | None:
        """The id of the account; None while nobody knows it."""
        known = self._repository.account_id
        if known is None and self.token is not None:
            known = claimed_account(self.token.access_token)
        return known

    def lock(self, patience: float = LOCK_PATIENCE) -> AbstractContextManager[None]:
        """Lock the account in the store; see `TokenRepository.lock`."""
        return self._repository.lock(patience)

    def lock_code(self, mark: str, patience: float) -> AbstractContextManager[None]:
        """Keep others from exchanging the same code meanwhile, and from nothing else."""
        return self._repository.lock_text(mark, patience)

    def take(self, token: Token) -> None:
        """Persist and hold a token that was given from outside.

        A pair whose refresh token was last spent here is not taken back, and one that is older than
        the stored one does not replace it: a file that was not kept up must cost nobody his token.
        """
        with self._changing:
            spent = self._spent.refresh_token if self._spent is not None else None
            if self.token is not None and token.refresh_token == (spent or ""):
                return
            self._code, self._granted_after_401 = None, False
            if token.refresh_token is None:
                self._repository.peek()  # which finds out whose account the name leads to
                owner = claimed_account(token.access_token) or self._repository.account_id
                self._repository.check(owner, is_renewal=True)
                self._repository.put(self._record(token), owner)
                self._hold(token)
            else:
                refused = self._refused
                dead = refused.token if refused is not None and refused.is_dead else None
                token = self.adopt(self._repository.swap(self._record(token), dead))
            self.changes += 1
            self.unsaved = False
            self.connected = self._lives(token)

    def reuse(self, token: Token) -> Token:
        """Hold what was recalled, without forgetting what was refused."""
        refused = self._refused
        same = refused is not None and refused.token.refresh_token == token.refresh_token
        self._hold(token, refused if same else None)
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
        spent: Record | None,
        mark: str | None = None,
        *,
        account_id: int | None = None,
        granted_after_401: bool = False,
    ) -> TokenStoreError | None:
        """Persist a token just granted, then hold it; return what the store had against it.

        Held all the same if it could not be persisted, whatever interrupted that.

        Args:
            token: the new pair.
            portal: where it was granted.
            spent: the record, as it is stored now, of the pair it was granted for; None if it was
                granted for a code.
            mark: the digest of that code.
            account_id: whose it is; None if it does not say.
            granted_after_401: it was granted for a call that was answered 401.

        Raises:
            ConfigurationError: it is another account's, and kept there; nothing has changed here.
        """
        with self._changing:
            try:
                self._repository.check(account_id, is_renewal=spent is not None)
            except ConfigurationError:
                if spent is None:
                    self._repository.put_elsewhere(Record(token, portal.account, mark), account_id)
                raise
            self.portal, self._granted_after_401 = portal, granted_after_401
            self._spent = None if spent is None else spent.token
            self._granted_to = account_id
            self._code = self._code if mark is None else mark
            saved = False
            try:
                self._save(token, expected=spent)
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
        return self._repository.swap(
            record._replace(asked_at=self.clock.time()), record.token, expected=record
        )

    def end(self, record: Record, *, dead: bool) -> None:
        """Note in the store that a refresh has ended without a new pair, as if not begun.

        A dead pair is taken away that was not there before: somebody had forgotten it, with reason.
        Whatever the store has against it, what ended the refresh is what is to be told.
        """
        with contextlib.suppress(TokenStoreError):
            self._repository.update(record._replace(asked_at=None), drop=dead)

    def replaced(self, refused: Token) -> Record | None:
        """Return what has taken a refused pair's place in the store: consent may be given anew.

        None if it is no other pair, an older one, or one that has expired as well.
        """
        with contextlib.suppress(TokenStoreError):
            record = self._repository.load()
            if record is not None and record.token.refresh_token != refused.refresh_token:
                old = record.token.is_older_than(refused)
                return record if self._lives(record.token) and not old else None
        return None

    def mark_revoked(self, spent: Token, error: GrantError) -> bool:
        """Remember that a refresh token was refused; one that is dead is never sent again.

        The access token of the pair serves until it expires, or is answered 401.

        Returns:
            Whether that is news: nobody here was told it of this pair before.
        """
        known, why = self._refused, str(error.args[0])
        is_dead = is_withdrawn(error) and spent.refresh_token is not None
        is_gone = error.finding == "withdrawn"
        self._refused = _Refused(spent, why, is_dead, is_gone)
        held = self.token
        works = self._lives(spent) and not is_gone
        if is_dead and held is not None and held.refresh_token == spent.refresh_token and not works:
            self.token, self.connected = None, False
        return known is None or (known.token, known.why) != (spent, why)

    def discard(self, token: Token) -> None:
        """Use a token no more whose access was answered 401, and which cannot be renewed."""
        refused = self._refused
        if refused is not None and refused.token == token:
            self._refused = refused._replace(is_gone=True)
        if self.token == token:
            self.token, self.connected = None, False

    def is_dead(self, token: Token) -> bool:
        """Tell whether amoCRM has refused the refresh token of this very pair for good."""
        refused = self._refused
        if refused is None or not refused.is_dead:
            return False
        return token.refresh_token == refused.token.refresh_token

    def load(self) -> Token | None:
        """Return what is held, or else stored, if it works or can be renewed."""
        if self.token is not None and self._serves(self.token):
            return self.token
        record = self._repository.load()
        if record is None or not self._serves(record.token):
            return None
        self._go_with(record)
        return record.token

    def stored(self) -> Record | None:
        """Return what is stored, after saving what could not be saved before; go to its host."""
        self.save_again()
        record = self._repository.load()
        if record is not None:
            self.portal = self.portal.moved(record.host)
        return record

    def exchanged(self, mark: str, *, follow: bool) -> Record | None:
        """Return what is stored, if it came from a code and can still serve.

        Args:
            mark: the digest of the code.
            follow: else go to the stored host, for that is where the account is now.
        """
        self.save_again()
        record = self._repository.load()
        if record is not None and record.code == mark and self.spendable(record.token):
            return record
        if record is not None and follow:
            self.portal = self.portal.moved(record.host)
        return None

    def take_over(self) -> None:
        """Hold what is stored, because another client of the account was granted it."""
        with self._changing:
            if (record := self._repository.load()) is not None and not self.unsaved:
                self._go_with(record)
                self.reuse(record.token)
                self.changes += 1

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

    def status(self) -> ConnectionStatus:
        """Tell what is held, or else stored, without changing either."""
        token, host = self.token, self.portal.account
        if token is None and (record := self._repository.load()) is not None:
            token, host = record.token, record.host
        return describe(
            Account(self._repository.name, host, self.account_id),
            token,
            self.clock.time(),
            renewable=token is not None and self._renewable(token),
            unsaved=self.unsaved,
            refused=None if self._refused is None else self._refused.why,
        )

    def _hold(self, token: Token, refused: _Refused | None = None) -> None:
        """Hold a token, and forget what was refused before it, but for what is given."""
        self.token, self.connected, self._refused = token, True, refused
        if self._granted_after_401:
            self.cooldowns.note_refresh_after_401(token)

    def _go_with(self, record: Record) -> None:
        """Take over what is stored beside a token."""
        self.portal = self.portal.moved(record.host)
        self._code, self._granted_after_401 = record.code, record.granted_after_401

    def _save(self, token: Token, *, late: bool = False, expected: Record | None = None) -> None:
        """Save and hold a pair just granted, or a newer one that somebody else has saved."""
        record = self._record(token)
        if self._spent is None:
            self.adopt(self._repository.put(record, self._granted_to, late=late))
        else:
            swapped = self._repository.swap(
                record, self._spent, self._granted_to, expected=expected
            )
            self.adopt(swapped)
        self.unsaved = False
        self._repository.point(self.portal.account, late=late)

    def _record(self, token: Token) -> Record:
        return Record(
            token, self.portal.account, self._code, granted_after_401=self._granted_after_401
        )

    def freshness(self, token: Token) -> Freshness:
        """Tell how fresh a token is now."""
        return token.freshness(self.clock.time())

    def spendable(self, token: Token) -> bool:
        """Tell whether a token has a refresh token that is not known to be dead."""
        return token.refresh_token is not None and not self.is_dead(token)

    def _lives(self, token: Token) -> bool:
        return self.freshness(token) is not Freshness.EXPIRED

    def _lasts(self, token: Token) -> bool:
        return token.refresh_token is None or self.spendable(token)

    def _serves(self, token: Token) -> bool:
        """Tell whether calls can go on with a token, or with what it can be renewed to."""
        refused = self._refused
        if refused is not None and refused.is_gone and refused.token == token:
            return False
        return self._lives(token) or self._lasts(token)

    @property
    def renewable(self) -> bool:
        """Whether the held token can be replaced without a person."""
        return self.token is not None and self._renewable(self.token)

    @property
    def replaceable(self) -> bool:
        """Whether another token may be found in the held one's place: renewed, or in the store."""
        token = self.token
        return self._settings.client_id is not None and bool(token and token.refresh_token)

    def _renewable(self, token: Token) -> bool:
        return self._settings.client_id is not None and self.spendable(token)

    def check_spendable(self, token: Token) -> None:
        """Refuse what cannot be refreshed.

        Raises:
            NotAuthorizedError: it has no refresh token, or a dead one.
        """
        if not self.spendable(token):
            raise self.not_authorized(token)

    def not_authorized(self, token: Token | None) -> NotAuthorizedError:
        """Say what is missing, when there is no way to a token."""
        refused = self._refused
        why = refused.why if refused is not None and refused.is_dead else None
        return not_authorized(token, why, long_lived=self._settings.access_token is not None)
