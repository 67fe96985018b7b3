"""A pace for the threads of one process."""

from __future__ import annotations

import threading

from amocrm.clock import Clock
from amocrm.core.pace import Window
from amocrm.errors import ConfigurationError
from amocrm.limits import REQUESTS_PER_SECOND


class ThreadPace:
    """At most `rate` calls in any second, for all threads and clients that share it.

    A turn is reserved under the lock and waited for outside it, first come, first served.
    """

    def __init__(self, rate: float = REQUESTS_PER_SECOND) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
            raise ConfigurationError("the pace must be a number of calls per second, such as 7")
        self._rate = rate
        self._window = Window(rate)
        self._lock = threading.Lock()

    def wait(self, clock: Clock, patience: float) -> float:
        """Wait for a turn and take it; see `Pace.wait`."""
        with self._lock:
            now = clock.monotonic()
            away = self._window.earliest(now) - now
            if away > patience:
                return away
            slot = self._window.reserve(now)
        deadline = now + patience
        try:
            while True:
                with self._lock:
                    now = clock.monotonic()
                    away = self._window.ready(slot, now)
                if away <= 0 or now + away > deadline:
                    return away
                clock.sleep(away)
        finally:
            # A turn whose owner was interrupted must not stop the turns behind it.
            slot.taken = True

    def hold(self, clock: Clock, seconds: float) -> None:
        """Let nobody leave for some seconds; those who already wait for a turn included."""
        with self._lock:
            self._window.hold(clock.monotonic() + seconds)

    def renew_after_fork(self) -> None:
        """Start afresh in a forked child, where the parent's lock may be held for ever."""
        self._lock = threading.Lock()
        self._window = Window(self._rate)
