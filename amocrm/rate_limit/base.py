"""What all rate limiters share: how a caller waits, and what its response teaches about delays."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from amocrm._support.clock import Clock
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.errors import ConfigurationError, PaceError
from amocrm.rate_limit.jitter import NEWCOMER, Jitter
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.window import Step, What, Window, seating

_log = logging.getLogger("amocrm")


class Keeper(ABC):
    """At most `rate` calls in any second of the server's, for everybody who shares it.

    Attributes:
        rate: calls in a second.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, rate: float = REQUESTS_PER_SECOND) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
            raise ConfigurationError("the pace must be a number of calls per second, such as 7")
        self.rate: float = rate
        self._seats, self._seconds = seating(rate)
        self._jitter = Jitter()

    def wait(self, clock: Clock, patience: float) -> KeptTurn | Refusal:
        """Wait for a turn and take it; see `Pace.wait`.

        The ticket is drawn under the keeper's lock, first come, first served; the wait is outside
        it. Whoever is interrupted there just lets his turn pass.
        """
        started = now = clock.monotonic()
        held = 0.0
        step = self.reserve(clock, patience)
        while step.what is not What.GO:
            left = patience - (now - started)
            if step.what is What.DRAW_AGAIN:
                step = self.reserve(clock, left)
            elif step.what is not What.WAIT or step.away > left:
                return Refusal(step.away, step.what is What.BLOCKED)
            else:
                clock.sleep(step.away)
                held += step.away if step.held else 0.0
                # Read before the lock: a call is rather taken for late than for punctual.
                now = clock.monotonic()
                step = self.check(clock, step.ticket)
        return KeptTurn(self, clock, step, now, now - started, held)

    def open(self, turn: KeptTurn) -> None:
        """Keep the seat of a call that has to open a connection."""
        try:
            self.note_opening(turn.clock, turn.ticket)
        except PaceError as error:
            _tell(error)

    def begin(self, turn: KeptTurn) -> None:
        """Count the second of a call from where it was sent, now that its connection stands.

        To wait for its answer however long it takes would cost a whole latency at a cold start.
        """
        try:
            self.note_margin(turn.clock, turn.ticket, turn.begun - turn.left + NEWCOMER)
        except PaceError as error:
            _tell(error)

    def over(self, turn: KeptTurn, came: float | None, blocked: bool) -> None:
        """Learn from a call that is over."""
        clock, ticket = turn.clock, turn.ticket
        try:
            if turn.is_fresh and not turn.is_sent:
                ended = clock.monotonic() if came is None else came
                self.note_margin(clock, ticket, self._jitter.fresh(ended - turn.left))
            elif came is not None:
                learn = self._jitter.opened if turn.is_fresh else self._jitter.learn
                begun = turn.begun - turn.left
                self.note_margin(clock, ticket, begun + learn(came - turn.begun))
            if turn.is_probe and came is not None and not blocked:
                self.note_unblock(clock)
        except PaceError as error:
            _tell(error)

    def hold(self, clock: Clock, seconds: float) -> None:
        """Let nobody leave for some seconds; those who already wait for a turn included."""
        self._jitter.refused()
        try:
            self.note_hold(clock, seconds)
        except PaceError as error:
            _tell(error)

    def block(self, clock: Clock, seconds: float) -> None:
        """Refuse everybody for some seconds, then let one try."""
        try:
            self.note_block(clock, seconds)
        except PaceError as error:
            _tell(error)

    @abstractmethod
    def reserve(self, clock: Clock, patience: float) -> Step:
        """Draw a ticket; see `Window.reserve`."""

    @abstractmethod
    def check(self, clock: Clock, ticket: int) -> Step:
        """Look at a ticket again; see `Window.check`."""

    @abstractmethod
    def note_opening(self, clock: Clock, ticket: int) -> None:
        """See `Window.opening`."""

    @abstractmethod
    def note_margin(self, clock: Clock, ticket: int, margin: float) -> None:
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


class KeptTurn:
    """A turn taken; see `Turn`."""

    __slots__ = (
        "_keeper", "begun", "clock", "held", "is_fresh", "is_probe", "is_sent", "left", "ticket",
        "waited",
    )  # fmt: skip

    def __init__(
        self, keeper: Keeper, clock: Clock, step: Step, left: float, waited: float, held: float
    ) -> None:
        self._keeper = keeper
        self.clock = clock
        self.ticket = step.ticket
        self.is_probe = step.probe
        self.is_fresh = self.is_sent = False
        self.left = self.begun = left
        self.waited = waited
        self.held = held

    def opening(self) -> None:
        """Say that a connection has to be opened; see `Turn.opening`."""
        self.is_fresh = True
        self._keeper.open(self)

    def sent(self) -> None:
        """Say that the call is on its way; see `Turn.sent`."""
        self.begun = self.clock.monotonic()
        if self.is_fresh:
            self.is_sent = True
            self._keeper.begin(self)

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        """Say that the call is over; see `Turn.done`."""
        self._keeper.over(self, came, blocked)


def _tell(error: PaceError) -> None:
    """Say that a note could not be made. It must not cost a caller his answer.

    His seat comes free a little later, or the next 429 has to say it again.
    """
    _log.warning("%s", error)


class WindowKeeper(Keeper):
    """Keeps a window where this process can reach it."""

    @abstractmethod
    def desk(self, clock: Clock) -> AbstractContextManager[Window]:
        """Return what gives the window to one at a time."""

    def reserve(self, clock: Clock, patience: float) -> Step:
        """Draw a ticket; see `Window.reserve`."""
        with self.desk(clock) as window:
            return window.reserve(clock.monotonic(), patience, self._jitter.margin)

    def check(self, clock: Clock, ticket: int) -> Step:
        """Look at a ticket again; see `Window.check`."""
        with self.desk(clock) as window:
            return window.check(ticket, clock.monotonic(), self._jitter.margin)

    def note_opening(self, clock: Clock, ticket: int) -> None:
        """See `Window.opening`."""
        with self.desk(clock) as window:
            window.opening(ticket, clock.monotonic())

    def note_margin(self, clock: Clock, ticket: int, margin: float) -> None:
        """See `Window.settle`."""
        with self.desk(clock) as window:
            window.settle(ticket, margin)

    def note_hold(self, clock: Clock, seconds: float) -> None:
        """See `Window.hold`."""
        with self.desk(clock) as window:
            window.hold(clock.monotonic() + seconds)

    def note_block(self, clock: Clock, seconds: float) -> None:
        """See `Window.block`."""
        with self.desk(clock) as window:
            window.block(clock.monotonic() + seconds)

    def note_unblock(self, clock: Clock) -> None:
        """See `Window.unblock`."""
        with self.desk(clock) as window:
            window.unblock()
