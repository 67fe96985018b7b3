"""A rate limiter for the threads of one process, and the default one of all its clients."""

from __future__ import annotations

import threading
import weakref
from array import array
from typing import Final, cast

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock, after_fork
from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.rate_limit.base import WindowRateLimiter
from amocrm.rate_limit.limiter import RateLimiter
from amocrm.rate_limit.window import Step, Window


class LocalRateLimiter(WindowRateLimiter):
    """At most `rate` calls in any second, for all threads and clients that share it.

    Raises:
        ConfigurationError: the rate is not a number of calls per second.
    """

    def __init__(self, rate: float = REQUESTS_PER_SECOND) -> None:
        super().__init__(rate)
        self._locked_window = _LockedWindow(rate)
        after_fork(self)

    def locked_window(self, clock: Clock) -> _LockedWindow:
        """Return a context manager that locks the window."""
        return self._locked_window

    # Every call runs these two; they do the same as those of WindowRateLimiter, and faster.

    def reserve(self, clock: Clock, patience: float) -> Step:
        """Reserve the next slot; see `Window.reserve`."""
        locked_window = self._locked_window
        with locked_window.lock:
            window = locked_window.window or locked_window.open()
            return window.reserve(clock.monotonic(), patience, self._jitter.margin)

    def note_margin(self, clock: Clock, slot_number: int, margin: float) -> None:
        """See `Window.settle`."""
        locked_window = self._locked_window
        with locked_window.lock:
            (locked_window.window or locked_window.open()).settle(slot_number, margin)

    def renew_after_fork(self) -> None:
        """Forget the slots of the parent's threads in a forked child."""
        self._locked_window = _LockedWindow(self.rate)


class _LockedWindow:
    """A window and its lock. The window is made at its first use, to keep idle clients small."""

    __slots__ = ("_rate", "lock", "window")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.lock = threading.Lock()
        self.window: Window | None = None

    def open(self) -> Window:
        """Make the window; called under the lock."""
        self.window = Window(self._rate, array("d", bytes(8 * Window.size(self._rate))))
        return self.window

    def __enter__(self) -> Window:
        self.lock.acquire()
        return self.window or self.open()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def shared_rate_limiter(place: str, clock: Clock | None) -> LocalRateLimiter:
    """Return the one rate limiter of this process for a platform or a test server.

    The server limits an IP address, whatever the account, so all clients of a platform share a
    rate limiter. It exists until the process ends: otherwise a program that makes a client for each
    call would have no limit. Each test server, and each clock of a test, has another one, which
    exists as long as its clients.

    Args:
        place: the platform's zone, such as `amocrm.ru`, or the origin of a test server.
        clock: the clock of a test; None for the system's.
    """
    key = (place, None if clock is None else id(clock))
    with _choosing:
        rate_limiter = _shared.get(key)
        if rate_limiter is None:
            rate_limiter = _shared[key] = LocalRateLimiter()
            if clock is not None:
                _clocks[rate_limiter] = clock  # so that no other clock gets its id
            elif "://" not in place:
                _lasting.append(rate_limiter)
        return rate_limiter


_choosing: Final = ForkLock()
_shared: Final[weakref.WeakValueDictionary[tuple[str, int | None], LocalRateLimiter]] = (
    weakref.WeakValueDictionary()
)
_clocks: Final[weakref.WeakKeyDictionary[LocalRateLimiter, Clock]] = weakref.WeakKeyDictionary()
_lasting: Final[list[LocalRateLimiter]] = []


def read_rate_limiter(
    rate_limiter: object, shared_by: str, clock: Clock | None
) -> RateLimiter | None:
    """Return the rate limiter for `shared`, a number of calls per second, a limiter, or None.

    Args:
        rate_limiter: the setting.
        shared_by: what the rate limiter of this process is shared by: a host, or all of a platform.
        clock: of the tests that share it; None for the system's.

    Raises:
        ConfigurationError: it is something else.
    """
    if rate_limiter == "shared":
        return shared_rate_limiter(shared_by, clock)
    if rate_limiter is None or all(
        hasattr(rate_limiter, name) for name in ("wait", "hold", "block")
    ):
        return cast("RateLimiter | None", rate_limiter)  # It has the three methods of one.
    return LocalRateLimiter(cast("float", rate_limiter))  # It checks the number.
