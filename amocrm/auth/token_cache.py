"""The current token of an account: in memory, in the store, or refused by amoCRM.

The store comes first: a new token is saved, then used, then handlers are called. If the store
fails, the token is used from memory and saved as soon as the store works again.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock
from amocrm.auth.cooldowns import Cooldowns
from amocrm.auth.revocation import Revocation
from amocrm.auth.settings import Settings
from amocrm.auth.status import Account, ConnectionStatus, describe
from amocrm.auth.token import Freshness, Token, read_token
from amocrm.auth.token_record import Record
from amocrm.auth.token_repository import LOCK_PATIENCE, TokenRepository
from amocrm.errors import ConfigurationError, GrantError, NotAuthorizedError, TokenStoreError
from amocrm.http.hosts import Portal


class TokenCache:
    """The token of one account, in memory and in the store. Thread-safe.

    Attributes:
        token: the token in memory; None if there is none.
        portal: the account's host and origin; changes when the account is renamed.
        connected: the token in memory was valid when it was put there.
        changes: number of tokens that the user of the library has set; such a token replaces the
            result of a grant that is in progress.
        unsaved: the token is in memory only, because the store failed.
        clock: for the freshness of tokens.
        cooldowns: when a failed refresh or save may be repeated.
        revocation: the last pair that amoCRM refused.
    """

    def __init__(
        self,
        settings: Settings,
        portal: Portal,
        repository: TokenRepository,
        clock: Clock,
        refresh_spread: float = 0.0,
    ) -> None:
        self.token: Token | None = None
        self.portal = portal
        self.connected = False
        self.changes = 0
        self.unsaved = False
        self.clock = clock
        self.cooldowns = Cooldowns(clock)
        self.revocation = Revocation()
        self._settings = settings
        self._refresh_spread = refresh_spread
        self._repository = repository
        self._code_digest: str | None = None
        self._granted_after_401 = False
        self._used: Token | None = None
        self._granted_account_id: int | None = None
        self._changing = ForkLock()
        if settings.access_token is not None:
            token = read_token({"access_token": settings.access_token})
            repository.check(token.account_id, is_refresh=True)
            self._use(token)

    @property
    def account_id(self) -> int | None:
        """The id of the account; None while it is unknown."""
        known = self._repository.account_id
        if known is None and self.token is not None:
            known = self.token.account_id
        return known

    # What the token allows -----------------------------------------------------------------------

    def freshness(self, token: Token) -> Freshness:
        """Return how fresh a token is now."""
        return token.freshness(self.clock.time(), self._refresh_spread)

    def can_refresh(self, token: Token) -> bool:
        """Return whether a token has a refresh token that amoCRM has not revoked."""
        return token.refresh_token is not None and not self.revocation.is_revoked(token)

    @property
    def renewable(self) -> bool:
        """Whether the token in memory can be refreshed without a person."""
        return self.token is not None and self._is_renewable(self.token)

    @property
    def replaceable(self) -> bool:
        """Whether a refresh or the store may give another token than the one in memory."""
        token = self.token
        return self._settings.client_id is not None and bool(token and token.refresh_token)

    def not_authorized(self, token: Token | None) -> NotAuthorizedError:
        """Return the error for a client that has no way to get a valid token."""
        long_lived = self._settings.access_token is not None
        return self.revocation.not_authorized(token, long_lived=long_lived)

    def _is_renewable(self, token: Token) -> bool:
        return self._settings.client_id is not None and self.can_refresh(token)

    def _is_expired(self, token: Token) -> bool:
        return self.freshness(token) is Freshness.EXPIRED

    def _is_usable(self, token: Token) -> bool:
        """Return whether calls can use a token now or after a refresh."""
        if self.revocation.is_access_revoked(token):
            return False
        is_long_lived = token.refresh_token is None
        return not self._is_expired(token) or is_long_lived or self.can_refresh(token)

    # Reading: memory, then the store -------------------------------------------------------------

    def load(self) -> Token | None:
        """Return the token in memory, or else the stored one, if it is usable."""
        if self.token is not None and self._is_usable(self.token):
            return self.token
        record = self._repository.load()
        if record is None or not self._is_usable(record.token):
            return None
        self._read_state(record)
        return record.token

    def load_stored(self) -> Record | None:
        """Return the stored record, after saving an unsaved token; use its host from now on."""
        self.save_again()
        record = self._repository.load()
        if record is not None:
            self._move(record.host)
        return record

    def load_for_code(self, code_digest: str, *, follow: bool) -> Record | None:
        """Return the stored record, if it came from this code and its pair can be refreshed.

        Args:
            code_digest: digest of the code.
            follow: otherwise use the stored host from now on, for the account is there.
        """
        self.save_again()
        record = self._repository.load()
        if record is None:
            return None
        if record.code == code_digest and self.can_refresh(record.token):
            return record
        if follow:
            self._move(record.host)
        return None

    def newest(self, token: Token, stored: Record | None) -> Record:
        """Return the stored record, or a record of a token in memory that is newer."""
        # The stored pair is older if a backup was restored, or if a save failed.
        if stored is None or stored.token.is_older_than(token):
            return self._record(token)
        self._read_state(stored)
        return stored

    def find_other(self, token: Token) -> Token | None:
        """Use another valid token that is in memory or in the store; None if there is none.

        A store that fails has none.
        """
        if self.token is not None and self.token != token:
            return self.token
        try:
            stored = self.load_stored()
        except TokenStoreError:
            return None
        if stored is None or stored.token == token or stored.token.is_older_than(token):
            return None
        return None if self._is_expired(stored.token) else self.use_stored(stored)

    def find_replacement(self, refused: Token) -> Record | None:
        """Return the record that replaced a refused pair in the store, after another consent.

        None if the stored pair is the same, older or expired, or if the store fails.
        """
        with contextlib.suppress(TokenStoreError):
            record = self._repository.load()
            if record is not None and record.token.refresh_token != refused.refresh_token:
                is_older = record.token.is_older_than(refused)
                return None if is_older or self._is_expired(record.token) else record
        return None

    def status(self) -> ConnectionStatus:
        """Return the status of the token in memory or in the store, without changing either."""
        token, host = self.token, self.portal.account
        if token is None and (record := self._repository.load()) is not None:
            token, host = record.token, record.host
        return describe(
            Account(self._repository.name, host, self.account_id),
            token,
            None if token is None else self.freshness(token),
            renewable=token is not None and self._is_renewable(token),
            unsaved=self.unsaved,
            refused=self.revocation.reason,
        )

    # Using a token -------------------------------------------------------------------------------

    def set_token(self, token: Token) -> None:
        """Save and use a token that the user of the library gives.

        The pair that was refreshed last here is ignored, and a pair that is older than the stored
        one does not replace it: an outdated file must not cost a valid token.
        """
        with self._changing:
            used = self._used.refresh_token if self._used is not None else None
            if self.token is not None and token.refresh_token == (used or ""):
                return
            self._code_digest, self._granted_after_401 = None, False
            if token.refresh_token is None:
                self._repository.peek()  # It reads which account the name leads to.
                account_id = token.account_id or self._repository.account_id
                self._repository.check(account_id, is_refresh=True)
                self._repository.put(self._record(token), account_id)
                self._use(token)
            else:
                revoked = self.revocation.revoked_pair
                token = self.use_stored(self._repository.swap(self._record(token), revoked))
            self.changes += 1
            self.unsaved = False
            self.connected = not self._is_expired(token)

    def reuse(self, token: Token) -> Token:
        """Use a token that was loaded; a refusal of its refresh token stays known."""
        self._put_in_memory(token)
        self.revocation.clear(unless=token)
        return token

    def use_stored(self, record: Record) -> Token:
        """Use the token and the host of a stored record."""
        self._read_state(record)
        self._use(record.token)
        return record.token

    def reload(self) -> None:
        """Use the stored token, because another client of the account was granted it."""
        with self._changing:
            if (record := self._repository.load()) is not None and not self.unsaved:
                self._read_state(record)
                self.reuse(record.token)
                self.changes += 1

    def note_refused(self, used: Token, error: GrantError) -> bool:
        """Remember that amoCRM refused to refresh a pair. A revoked pair is not sent again.

        Calls go on with the access token until it expires or is answered 401.

        Returns:
            Whether this refusal is new: handlers have not been called for it.
        """
        is_new = self.revocation.note(used, error)
        current = self.token
        works = not self._is_expired(used) and not self.revocation.is_access_revoked(used)
        is_current = current is not None and current.refresh_token == used.refresh_token
        if is_current and not works and self.revocation.is_revoked(used):
            self.token, self.connected = None, False
        return is_new

    def discard(self, token: Token) -> None:
        """Stop using a token that was answered 401 and cannot be refreshed."""
        self.revocation.note_401(token)
        if self.token == token:
            self.token, self.connected = None, False

    def _use(self, token: Token) -> None:
        """Use a token, and forget the refusal of the one before."""
        self._put_in_memory(token)
        # Only now: with the old token in memory another thread would send what amoCRM has revoked.
        self.revocation.clear()

    def _put_in_memory(self, token: Token) -> None:
        self.token, self.connected = token, True
        if self._granted_after_401:
            self.cooldowns.note_refresh_after_401(token)

    def _read_state(self, record: Record) -> None:
        """Read what a record has besides its token."""
        self._move(record.host)
        self._code_digest, self._granted_after_401 = record.code, record.granted_after_401

    def _move(self, host: str) -> None:
        if host != self.portal.account:
            self.portal = self.portal.moved(host)

    # A grant: lock, begin, store or fail ---------------------------------------------------------

    def lock(self, patience: float = LOCK_PATIENCE) -> AbstractContextManager[None]:
        """Lock the account in the store; see `TokenRepository.lock`."""
        return self._repository.lock(patience)

    def lock_code(self, code_digest: str, patience: float) -> AbstractContextManager[None]:
        """Lock a code, so that no other process exchanges it meanwhile; nothing else waits."""
        return self._repository.lock_text(code_digest, patience)

    def begin_refresh(self, record: Record) -> Record:
        """Store that a refresh of a pair begins; return the record that is stored then.

        If this process is killed, the next one knows why amoCRM refuses the pair. A store that
        cannot save fails here, before the refresh token is used.

        Raises:
            TokenStoreError: the store failed; nothing was sent.
        """
        return self._repository.swap(
            record._replace(asked_at=self.clock.time()), record.token, expected=record
        )

    def end_refresh(self, record: Record, *, remove: bool) -> None:
        """Store that a refresh has ended without a new pair.

        A failure of the store is ignored, because the caller reports the error of the refresh.

        Args:
            record: as `begin_refresh` stored it.
            remove: the pair was not in the store before, and is revoked.
        """
        with contextlib.suppress(TokenStoreError):
            self._repository.update(record._replace(asked_at=None), drop=remove)

    def store_granted(
        self,
        token: Token,
        portal: Portal,
        used: Record | None,
        code_digest: str | None = None,
        *,
        account_id: int | None = None,
        granted_after_401: bool = False,
    ) -> TokenStoreError | None:
        """Save a pair that was just granted, then use it; return the error of the store, if any.

        The pair is used from memory if it could not be saved, even after an interruption.

        Args:
            token: the new pair.
            portal: where it was granted.
            used: the stored record of the pair that was refreshed; None if a code was exchanged.
            code_digest: digest of that code.
            account_id: the account's id; None if it is unknown.
            granted_after_401: the refresh followed a 401.

        Raises:
            ConfigurationError: the pair is another account's, and is stored there; nothing has
                changed here.
        """
        with self._changing:
            try:
                self._repository.check(account_id, is_refresh=used is not None)
            except ConfigurationError:
                if used is None:
                    record = Record(token, portal.account, code_digest)
                    self._repository.put_elsewhere(record, account_id)
                raise
            self.portal, self._granted_after_401 = portal, granted_after_401
            self._used = None if used is None else used.token
            self._granted_account_id = account_id
            self._code_digest = self._code_digest if code_digest is None else code_digest
            saved = False
            try:
                self._save(token, expected=used)
                saved = True
            except TokenStoreError as error:
                return error
            finally:
                if not saved:
                    self._use(token)
                    self.unsaved = True
            return None

    def save_again(self) -> None:
        """Save a pair that could not be saved when it was granted.

        Raises:
            TokenStoreError: the store failed again.
        """
        with self._changing:
            if self.unsaved and self.token is not None:
                self._save(self.token, late=True)

    def _save(self, token: Token, *, late: bool = False, expected: Record | None = None) -> None:
        """Save and use a granted pair, or a newer one that another process has stored."""
        record, account_id = self._record(token), self._granted_account_id
        if self._used is None:
            stored = self._repository.put(record, account_id, late=late)
        else:
            stored = self._repository.swap(record, self._used, account_id, expected=expected)
        self.use_stored(stored)
        self.unsaved = False
        self._repository.point(self.portal.account, late=late)

    def _record(self, token: Token) -> Record:
        return Record(
            token,
            self.portal.account,
            self._code_digest,
            granted_after_401=self._granted_after_401,
        )
