"""What the keepers of a `Window` have in common: each of its acts happens under their lock."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager

from amocrm.clock import Clock
from amocrm.core.pace import Step, Window
from amocrm.paces.keeper import Keeper


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
