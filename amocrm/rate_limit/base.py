"""The base of all rate limiters: waiting for a slot, and learning from the delays of responses."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import ConfigurationError, RateLimiterError
from amocrm.rate_limit.jitter import NEWCOMER, Jitter
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.window import Action, Step, Window, slots_for

_log = logging.getLogger("amocrm")


class BaseRateLimiter(ABC):
    """At most `rate` calls in any second, as the server counts, for all that share it.

    Attributes:
        rate: calls in a second.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, rate: float = REQUESTS_PER_SECOND) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
            raise ConfigurationError("the rate must be a number of calls per second, such as 7")
        self.rate: float = rate
        self._slots, self._seconds = slots_for(rate)
        self._jitter = Jitter()

    def wait(self, clock: Clock, patience: float) -> TakenSlot | Refusal:
        """Wait for a slot; see `RateLimiter.wait`.

        Slots are reserved under the window's lock, in the order of the calls; the wait is outside
        it. The slot of a caller that is interrupted there expires.
        """
        started = now = clock.monotonic()
        held = 0.0
        step = self.reserve(clock, patience)
        while step.action is not Action.GO:
            left = patience - (now - started)
            if step.action is Action.RESERVE_AGAIN:
                step = self.reserve(clock, left)
            elif step.action is not Action.WAIT or step.away > left:
                return Refusal(step.away, step.action is Action.BLOCKED)
            else:
                clock.sleep(step.away)
                held += step.away if step.held else 0.0
                # Read before the lock: rather assume that a call is late than that it is punctual.
                now = clock.monotonic()
                step = self.check(clock, step.slot_number)
        return TakenSlot(self, clock, step, now, now - started, held)

    def open(self, slot: TakenSlot) -> None:
        """Occupy the slot of a call that has to open a connection."""
        try:
            self.note_opening(slot.clock, slot.slot_number)
        except RateLimiterError as error:
            _log_failure(error)

    def begin(self, slot: TakenSlot) -> None:
        """Count the second of a call from when it was sent over its new connection.

        Waiting for its response would cost one latency at a cold start.
        """
        try:
            self.note_margin(slot.clock, slot.slot_number, slot.begun - slot.left + NEWCOMER)
        except RateLimiterError as error:
            _log_failure(error)

    def over(self, slot: TakenSlot, came: float | None, blocked: bool) -> None:
        """Learn from a call that is over."""
        clock, slot_number = slot.clock, slot.slot_number
        try:
            if slot.is_fresh and not slot.is_sent:
                ended = clock.monotonic() if came is None else came
                self.note_margin(clock, slot_number, self._jitter.fresh(ended - slot.left))
            elif came is not None:
                learn = self._jitter.opened if slot.is_fresh else self._jitter.learn
                begun = slot.begun - slot.left
                self.note_margin(clock, slot_number, begun + learn(came - slot.begun))
            if slot.is_probe and came is not None and not blocked:
                self.note_unblock(clock)
        except RateLimiterError as error:
            _log_failure(error)

    def hold(self, clock: Clock, seconds: float) -> None:
        """Send no call for some seconds, calls that wait for a slot included."""
        self._jitter.refused()
        try:
            self.note_hold(clock, seconds)
        except RateLimiterError as error:
            _log_failure(error)

    def block(self, clock: Clock, seconds: float) -> None:
        """Refuse all calls for some seconds, then let one test the block."""
        try:
            self.note_block(clock, seconds)
        except RateLimiterError as error:
            _log_failure(error)

    @abstractmethod
    def reserve(self, clock: Clock, patience: float) -> Step:
        """Reserve the next slot; see `Window.reserve`."""

    @abstractmethod
    def check(self, clock: Clock, slot_number: int) -> Step:
        """Check a slot again; see `Window.check`."""

    @abstractmethod
    def note_opening(self, clock: Clock, slot_number: int) -> None:
        """See `Window.opening`."""

    @abstractmethod
    def note_margin(self, clock: Clock, slot_number: int, margin: float) -> None:
        """See `Window.settle`."""

    @abstractmethod
    def note_hold(self, clock: Clock, seconds: float) -> None:
        """See `Window.hold`."""

    @abstractmethod
    def note_block(self, clock: Clock, seconds: float) -> None:
        """See `Window.block`."""

    @abstractmethod
    def note_unblock(self, clock: Clock) -> None:
        """See `Window.unblock`."""


class TakenSlot:
    """A slot whose call is sent; see `Slot`."""

    __slots__ = (
        "_limiter", "begun", "clock", "held", "is_fresh", "is_probe", "is_sent", "left",
        "slot_number", "waited",
    )  # fmt: skip

    def __init__(
        self,
        limiter: BaseRateLimiter,
        clock: Clock,
        step: Step,
        left: float,
        waited: float,
        held: float,
    ) -> None:
        self._limiter = limiter
        self.clock = clock
        self.slot_number = step.slot_number
        self.is_probe = step.probe
        self.is_fresh = self.is_sent = False
        self.left = self.begun = left
        self.waited = waited
        self.held = held

    def opening(self) -> None:
        """Report that a connection has to be opened; see `Slot.opening`."""
        self.is_fresh = True
        self._limiter.open(self)

    def sent(self) -> None:
        """Report that the call was sent; see `Slot.sent`."""
        self.begun = self.clock.monotonic()
        if self.is_fresh:
            self.is_sent = True
            self._limiter.begin(self)

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        """Report that the call is over; see `Slot.done`."""
        self._limiter.over(self, came, blocked)


def _log_failure(error: RateLimiterError) -> None:
    """Log a failure of the shared storage, which must not cost a caller its response.

    The slot becomes free a little later, or the next 429 starts the pause again.
    """
    _log.warning("%s", error)


class WindowRateLimiter(BaseRateLimiter):
    """A rate limiter whose window is in this process or in a file."""

    @abstractmethod
    def locked_window(self, clock: Clock) -> AbstractContextManager[Window]:
        """Return a context manager that locks the window."""

    def reserve(self, clock: Clock, patience: float) -> Step:
        """Reserve the next slot; see `Window.reserve`."""
        with self.locked_window(clock) as window:
            return window.reserve(clock.monotonic(), patience, self._jitter.margin)

    def check(self, clock: Clock, slot_number: int) -> Step:
        """Check a slot again; see `Window.check`."""
        with self.locked_window(clock) as window:
            return window.check(slot_number, clock.monotonic(), self._jitter.margin)

    def note_opening(self, clock: Clock, slot_number: int) -> None:
        """See `Window.opening`."""
        with self.locked_window(clock) as window:
            window.opening(slot_number, clock.monotonic())

    def note_margin(self, clock: Clock, slot_number: int, margin: float) -> None:
        """See `Window.settle`."""
        with self.locked_window(clock) as window:
            window.settle(slot_number, margin)

    def note_hold(self, clock: Clock, seconds: float) -> None:
        """See `Window.hold`."""
        with self.locked_window(clock) as window:
            window.hold(clock.monotonic() + seconds)

    def note_block(self, clock: Clock, seconds: float) -> None:
        """See `Window.block`."""
        with self.locked_window(clock) as window:
            window.block(clock.monotonic() + seconds)

    def note_unblock(self, clock: Clock) -> None:
        """See `Window.unblock`."""
        with self.locked_window(clock) as window:
            window.unblock()
