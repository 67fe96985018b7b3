"""The only importer of `time`: all other modules use a Clock, which tests can control."""

from __future__ import annotations

import time as machine
from email.utils import parsedate_to_datetime
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


def read_http_date(date: str | None) -> float | None:
    """Return the Unix seconds of the `Date` of a response; None if it does not tell the time."""
    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (IndexError, OverflowError, TypeError, ValueError):
        return None


def seconds_ahead(date: str | None, now: float) -> float:
    """Return by how many seconds the `Date` of a response is ahead; 0 if it does not tell it."""
    there = read_http_date(date)
    return 0.0 if there is None else there - now
