"""The only importer of `time`: all other modules use a Clock, which tests can control."""

from __future__ import annotations

import time as machine
from typing import Protocol


class Clock(Protocol):
    """Two clocks and a pause, all in seconds."""

    def time(self) -> float:
        """Return the wall clock: Unix seconds, for instants that are stored."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for rate limits and deadlines."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Pause this thread."""
        ...


class SystemClock:
    """The machine's own clock."""

    time = staticmethod(machine.time)
    monotonic = staticmethod(machine.monotonic)
    sleep = staticmethod(machine.sleep)
