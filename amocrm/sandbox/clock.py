"""Two clocks for the sandbox: the real one, and one that a test advances.

Instants that are stored (token expiry, `created_at`) come from `time()`, pacing comes from
`monotonic()`. Both clocks fit any client that asks for `time`, `monotonic` and `sleep`, so one
clock can serve both sides of the wire.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the portal needs of a clock."""

    def time(self) -> float:
        """Return the wall clock in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let the given number of seconds pass."""
        ...


class SystemClock:
    """The real clock, whose wall time can be shifted forward to let tokens expire."""

    def __init__(self) -> None:
        """Start without a shift."""
        self._shift = 0.0

    def time(self) -> float:
        """Return the wall clock in unix seconds, with the shift."""
        return time.time() + self._shift

    def monotonic(self) -> float:
        """Return the monotonic clock, which no shift touches."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Really sleep."""
        if seconds > 0:
            time.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Shift the wall time only: tokens age, and no call waits."""
        self._shift += seconds


class ManualClock:
    """A clock that advances only when a caller sleeps on it or advances it."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        """Stop the clock at `start` unix seconds."""
        self._lock = threading.Lock()
        self._start = start
        self._passed = 0.0

    def time(self) -> float:
        """Return the wall clock in unix seconds."""
        with self._lock:
            return self._start + self._passed

    def monotonic(self) -> float:
        """Return the seconds passed since the clock was made."""
        with self._lock:
            return self._passed

    def sleep(self, seconds: float) -> None:
        """Advance by that much at once, without waiting."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let the given number of seconds pass."""
        with self._lock:
            self._passed += seconds
