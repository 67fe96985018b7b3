"""The base of all rate limiters: waiting for a slot, and learning from responses."""

from __future__ import annotations

import copy
import logging
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import RateLimiterError
from amocrm.rate_limit.budget import Budget, check_rate
from amocrm.rate_limit.jitter import NEWCOMER, Jitter
from amocrm.rate_limit.learning import (
    COUNTED_SECONDS,
    Counting,
    after_refusal,
    after_responses,
    free,
)
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.window import Action, Numbers, Turn, Window, check, finish, reserve

_log = logging.getLogger("amocrm")

RECENT: Final = 256
"""Accounts whose delays are remembered although no client of theirs is left."""

RECENT_SECONDS: Final = 10.0
"""Seconds in which calls were sent that show whether others are answered."""

LATE: Final = 0.01
"""Seconds between its slot and its sending after which a call takes its slot again. It is so late
when the process has more to do than its core can, or when the machine was suspended."""

LATE_PATIENCE: Final = 2.0
"""The longest time in seconds that a late call waits once more: its connection is open."""

Scoped = TypeVar("Scoped", bound="BaseRateLimiter")


class BaseRateLimiter(ABC):
    """At most so many calls in any second, as the server counts, for all that share it.

    Args:
        rate: calls in a second of all that share it, whatever the account. None: each call is
            counted in the budgets that were given to `scoped`; without these, in one of seven.

    Attributes:
        rate: calls in a second of the narrowest budget.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, rate: float | None = None) -> None:
        self.is_scoped = rate is None
        self.rate: float = float(REQUESTS_PER_SECOND) if rate is None else check_rate(rate)
        whole = (Budget("", self.rate),)
        self._budgets: Callable[[], Sequence[Budget]] = lambda: whole
        self._jitter = Jitter()
        self._jitters = _Jitters()
        self._learned = _Learned()
        self._shared_by: BaseRateLimiter = self

    def scoped(self: Scoped, budgets: Callable[[], Sequence[Budget]]) -> Scoped:
        """Return this rate limiter for the calls of one account.

        It shares everything with this one. With a rate of its own it has one budget for all.

        Args:
            budgets: returns what counts the next call, the narrowest first.
        """
        if not self.is_scoped:
            return self
        twin = copy.copy(self)
        twin._budgets = budgets
        twin._jitter = self._jitters.of(budgets()[0].key)
        twin.rate = float(min(one.rate for one in budgets()))
        twin._shared_by = self
        return twin

    @property
    def budgets(self) -> Sequence[Budget]:
        """The budgets that count the next call, the narrowest first."""
        return self._budgets()

    @property
    def is_address_limited(self) -> bool:
        """Whether refusals have shown that the server counts this IP address."""
        return self._learned.is_limited

    def wait(self, clock: Clock, patience: float) -> TakenSlot | Refusal:
        """Wait for a slot; see `RateLimiter.wait`.

        Slots are reserved under the windows' lock, in the order of the calls; the wait is outside
        it. The slots of a caller that is interrupted there expire.
        """
        budgets = self._budgets()
        started = clock.monotonic()
        turn = self.reserve(clock, patience, budgets)
        turn, now, held = self._follow(clock, patience, budgets, turn, started)
        if turn.action is not Action.GO:
            return Refusal(turn.away, turn.action is Action.BLOCKED)
        return TakenSlot(self, clock, turn, now, now - started, held, budgets)

    def _follow(
        self, clock: Clock, patience: float, budgets: Sequence[Budget], turn: Turn, started: float
    ) -> tuple[Turn, float, float]:
        """Wait until a call may be sent, or has to give up.

        Returns:
            The last turn, its instant, and the seconds of the wait that the server had asked for.
        """
        now, held = started, 0.0
        while turn.action is not Action.GO:
            left = patience - (now - started)
            if turn.action is Action.RESERVE_AGAIN:
                turn = self.reserve(clock, left, budgets)
            elif turn.action is not Action.WAIT or turn.away > left:
                break
            else:
                clock.sleep(turn.away)
                held += turn.away if turn.held else 0.0
                # Read before the lock: rather assume that a call is late than that it is punctual.
                now = clock.monotonic()
                turn = self.check(clock, turn.numbers, budgets)
        return turn, now, held

    def retake(self, slot: TakenSlot) -> None:
        """Take the slot of a call again that is late: its successor may have been sent meanwhile.

        A call that would have to wait too long is sent all the same.
        """
        clock, budgets = slot.clock, slot.budgets
        try:
            started = clock.monotonic()
            turn = self.check(clock, slot.numbers, budgets)
            turn, now, held = self._follow(clock, LATE_PATIENCE, budgets, turn, started)
        except RateLimiterError as error:
            _log_failure(error)
            return
        if turn.action is Action.GO:
            slot.numbers, slot.is_probe = turn.numbers, slot.is_probe or turn.probe
            slot.left = slot.begun = now
            slot.waited += now - started
            slot.held += held

    def open(self, slot: TakenSlot) -> None:
        """Occupy the slot of a call that has to open a connection."""
        try:
            self.note_opening(slot.clock, slot.numbers, slot.budgets)
        except RateLimiterError as error:
            _log_failure(error)

    def begin(self, slot: TakenSlot) -> None:
        """Count the second of a call from when it was sent, over a new connection or late.

        Waiting for its response would cost one latency at a cold start; and a process that is so
        busy that it sends late may read the response late as well.
        """
        try:
            margin = slot.begun - slot.left + (NEWCOMER if slot.is_fresh else self._jitter.margin)
            self.note_margin(slot.clock, slot.numbers, margin, slot.budgets)
        except RateLimiterError as error:
            _log_failure(error)

    def over(self, slot: TakenSlot, came: float | None, blocked: bool) -> None:
        """Learn from a call that is over."""
        clock, numbers, budgets = slot.clock, slot.numbers, slot.budgets
        try:
            if slot.is_fresh and not slot.is_sent:
                ended = clock.monotonic() if came is None else came
                margin = self._jitter.fresh(ended - slot.left)
                self._learned.is_free |= self.note_response(
                    clock, numbers, margin, budgets, came is not None and not slot.is_refused
                )
            elif came is not None:
                learn = self._jitter.opened if slot.is_fresh else self._jitter.learn
                margin = slot.begun - slot.left + learn(came - slot.begun)
                self._learned.is_free |= self.note_response(
                    clock, numbers, margin, budgets, not slot.is_refused
                )
            if came is None or blocked:
                return
            if slot.is_probe:
                self.note_unblock(clock, budgets)
            if budgets[-1].learned and not slot.is_refused:
                self._learned.sent.append(slot.begun)
                if not self._learned.is_free and after_responses([*self._learned.sent]):
                    self._learned.is_free = self.note_free(clock, budgets)
        except RateLimiterError as error:
            _log_failure(error)

    def hold(self, clock: Clock, seconds: float) -> None:
        """Send no call of this account for some seconds, calls that wait for a slot included.

        If refusals show that the server counts the address, all calls are limited together.
        """
        self._jitter.refused()
        budgets, learned = self._budgets(), self._learned
        recent = clock.monotonic() - RECENT_SECONDS
        is_flowing = after_responses([at for at in [*learned.sent] if at > recent])
        learned.is_free = False
        try:
            is_limited = self.note_hold(clock, seconds, budgets, is_flowing)
        except RateLimiterError as error:
            _log_failure(error)
            return
        if is_limited and not learned.is_limited:
            learned.is_limited = True
            _log.warning(
                "amoCRM counts the calls of this IP address: it has answered 429 for accounts "
                "whose own limits were kept. All calls together are now at most %d a second; "
                "this is tested again after %d minutes",
                REQUESTS_PER_SECOND, COUNTED_SECONDS // 60,
            )  # fmt: skip

    def block(self, clock: Clock, seconds: float) -> float:
        """Refuse the calls of this account for a while, then let one test the block.

        On a platform that counts the address, these are all calls. Each test that fails makes the
        next pause longer; see `window.BLOCK_GROWTH`.
        """
        try:
            return self.note_block(clock, seconds, self._budgets())
        except RateLimiterError as error:
            _log_failure(error)
            return seconds

    @abstractmethod
    def reserve(self, clock: Clock, patience: float, budgets: Sequence[Budget]) -> Turn:
        """Reserve a slot in each budget; see `window.reserve`."""

    @abstractmethod
    def check(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> Turn:
        """Check the slots again; see `window.check`."""

    @abstractmethod
    def note_opening(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> None:
        """See `Window.opening`."""

    @abstractmethod
    def note_margin(
        self, clock: Clock, numbers: Numbers, margin: float, budgets: Sequence[Budget]
    ) -> None:
        """See `Window.settle`."""

    @abstractmethod
    def note_response(
        self,
        clock: Clock,
        numbers: Numbers,
        margin: float,
        budgets: Sequence[Budget],
        is_accepted: bool,
    ) -> bool:
        """Note that a call is over; return whether the address is known not to be counted.

        `is_accepted`: it was answered, and not with 429. See `window.finish`.
        """

    @abstractmethod
    def note_hold(
        self, clock: Clock, seconds: float, budgets: Sequence[Budget], is_flowing: bool = False
    ) -> bool:
        """Hold the narrowest budget; return whether the address is known to be counted.

        See `Window.hold` and `learning.after_refusal`.
        """

    @abstractmethod
    def note_block(self, clock: Clock, seconds: float, budgets: Sequence[Budget]) -> float:
        """Block the widest budget that is the account's; see `Window.block`."""

    @abstractmethod
    def note_unblock(self, clock: Clock, budgets: Sequence[Budget]) -> None:
        """See `Window.unblock`."""

    @abstractmethod
    def note_free(self, clock: Clock, budgets: Sequence[Budget]) -> bool:
        """Note that the server does not count the address; return whether this is known now.

        See `learning.free`.
        """


class _Jitters:
    """What responses have taught, by the narrowest budget: accounts differ in their servers."""

    def __init__(self) -> None:
        self._by_key: WeakValueDictionary[str, Jitter] = WeakValueDictionary()
        # A program that makes a client for each call must not begin to learn with each.
        self._recent: deque[Jitter] = deque(maxlen=RECENT)

    def of(self, key: str) -> Jitter:
        jitter = self._by_key.get(key)
        if jitter is None:
            jitter = self._by_key.setdefault(key, Jitter())
            self._recent.append(jitter)
        return jitter


class _Learned:
    """What this process knows about the address; all limiters that `scoped` returns share it."""

    def __init__(self) -> None:
        self.is_limited = self.is_free = False
        self.sent: deque[float] = deque(maxlen=2 * REQUESTS_PER_SECOND + 2)


class TakenSlot:
    """A slot whose call is sent; see `Slot`."""

    __slots__ = (
        "_limiter", "begun", "budgets", "clock", "held", "is_fresh", "is_probe", "is_refused",
        "is_sent", "left", "numbers", "waited",
    )  # fmt: skip

    def __init__(
        self,
        limiter: BaseRateLimiter,
        clock: Clock,
        turn: Turn,
        left: float,
        waited: float,
        held: float,
        budgets: Sequence[Budget],
    ) -> None:
        self._limiter = limiter
        self.clock = clock
        self.numbers = turn.numbers
        self.is_probe = turn.probe
        self.is_fresh = self.is_sent = self.is_refused = False
        self.left = self.begun = left
        self.waited = waited
        self.held = held
        self.budgets = budgets

    def opening(self) -> None:
        """Report that a connection has to be opened; see `Slot.opening`."""
        self.is_fresh = True
        self._limiter.open(self)

    def leaving(self) -> None:
        """Report that the call is about to be sent; see `Slot.leaving`."""
        if self.clock.monotonic() - self.left > LATE and not self.is_fresh:
            self._limiter.retake(self)

    def sent(self) -> None:
        """Report that the call was sent; see `Slot.sent`."""
        self.begun = self.clock.monotonic()
        if self.is_fresh:
            self.is_sent = True
            self._limiter.begin(self)
        elif self.begun - self.left > LATE:
            self._limiter.begin(self)

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        """Report that the call is over; see `Slot.done`."""
        self._limiter.over(self, came, blocked)


def _log_failure(error: RateLimiterError) -> None:
    """Log a failure of the shared storage, which must not cost a caller its response.

    The slot becomes free a little later, or the next 429 starts the pause again.
    """
    _log.warning("%s", error)


def account_number(budgets: Sequence[Budget]) -> float:
    """Return a number above 0 that stands for the account of a call."""
    return float(zlib.crc32(budgets[0].key.encode()) + 1)


def blocked_budget(budgets: Sequence[Budget]) -> int:
    """Return the position of the budget that a block is for: the widest of the account's own.

    amoCRM blocks the account, Kommo the address (reference 3.4).
    """
    own = [at for at, one in enumerate(budgets) if not one.key.startswith("address:")]
    return own[-1] if own else len(budgets) - 1


class WindowRateLimiter(BaseRateLimiter):
    """A rate limiter whose windows are in this process or in a file."""

    @abstractmethod
    def locked_windows(
        self, clock: Clock, budgets: Sequence[Budget]
    ) -> AbstractContextManager[list[Window]]:
        """Return a context manager that locks the windows and gives those of some budgets."""

    def reserve(self, clock: Clock, patience: float, budgets: Sequence[Budget]) -> Turn:
        """Reserve a slot in each budget; see `window.reserve`."""
        with self.locked_windows(clock, budgets) as windows:
            return reserve(windows, clock.monotonic(), patience, self._jitter.margin)

    def check(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> Turn:
        """Check the slots again; see `window.check`."""
        with self.locked_windows(clock, budgets) as windows:
            return check(windows, numbers, clock.monotonic(), self._jitter.margin)

    def note_opening(self, clock: Clock, numbers: Numbers, budgets: Sequence[Budget]) -> None:
        """See `Window.opening`."""
        with self.locked_windows(clock, budgets) as windows:
            for window, number in zip(windows, numbers, strict=True):
                window.opening(number, clock.monotonic())

    def note_margin(
        self, clock: Clock, numbers: Numbers, margin: float, budgets: Sequence[Budget]
    ) -> None:
        """See `Window.settle`."""
        with self.locked_windows(clock, budgets) as windows:
            for window, number in zip(windows, numbers, strict=True):
                window.settle(number, margin)

    def note_response(
        self,
        clock: Clock,
        numbers: Numbers,
        margin: float,
        budgets: Sequence[Budget],
        is_accepted: bool,
    ) -> bool:
        """Note that a call is over; return whether the address is known not to be counted."""
        with self.locked_windows(clock, budgets) as windows:
            return finish(windows, numbers, margin, budgets, clock.monotonic(), is_accepted)

    def note_hold(
        self, clock: Clock, seconds: float, budgets: Sequence[Budget], is_flowing: bool = False
    ) -> bool:
        """Hold the narrowest budget; return whether the address is known to be counted."""
        with self.locked_windows(clock, budgets) as windows:
            now, widest = clock.monotonic(), windows[-1]
            windows[0].hold(now + seconds)
            if not budgets[-1].learned:
                return False
            if widest.knowledge.is_counted(now):
                widest.hold(now + seconds)
            widest.knowledge = after_refusal(
                widest.knowledge, now, account_number(budgets), is_flowing
            )
            return widest.knowledge.is_counted(now)

    def note_block(self, clock: Clock, seconds: float, budgets: Sequence[Budget]) -> float:
        """Block the widest budget that is the account's; see `Window.block`."""
        with self.locked_windows(clock, budgets) as windows:
            return windows[blocked_budget(budgets)].block(clock.monotonic(), seconds)

    def note_unblock(self, clock: Clock, budgets: Sequence[Budget]) -> None:
        """See `Window.unblock`."""
        with self.locked_windows(clock, budgets) as windows:
            for window in windows:
                window.unblock()

    def note_free(self, clock: Clock, budgets: Sequence[Budget]) -> bool:
        """Note that the server does not count the address; return whether this is known now.

        See `learning.free`.
        """
        with self.locked_windows(clock, budgets) as windows:
            windows[-1].knowledge = free(windows[-1].knowledge, clock.monotonic())
            return windows[-1].knowledge.known is Counting.FREE
