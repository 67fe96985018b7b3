"""When the next call may leave, so that the server never counts too many in one second.

The limit is what the *server* sees. A window of exactly one second lets twice the limit through as
soon as the network delays one burst by 50 ms and the next by nothing; so the window is a little
longer than a second, and what is lost in rate (5 %) is the jitter that is survived. Bursts are let
go: even spacing would only delay the tail. Source: reference 3.4.
"""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW: Final = 1.05
"""Seconds in which at most the limit leaves: one second and 50 ms of jitter to survive."""


class Slot:
    """A turn.

    Attributes:
        at: its instant, first as planned, then as taken.
        before: the turn that many turns earlier, a window after which this one may be taken.
        taken: whether its owner has left, or given up.
    """

    __slots__ = ("at", "before", "taken")

    def __init__(self, at: float, before: Slot | None = None) -> None:
        self.at = at
        self.before = before
        self.taken = False


class Window:
    """The turns given out so far. Not thread-safe, and without a clock: the owner has both."""

    def __init__(self, rate: float, seconds: float = WINDOW) -> None:
        # A rate below one call a second is one call in a longer window.
        self._seconds = seconds if rate >= 1 else seconds / rate
        self._slots: deque[Slot] = deque(maxlen=max(1, int(rate)))
        self.not_before = float("-inf")

    def reserve(self, now: float) -> Slot:
        """Give out the earliest free turn."""
        slot = Slot(self.earliest(now), self._first())
        self._slots.append(slot)
        return slot

    def earliest(self, now: float) -> float:
        """Tell the instant of the earliest free turn, without taking it."""
        first = self._first()
        return max(now, self.not_before, first.at + self._seconds if first else now)

    def ready(self, slot: Slot, now: float) -> float:
        """Return how many seconds a turn is still away; at 0 it is taken.

        Threads wake late. A turn counts from the moment it was really taken, so the turns that
        follow it by a window are checked against that moment, not against the plan.
        """
        due = max(slot.at, self.not_before)
        if slot.before is not None:
            due = max(due, slot.before.at + self._seconds)
            if not slot.before.taken:
                due = max(due, now + self._seconds / 100)
        if now < due:
            return due - now
        slot.at, slot.taken, slot.before = now, True, None
        return 0.0

    def hold(self, until: float) -> None:
        """Let nobody leave before an instant, those who already have a turn included."""
        self.not_before = max(self.not_before, until)

    def _first(self) -> Slot | None:
        full = len(self._slots) == self._slots.maxlen
        return self._slots[0] if full else None
