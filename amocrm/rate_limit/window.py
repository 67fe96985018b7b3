"""When the next call may be sent, so that the server never counts too many in one second.

The limit is what the *server* sees, and a call arrives a little after it was sent. So a slot is
taken again not one second after the call before it was sent, but one second and a margin: the
most by which that call can have been late. Until its response is there, that is an assumption; the
response then tells, because how much longer it took than the quickest ones bounds how late the call
arrived (see `jitter`). Bursts are sent at once: even spacing would only delay the last call.

There are as many slots as calls in a second. Callers draw numbers; number n uses the slot that
number n - slots has used, so nobody overtakes and nobody starves. Whoever sleeps until a slot
checks it again on waking, because in the meantime the server may have asked for a pause. A slot
not taken is lost when the next number on it has come: its owner is dead, or has to draw again.

A call that several budgets count waits for the narrowest first. Only when it could be sent there,
it draws a number in the next one; while it waits there, its narrow slot moves along. So nobody
occupies a wide slot while waiting for a narrow one: calls of one account that wait for each other
take nothing from other accounts.
Source: reference 3.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from amocrm.rate_limit.jitter import LEAST_MARGIN
from amocrm.rate_limit.learning import NOTHING_KNOWN, Knowledge, Known

OPENING: Final = 10.0
"""Seconds that a call over a new connection keeps its slot at most, until it is sent or answered:
nobody knows when it arrives while TCP and TLS are still shaking hands."""
LOOK: Final = 0.05
"""Seconds between two looks at a slot that may come free at any time."""
LEARNING_LOOK: Final = 0.2
"""Seconds between two looks while it is not known whether the address is counted."""
PROBE: Final = 30.0
"""Seconds that the one call which tries whether a block is over is waited for."""
QUEUE: Final = 1024
"""Calls that may wait for their slots at once."""
FIRST_RING: Final = 8
"""Numbers that a new window has room for."""

NOT_DRAWN: Final = -1
"""Stands for the number of a call that has drawn none."""

Numbers: TypeAlias = tuple[int, ...]
"""The numbers of a call, one for each of its windows."""


class Action(IntEnum):
    """What a caller does now."""

    GO = 0
    WAIT = 1
    DRAW_AGAIN = 2
    TOO_FAR = 3
    BLOCKED = 4


class Step(NamedTuple):
    """An answer to a caller.

    Attributes:
        action: send, wait, draw another number, or give up: the slot is too far away, or the
            server blocks this scope.
        away: seconds until then; 0.0 when it is now.
        slot_number: the number drawn.
        held: the wait is a pause the server asked for.
        probe: this call tries whether the block is over.
    """

    action: Action
    away: float = 0.0
    slot_number: int = NOT_DRAWN
    held: bool = False
    probe: bool = False


class Turn(NamedTuple):
    """An answer to a caller whom several windows count; otherwise as `Step`.

    Attributes:
        numbers: those drawn so far, one for each window.
    """

    action: Action
    away: float
    numbers: Numbers
    held: bool = False
    probe: bool = False


class Window:
    """The numbers drawn so far. Not thread-safe, and without a clock: the owner has both.

    It keeps those that may still matter, and has room for as many as it needs.

    Args:
        rate: calls in a second. Below one, it is one call in a longer time.
        first: the first number that is drawn.

    Attributes:
        first: the first number that is kept.
        next: the number that is drawn next.
        not_before: instant before which nobody goes; the server asked for it.
        blocked: instant until which everybody is refused; 0.0 if the scope is not blocked.
        probe: the number whose call tries whether the block is over.
        ring: instants of each kept number: when its call goes, and when its slot is free again.
        knowledge: whether the address is counted; for the window of a learned budget.
        is_open: nothing is counted here.
        looks_often: what is known may change soon.
    """

    __slots__ = (
        "blocked", "first", "is_open", "knowledge", "looks_often", "next", "not_before", "probe",
        "rate", "ring", "seconds", "slots",
    )  # fmt: skip

    def __init__(self, rate: float, first: int = 0) -> None:
        self.set_rate(rate)
        self.first = self.next = first
        self.not_before = self.blocked = 0.0
        self.probe = NOT_DRAWN
        self.knowledge: Knowledge = NOTHING_KNOWN
        self.is_open = self.looks_often = False
        self.ring = array("d", bytes(16 * FIRST_RING))

    def set_rate(self, rate: float) -> None:
        """Change the calls in a second: those who share a window may differ in it."""
        self.rate = rate
        self.slots, self.seconds = slots_for(rate)

    def use_knowledge(self, now: float) -> None:
        """Count as the server does, as far as is known; for the window of a learned budget."""
        rate = self.knowledge.rate(now)
        self.is_open = rate is None
        self.looks_often = self.knowledge.known is Known.UNKNOWN
        if rate is not None and rate != self.rate:
            self.set_rate(rate)

    def closed(self, now: float, patience: float) -> Step | None:
        """Tell why no number can be drawn, whichever it would be; None if one can."""
        if now < self.blocked:
            return Step(Action.BLOCKED, self.blocked - now)
        if self.not_before - now > patience:
            return Step(Action.TOO_FAR, self.not_before - now)
        return None

    def reserve(self, now: float, patience: float, margin: float) -> Step:
        """Draw a number, and go at once if its slot is free.

        Args:
            now: the instant.
            patience: seconds the caller may wait; no number is drawn for a slot beyond.
            margin: seconds by which this call may be late at the server.
        """
        if now < self.blocked:
            return Step(Action.BLOCKED, self.blocked - now)
        number = self.next
        plan, free = now, now
        before = number - self.slots
        if before >= self.first:
            # Planned early rather than late: by then the response of the one before may have come.
            position = self._position(before)
            plan, free = self.ring[position] + self.seconds + LEAST_MARGIN, self.ring[position + 1]
        plan = max(plan, now, self.not_before)
        if plan - now > patience or not self._has_room(now):
            return Step(Action.TOO_FAR, max(plan - now, LOOK))
        self.next = number + 1
        is_probe = self.blocked > 0
        if is_probe:
            self.blocked, self.probe = now + PROBE, number
        if plan > now or free > now:
            self._occupy(number, plan, LEAST_MARGIN)
            return self.check(number, now, margin)
        self._occupy(number, now, margin)
        return Step(Action.GO, 0.0, number, False, is_probe)

    def check(self, number: int, now: float, margin: float) -> Step:
        """Go if the slot is free; else tell how long it is still away."""
        is_probe = self.probe == number
        if self.blocked and not is_probe:
            return Step(Action.BLOCKED, max(0.0, self.blocked - now), number)
        if not self.first <= number < self.next or self._is_passed(number, now):
            return Step(Action.DRAW_AGAIN, 0.0, number)
        at, ring = self.ring[self._position(number)], self.ring
        due, held = max(at, self.not_before), self.not_before >= at
        before = number - self.slots
        if before >= self.first:
            position = self._position(before)
            if ring[position + 1] > due:
                # The response may have come by the earliest instant it can free the slot.
                early, held = ring[position] + self.seconds + LEAST_MARGIN, False
                due = early if now < early else min(ring[position + 1], now + LOOK)
        if now < due:
            self._occupy(number, due, LEAST_MARGIN)
            return Step(Action.WAIT, due - now, number, held)
        self._occupy(number, now, margin)
        return Step(Action.GO, 0.0, number, probe=is_probe)

    def move(self, number: int, at: float) -> None:
        """Keep the slot of a call that waits in a wider window until an instant."""
        if self._is_kept(number):
            self._occupy(number, at, LEAST_MARGIN)

    def cancel(self, number: int) -> None:
        """Give a number back that was drawn for nothing, if nobody has drawn another since."""
        if number == self.next - 1 and number >= self.first:
            self.next = number

    def opening(self, number: int, now: float) -> None:
        """Keep the slot of a call that has to open a connection, until more is known of it."""
        if self._is_kept(number):
            self.ring[self._position(number) + 1] = now + OPENING

    def settle(self, number: int, margin: float) -> None:
        """Note by how much a call was late at most, now that this is known."""
        if self._is_kept(number):
            position = self._position(number)
            self.ring[position + 1] = self.ring[position] + self.seconds + margin

    def hold(self, until: float) -> None:
        """Let nobody go before an instant, those who already have a slot included."""
        self.not_before = max(self.not_before, until)

    def block(self, until: float) -> None:
        """Refuse everybody until an instant; whoever comes first then tries for all."""
        self.blocked, self.probe = max(self.blocked, until), NOT_DRAWN

    def unblock(self) -> None:
        """Let everybody go on: the one who tried was answered."""
        self.blocked, self.probe = 0.0, NOT_DRAWN

    def is_idle(self, now: float) -> bool:
        """Tell whether a new window would say the same."""
        return self.idle_at() <= now

    def idle_at(self) -> float:
        """Return the instant from which a new window says the same."""
        if self.blocked or self.knowledge != NOTHING_KNOWN:
            return float("inf")
        ring = self.ring
        free = (ring[self._position(one) + 1] for one in range(self.first, self.next))
        return max(self.not_before, *free, 0.0)

    def _occupy(self, number: int, at: float, margin: float) -> None:
        position = self._position(number)
        self.ring[position], self.ring[position + 1] = at, at + self.seconds + margin

    def _position(self, number: int) -> int:
        return 2 * number % len(self.ring)

    def _is_kept(self, number: int) -> bool:
        return self.first <= number < self.next

    def _is_passed(self, number: int, now: float) -> bool:
        """Tell whether the next number on the same slot may have been sent."""
        following = number + self.slots
        return following < self.next and self.ring[self._position(following)] <= now

    def _has_room(self, now: float) -> bool:
        """Make room for one number more: forget the free ones, or take more memory."""
        capacity = len(self.ring) // 2
        most = QUEUE + self.slots - 1
        if self.next - self.first < min(capacity, most):
            return True
        while self.first < self.next and self.ring[self._position(self.first) + 1] <= now:
            self.first += 1
        if self.next - self.first < min(capacity, most):
            return True
        if capacity >= most:
            return False
        self._grow(2 * capacity)
        return True

    def _grow(self, capacity: int) -> None:
        larger = array("d", bytes(16 * capacity))
        for number in range(self.first, self.next):
            old, new = self._position(number), 2 * number % len(larger)
            larger[new : new + 2] = self.ring[old : old + 2]
        self.ring = larger


def draw(windows: Sequence[Window], now: float, patience: float, margin: float) -> Turn:
    """Draw a number in every window that counts a call, the narrowest first; see `Window.reserve`.

    Nothing is drawn where one of them is blocked, or held beyond the patience.
    """
    numbers = (NOT_DRAWN,) * len(windows)
    for window in windows:
        if not window.is_open and (refusal := window.closed(now, patience)) is not None:
            return Turn(refusal.action, refusal.away, numbers)
    return _advance(windows, numbers, now, patience, margin)


def check(windows: Sequence[Window], numbers: Numbers, now: float, margin: float) -> Turn:
    """Go if every window has a free slot for a call; see `Window.check`."""
    return _advance(windows, numbers, now, float("inf"), margin)


def _advance(
    windows: Sequence[Window], numbers: Numbers, now: float, patience: float, margin: float
) -> Turn:
    drawn, is_probe = list(numbers), False
    for index, window in enumerate(windows):
        if window.is_open:
            continue
        number = drawn[index]
        if number == NOT_DRAWN:
            step = window.reserve(now, patience, margin)
        else:
            step = window.check(number, now, margin)
            if step.action is Action.DRAW_AGAIN and index:
                step = window.reserve(now, patience, margin)
        drawn[index] = step.slot_number
        is_probe = is_probe or step.probe
        if step.action is Action.GO:
            continue
        away = step.away
        if step.action is Action.WAIT and window.looks_often:
            away = min(away, LEARNING_LOOK)
        for wider in range(index + 1, len(windows)):
            windows[wider].cancel(drawn[wider])
            drawn[wider] = NOT_DRAWN
        for narrower in range(index):
            if step.action is Action.WAIT:
                windows[narrower].move(drawn[narrower], now + away)
            else:
                windows[narrower].cancel(drawn[narrower])
        return Turn(step.action, away, tuple(drawn), step.held, is_probe)
    return Turn(Action.GO, 0.0, tuple(drawn), False, is_probe)


def slots_for(rate: float) -> tuple[int, float]:
    """Return how many calls may be sent in how many seconds."""
    return max(1, int(rate)), 1.0 if rate >= 1 else 1.0 / rate
