"""When the next call may leave, so that the server never counts too many in one second.

The *server* counts calls when they arrive, a little after they were sent. So the call that follows
in a slot is sent not one second after the previous one, but one second and a margin later: the
longest time by which the previous call can have been late. Until its response has come, the margin
is an assumption; then it is calculated, because a call cannot have been later than the time by
which it took longer than the quickest calls (see `jitter`). Bursts are allowed: even spacing would
only delay the last calls.

There are as many slots at a time as calls in a second. Slots are numbered, and slot n follows
slot n - slots, so calls are sent in order and each one is sent at last. A caller that has slept
until its slot checks it again, because in the meantime the server may have asked for a pause. A
slot that its caller does not use expires when the slot that follows it begins: the caller has
died, or reserves another one.
Source: reference 3.4.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from amocrm.rate_limit.jitter import LEAST_MARGIN

OPENING: Final = 10.0
"""The longest time in seconds for which a call over a new connection occupies its slot before it is
reported as sent or its response comes: its arrival is unknown until the TLS handshake is over."""
LOOK: Final = 0.05
"""Seconds between two checks of a slot that may become free at any time."""
PROBE: Final = 30.0
"""Seconds to wait for the one call that tests whether a block is over."""
QUEUE: Final = 1024
"""The largest number of calls that wait for their slots at the same time."""

_NEXT, _NOT_BEFORE, _BLOCKED, _PROBE, _HEAD = range(5)


class Action(IntEnum):
    """The next action of a caller that has reserved a slot."""

    GO = 0
    WAIT = 1
    RESERVE_AGAIN = 2
    TOO_FAR = 3
    BLOCKED = 4


class Step(NamedTuple):
    """The result of reserving or checking a slot.

    Attributes:
        action: send now, wait, reserve another slot, or give up: the slot is too far away, or the
            server blocks this address.
        away: seconds until the slot; 0.0 if it is now.
        slot_number: number of the slot.
        held: the wait is a pause that the server asked for.
        probe: this call tests whether the block is over.
    """

    action: Action
    away: float = 0.0
    slot_number: int = -1
    held: bool = False
    probe: bool = False


class Numbers(Protocol):
    """A sequence of numbers, such as a list or an array. It begins as zeros."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...
    def __len__(self) -> int: ...


class Window:
    """The slots reserved so far. Not thread-safe; its methods are given the time.

    Args:
        rate: calls in a second. Below one, it is one call in a longer time.
        row: the storage of the state, `Window.size(rate)` numbers long.
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
        """Reserve the next slot.

        Args:
            now: monotonic seconds.
            patience: seconds the caller can wait; no slot further away is reserved.
            margin: seconds by which this call may be late at the server.
        """
        row = self._row
        slot_number, blocked, not_before = int(row[_NEXT]), row[_BLOCKED], row[_NOT_BEFORE]
        if now < blocked:
            return Step(Action.BLOCKED, blocked - now)
        plan, free = now, now
        if slot_number >= self.slots:
            # Planned early rather than late: the response of the previous call may have come then.
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
        """Return whether the slot has come, or how far away it still is."""
        row, position = self._row, self._slot_index(slot_number)
        probe = row[_PROBE] == slot_number + 1
        if row[_BLOCKED] and not probe:
            return Step(Action.BLOCKED, max(0.0, row[_BLOCKED] - now), slot_number)
        if not self._is_known(slot_number) or self._is_expired(slot_number, now):
            return Step(Action.RESERVE_AGAIN, 0.0, slot_number)
        due, held = max(row[position], row[_NOT_BEFORE]), row[_NOT_BEFORE] >= row[position]
        if slot_number >= self.slots:
            before = self._slot_index(slot_number - self.slots)
            if row[before + 1] > due:
                # The response may have come when the slot can first become free.
                early, held = row[before] + self.seconds + LEAST_MARGIN, False
                due = early if now < early else min(row[before + 1], now + LOOK)
        if now < due:
            self._occupy(slot_number, due, LEAST_MARGIN)
            return Step(Action.WAIT, due - now, slot_number, held)
        self._occupy(slot_number, now, margin)
        return Step(Action.GO, 0.0, slot_number, probe=probe)

    def opening(self, slot_number: int, now: float) -> None:
        """Occupy the slot of a call that has to open a connection until `settle`."""
        if self._is_known(slot_number):
            self._row[self._slot_index(slot_number) + 1] = now + OPENING

    def settle(self, slot_number: int, margin: float) -> None:
        """Set the longest time in seconds by which a call was late, now that it is known."""
        if self._is_known(slot_number):
            position = self._slot_index(slot_number)
            self._row[position + 1] = self._row[position] + self.seconds + margin

    def hold(self, until: float) -> None:
        """Let no call be sent before an instant, calls that have a slot included."""
        self._row[_NOT_BEFORE] = max(self._row[_NOT_BEFORE], until)

    def block(self, until: float) -> None:
        """Refuse all calls until an instant; the first call after it tests the block."""
        self._row[_BLOCKED], self._row[_PROBE] = max(self._row[_BLOCKED], until), 0.0

    def unblock(self) -> None:
        """Allow calls again: the one that tested the block has succeeded."""
        self._row[_BLOCKED] = self._row[_PROBE] = 0.0

    def _occupy(self, slot_number: int, at: float, margin: float) -> None:
        row, position = self._row, self._slot_index(slot_number)
        row[position], row[position + 1] = at, at + self.seconds + margin

    def _slot_index(self, slot_number: int) -> int:
        return _HEAD + 2 * (slot_number % self._capacity)

    def _is_known(self, slot_number: int) -> bool:
        return self._row[_NEXT] - self._capacity <= slot_number < self._row[_NEXT]

    def _is_expired(self, slot_number: int, now: float) -> bool:
        """Whether the call in the following slot may have been sent."""
        following = slot_number + self.slots
        return following < self._row[_NEXT] and self._row[self._slot_index(following)] <= now

    def _is_full(self, slot_number: int, now: float) -> bool:
        """Whether a caller may still wait for the slot whose place in the row is needed."""
        oldest = slot_number - self._capacity + self.slots
        return oldest >= 0 and self._row[self._slot_index(oldest)] >= now


def slots_for(rate: float) -> tuple[int, float]:
    """Return a number of calls, and the seconds in which they may be sent."""
    return max(1, int(rate)), 1.0 if rate >= 1 else 1.0 / rate
