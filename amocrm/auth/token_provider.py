"""The way from a call to a token that is good for it."""

from __future__ import annotations

import logging
from email.utils import parsedate_to_datetime
from typing import Final

from amocrm._support.forks import ForkLock
from amocrm.auth.connection_events import ConnectionEvents
from amocrm.auth.token import Freshness, Token
from amocrm.auth.token_acquirer import TokenAcquirer
from amocrm.auth.token_cache import TokenCache
from amocrm.auth.token_endpoint import AFTER_401, Reason
from amocrm.errors import (
    AuthorizationError,
    BusyError,
    GrantError,
    ReplyError,
    TokenStoreError,
    TransportError,
)
from amocrm.http.authorizer import Credential

_LATER: Final = (TransportError, ReplyError, TokenStoreError, BusyError)
"""What may be over in a moment."""

_STILL_SERVES: Final = (*_LATER, AuthorizationError)
"""What stops no call whose access token lives, be it over in a moment or final."""

_log = logging.getLogger("amocrm")


class TokenProvider:
    """Hands out tokens for calls. Thread-safe, and quick while the token is fresh."""

    def __init__(
        self, acquirer: TokenAcquirer, cache: TokenCache, events: ConnectionEvents
    ) -> None:
        self._acquirer = acquirer
        self._cache = cache
        self._events = events
        self._saving = ForkLock()

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._cache.portal.origin

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        return self._cache.replaceable

    def at(self, address: object) -> str | None:
        """Tell the origin of an address of the Files service; None if the token must not go there.

        The address comes from the server; see `Portal.drive`.
        """
        return self._cache.portal.drive(address)

    def token(self) -> Token:
        """Return a token that is good for the next call, getting or renewing it if need be."""
        acquirer, cache = self._acquirer, self._cache
        token = cache.token
        if not cache.connected or token is None:
            return acquirer.obtain()
        self._events.check()
        if cache.unsaved:
            self._save_again()
        token = cache.token or token
        freshness = cache.freshness(token)
        if freshness is Freshness.FRESH:
            return token
        if freshness is Freshness.EXPIRED:
            return (
                acquirer.renew(token, Reason("expired")) if cache.renewable else acquirer.obtain()
            )
        if acquirer.inside or not cache.cooldowns.may_renew or not cache.renewable:
            return token
        return self._renew_in_time(token, freshness)

    def refresh_after_401(self, spent: Credential, date: str | None = None) -> Token | str:
        """Return another token than the one a call was answered 401 with, or why there is none.

        A pair is renewed for it, unless that has only just been tried, or the pair was granted for
        a 401 itself; but what somebody who shares the store was granted is always taken.

        Args:
            spent: the token.
            date: when that was answered, as the answer says.
        """
        if not isinstance(spent, Token):
            raise TypeError("this token was not given out here")
        cooldowns = self._cache.cooldowns
        known = cooldowns.why_not_refresh_after_401(spent, _age(spent, date))
        if known is not None and self._cache.spendable(spent):
            return self._cache.other_than(spent) or known
        if not self._cache.spendable(spent):
            other = self._cache.other_than(spent)
            if other is None:
                self._cache.discard(spent)
                raise self._cache.not_authorized(spent)
            return other
        try:
            return self._acquirer.renew(spent, Reason(AFTER_401))
        except (GrantError, *_LATER) as error:
            if self._cache.token not in (spent, None):
                raise  # It was replaced: this is what the store had against the new one.
            failure = f"the token could not be renewed for it: {error}"
            cooldowns.note_refresh_after_401(spent, failure)
            # What was refused, or has expired, ends all calls: that is what is to be told.
            if isinstance(error, GrantError) or self._cache.freshness(spent) is Freshness.EXPIRED:
                raise
            _log.warning("after a call was answered 401, %s", failure)
            return failure

    def _renew_in_time(self, token: Token, freshness: Freshness) -> Token:
        """Renew a token that still lives; if that cannot be done now, calls go on with it.

        Early, one caller does it and nobody waits for it; when it is due, everybody waits.
        """
        early = freshness is Freshness.STALE
        if early and self._acquirer.busy:
            return token
        try:
            return self._acquirer.renew(token, Reason(freshness.value, once=early))
        except _STILL_SERVES as error:
            if self._cache.token != token:
                # It was replaced: this is what the store had against the new one. Or amoCRM has
                # refused the access token as well.
                raise
            self._cache.cooldowns.put_off_renewal()
            _log.warning("the token could not be renewed in time, and still serves: %s", error)
            return token

    def _save_again(self) -> None:
        """Try to save a pair that could not be saved; calls go on whether it works or not.

        One call tries, and none for a while after it was in vain: a store that hangs stops nobody.
        """
        if self._saving.acquire(blocking=False):
            try:
                if self._cache.cooldowns.may_save:
                    self._cache.save_again()
            except TokenStoreError as error:
                self._cache.cooldowns.put_off_saving()
                _log.warning("the token is still in memory only: %s", error)
            finally:
                self._saving.release()


def _age(token: Token, date: str | None) -> float | None:
    """Return the seconds between a grant and an answer, both by amoCRM's clock; None if untold."""
    if date is None or token.issued_at is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp() - token.issued_at
    except (ValueError, TypeError, OverflowError):
        return None
