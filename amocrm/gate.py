"""The way from a call to a token that is good for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from amocrm.core.token import Freshness, Token
from amocrm.errors import NotAuthorizedError, ReplyError, TokenStoreError, TransportError
from amocrm.forks import after_fork
from amocrm.grants import CURE, Reason
from amocrm.holding import Holding
from amocrm.keeper import Keeper
from amocrm.signals import Signals

SAVE_REST: Final = 5.0
"""Seconds after a save that failed again in which no call tries it."""

_log = logging.getLogger("amocrm")


class Door(Protocol):
    """What a call takes to get out: where to go, and a token that is good there."""

    @property
    def origin(self) -> str:
        """Scheme and authority that calls go to."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        ...

    def token(self) -> Token:
        """Return a token that is good for the next call."""
        ...

    def cure(self, spent: Token) -> Token | None:
        """Return another token than one that was answered 401; None if there is none."""
        ...

    def at(self, address: object) -> str | None:
        """Tell the origin of another host that may see the token; None if it must not."""
        ...


class SideDoor:
    """The same tokens, for another host of amoCRM's.

    Args:
        door: to the account.
        find: tells scheme and authority of the other host.
    """

    def __init__(self, door: Door, find: Callable[[], str]) -> None:
        # A side door leads out of no other one: they would stack up, address after address.
        self._door: Door = door._door if isinstance(door, SideDoor) else door
        self._find = find
        self.token = door.token
        self.cure = door.cure
        self.at = door.at

    @property
    def origin(self) -> str:
        """Scheme and authority of the other host."""
        return self._find()

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        return self._door.renewable


class Gate:
    """Hands out tokens for calls. Thread-safe, and quick while the token is fresh."""

    def __init__(self, keeper: Keeper, holding: Holding, signals: Signals) -> None:
        self._keeper = keeper
        self._holding = holding
        self._signals = signals
        self._saving = threading.Lock()
        self._save_at = float("-inf")
        after_fork(self)

    @property
    def origin(self) -> str:
        """Scheme and authority of the account, where calls go."""
        return self._holding.portal.origin

    @property
    def renewable(self) -> bool:
        """Whether a 401 may be cured by another token."""
        return self._holding.renewable

    def at(self, address: object) -> str | None:
        """Tell the origin of an address of the Files service; None if the token must not go there.

        The address comes from the server; see `Portal.drive`.
        """
        return self._holding.portal.drive(address)

    def token(self) -> Token:
        """Return a token that is good for the next call, getting or renewing it if need be."""
        keeper, holding = self._keeper, self._holding
        token = holding.token
        if not holding.connected or token is None:
            return keeper.obtain()
        self._signals.check()
        if holding.unsaved:
            self._save_again()
        token = holding.token or token
        freshness = holding.freshness(token)
        if freshness is Freshness.FRESH:
            return token
        if freshness is Freshness.EXPIRED:
            return keeper.renew(token, Reason("expired")) if holding.renewable else keeper.obtain()
        if keeper.inside or holding.rests or not holding.renewable:
            return token
        return self._renew_in_time(token, freshness)

    def cure(self, spent: Token) -> Token | None:
        """Return another token than the one a call was answered 401 with; None if there is none.

        It is renewed, unless that has only just been tried for the same reason; but what somebody
        who shares the store was granted is always taken.
        """
        if self._holding.cured_lately:
            return self._holding.other_than(spent)
        return self._keeper.renew(spent, Reason(CURE))

    def _renew_in_time(self, token: Token, freshness: Freshness) -> Token:
        """Renew a token that still lives; if that cannot be done now, calls go on with it.

        Early, one caller does it and nobody waits for it; when it is due, everybody waits.
        """
        early = freshness is Freshness.STALE
        if early and self._keeper.busy:
            return token
        try:
            return self._keeper.renew(token, Reason(freshness.value, once=early))
        except (TransportError, ReplyError, TokenStoreError, NotAuthorizedError) as error:
            if self._holding.token != token:
                raise  # It was replaced: this is what the store had against the new one.
            self._holding.rest()
            _log.warning("the token could not be renewed in time, and still serves: %s", error)
            return token

    def _save_again(self) -> None:
        """Try to save a pair that could not be saved; calls go on whether it works or not.

        One call tries, and none for a while after it was in vain: a store that hangs stops nobody.
        """
        if self._saving.acquire(blocking=False):
            try:
                if self._holding.clock.monotonic() >= self._save_at:
                    self._holding.save_again()
            except TokenStoreError as error:
                self._save_at = self._holding.clock.monotonic() + SAVE_REST
                _log.warning("the token is still in memory only: %s", error)
            finally:
                self._saving.release()

    def renew_after_fork(self) -> None:
        """Part from the parent process, whose lock may be held for ever."""
        self._saving = threading.Lock()
