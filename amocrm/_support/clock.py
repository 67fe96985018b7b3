"""The one importer of `time`: everything else asks a Clock, so tests can own it."""

from __future__ import annotations

import time as machine
from typing import Protocol


class Clock(Protocol):
    """Two readings and a pause, all in seconds."""

    def time(self) -> float:
        """Return the wall clock: Unix seconds, for instants that are stored."""
        ...

    def monotonic(self) -> float:
        """Return a reading that never goes back, for pacing and deadlines."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Pause this thread."""
        ...


class SystemClock:
    """The machine's own clock."""

    time = staticmethod(machine.time)
    monotonic = staticmethod(machine.monotonic)
    sleep = staticmethod(machine.sleep)
