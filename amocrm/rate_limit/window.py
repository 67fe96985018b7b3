"""When the next call may leave, so that the server never counts too many in one second.

The limit is what the *server* sees, and a call arrives a little after it has left. So a seat is
taken again not one second after the call before it has left, but one second and a margin: the
most by which that call can have been late. Until its answer is there, that is an assumption; the
answer then tells, because how much longer it took than the quickest ones bounds how late the call
arrived (see `jitter`). Bursts are let go: even spacing would only delay the tail.

There are as many seats as calls in a second. Callers draw tickets; ticket n sits where ticket
n - seats has sat, so nobody overtakes and nobody starves. Whoever sleeps until a turn checks it
again when he wakes, because in the meantime the server may have asked for a pause. A turn not taken
is lost when the next one on its seat has come: its owner is dead, or has to draw again.
Source: reference 3.4.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from amocrm.rate_limit.jitter import LEAST_MARGIN

OPENING: Final = 10.0
"""Seconds that a call over a new connection keeps its seat at most, until it is told to be sent or
its answer comes: nobody knows when it arrives while TCP and TLS are still shaking hands."""
LOOK: Final = 0.05
"""Seconds between two looks at a seat that may come free at any time."""
PROBE: Final = 30.0
"""Seconds that the one call which tries whether a block is over is waited for."""
QUEUE: Final = 1024
"""Calls that may wait for their turns at once."""

_NEXT, _NOT_BEFORE, _BLOCKED, _PROBE, _HEAD = range(5)


class Action(IntEnum):
    """What a ticket's owner does now."""

    GO = 0
    WAIT = 1
    DRAW_AGAIN = 2
    TOO_FAR = 3
    BLOCKED = 4


class Step(NamedTuple):
    """An answer to a ticket's owner.

    Attributes:
        action: leave, wait, draw another ticket, or give up: the turn is too far away, or the
            server blocks this address.
        away: seconds until then; 0.0 when it is now.
        slot_number: its number.
        held: the wait is a pause the server asked for.
        probe: this call tries whether the block is over.
    """

    action: Action
    away: float = 0.0
    slot_number: int = -1
    held: bool = False
    probe: bool = False


class Numbers(Protocol):
    """Numbers one after the other: a list, an array, a mapped file. All zeros is the beginning."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...
    def __len__(self) -> int: ...


class Window:
    """The tickets drawn so far. Not thread-safe, and without a clock: the owner has both.

    Args:
        rate: calls in a second. Below one, it is one call in a longer time.
        row: where the state is kept; `Window.size` tells how long it must be.
    """

    def __init__(self, rate: float, row: Numbers) -> None:
        self.slots, self.seconds = slots_for(rate)
        self._row = row
        self._capacity = (len(row) - _HEAD) // 2

    @staticmethod
    def size(rate: float) -> int:
        """Return the length of the row for a rate."""
        return _HEAD + 2 * (QUEUE + slots_for(rate)[0])

    def reserve(self, now: float, patience: float, margin: float) -> Step:
        """Draw a ticket, and leave at once if its turn is now.

        Args:
            now: the instant.
            patience: seconds the caller may wait; no ticket is drawn for a turn beyond.
            margin: seconds by which this call may be late at the server.
        """
        row = self._row
        slot_number, blocked, not_before = int(row[_NEXT]), row[_BLOCKED], row[_NOT_BEFORE]
        if now < blocked:
            return Step(Action.BLOCKED, blocked - now)
        plan, free = now, now
        if slot_number >= self.slots:
            # Planned early rather than late: by then the answer of the one before may have come.
            before = self._slot_index(slot_number - self.slots)
            plan, free = row[before] + self.seconds + LEAST_MARGIN, row[before + 1]
        plan = max(plan, now, not_before)
        if plan - now > patience or self._is_full(slot_number, now):
            return Step(Action.TOO_FAR, max(plan - now, LOOK))
        row[_NEXT] = slot_number + 1
        if blocked:
            row[_BLOCKED], row[_PROBE] = now + PROBE, slot_number + 1
        if plan > now or free > now:
            self._occupy(slot_number, plan, LEAST_MARGIN)
            return self.check(slot_number, now, margin)
        self._occupy(slot_number, now, margin)
        return Step(Action.GO, 0.0, slot_number, False, blocked > 0)

    def check(self, slot_number: int, now: float, margin: float) -> Step:
        """Leave if the turn has come; else tell how long it is still away."""
        row, position = self._row, self._slot_index(slot_number)
        probe = row[_PROBE] == slot_number + 1
        if row[_BLOCKED] and not probe:
            return Step(Action.BLOCKED, max(0.0, row[_BLOCKED] - now), slot_number)
        if not self._is_kept(slot_number) or self._is_passed(slot_number, now):
            return Step(Action.DRAW_AGAIN, 0.0, slot_number)
        due, held = max(row[position], row[_NOT_BEFORE]), row[_NOT_BEFORE] >= row[position]
        if slot_number >= self.slots:
            before = self._slot_index(slot_number - self.slots)
            if row[before + 1] > due:
                # The answer may have come by the earliest instant it can free the seat.
                early, held = row[before] + self.seconds + LEAST_MARGIN, False
                due = early if now < early else min(row[before + 1], now + LOOK)
        if now < due:
            self._occupy(slot_number, due, LEAST_MARGIN)
            return Step(Action.WAIT, due - now, slot_number, held)
        self._occupy(slot_number, now, margin)
        return Step(Action.GO, 0.0, slot_number, probe=probe)

    def opening(self, slot_number: int, now: float) -> None:
        """Keep the seat of a call that has to open a connection, until more is known of it."""
        if self._is_kept(slot_number):
            self._row[self._slot_index(slot_number) + 1] = now + OPENING

    def settle(self, slot_number: int, margin: float) -> None:
        """Note by how much a call was late at most, now that this is known."""
        if self._is_kept(slot_number):
            position = self._slot_index(slot_number)
            self._row[position + 1] = self._row[position] + self.seconds + margin

    def hold(self, until: float) -> None:
        """Let nobody leave before an instant, those who already have a turn included."""
        self._row[_NOT_BEFORE] = max(self._row[_NOT_BEFORE], until)

    def block(self, until: float) -> None:
        """Refuse everybody until an instant; whoever comes first then tries for all."""
        self._row[_BLOCKED], self._row[_PROBE] = max(self._row[_BLOCKED], until), 0.0

    def unblock(self) -> None:
        """Let everybody go on: the one who tried came through."""
        self._row[_BLOCKED] = self._row[_PROBE] = 0.0

    def _occupy(self, slot_number: int, at: float, margin: float) -> None:
        row, position = self._row, self._slot_index(slot_number)
        row[position], row[position + 1] = at, at + self.seconds + margin

    def _slot_index(self, slot_number: int) -> int:
        return _HEAD + 2 * (slot_number % self._capacity)

    def _is_kept(self, slot_number: int) -> bool:
        return self._row[_NEXT] - self._capacity <= slot_number < self._row[_NEXT]

    def _is_passed(self, slot_number: int, now: float) -> bool:
        """Tell whether the next one on the same seat may have left."""
        following = slot_number + self.slots
        return following < self._row[_NEXT] and self._row[self._slot_index(following)] <= now

    def _is_full(self, slot_number: int, now: float) -> bool:
        """Tell whether the ticket whose place a new one takes may still be waited for."""
        oldest = slot_number - self._capacity + self.slots
        return oldest >= 0 and self._row[self._slot_index(oldest)] >= now


def slots_for(rate: float) -> tuple[int, float]:
    """Return how many calls may leave in how many seconds."""
    return max(1, int(rate)), 1.0 if rate >= 1 else 1.0 / rate
