"""A rate limiter for the threads of one process, and the default one of all its clients."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock, after_fork
from amocrm.rate_limit.base import WindowRateLimiter
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.window import Numbers, Turn, Window, finish, reserve

SWEEP_AT: Final = 64
"""Number of windows from which idle ones are dropped."""


class LocalRateLimiter(WindowRateLimiter):
    """A rate limit for all threads and clients of one process that share it.

    Args:
        rate: calls in a second of all who share it, whatever the account. None counts each call as
            its platform does: per integration and account, per account, or per address.

    Raises:
        ConfigurationError: the rate is no number of calls per second.
    """

    def __init__(self, rate: float | None = None) -> None:
        super().__init__(rate)
        self._windows = _Windows()

    def locked_windows(
        self, clock: Clock, budgets: Sequence[Budget]
    ) -> AbstractContextManager[list[Window]]:
        """Return a context manager that locks the windows and gives those of some budgets."""
        return _locked(self._windows, clock, budgets)

    # Every call runs these two; they do the same as those of WindowRateLimiter, and faster.

    def reserve(self, clock: Clock, patience: float, budgets: Sequence[Budget]) -> Turn:
        """Reserve a slot in each budget; see `window.reserve`."""
        with self._windows.lock:
            now = clock.monotonic()
            return reserve(self._windows.of(budgets, now), now, patience, self._jitter.margin)

    def note_response(
        self,
        clock: Clock,
        numbers: Numbers,
        margin: float,
        budgets: Sequence[Budget],
        is_accepted: bool,
    ) -> bool:
        """Note that a call is over; return whether the address is known not to be counted."""
        with self._windows.lock:
            now = clock.monotonic()
            windows = self._windows.of(budgets, now)
            return finish(windows, numbers, margin, budgets, now, is_accepted)


class _Windows:
    """Windows by the keys of their budgets, and their lock.

    Attributes:
        lock: of all windows: a call takes its slots in one step.
        by_key: windows in use, and some that are idle.
    """

    __slots__ = ("__weakref__", "_first", "_sweep_at", "by_key", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_key: dict[str, Window] = {}
        self._first, self._sweep_at = 0, SWEEP_AT
        after_fork(self)

    def of(self, budgets: Sequence[Budget], now: float) -> list[Window]:
        """Return the windows of some budgets. The caller holds the lock."""
        by_key = self.by_key
        windows: list[Window] = []
        for key, rate, learned in budgets:
            window = by_key.get(key)
            if window is None:
                window = self._open(key, rate, now, windows)
            if learned:
                window.use_knowledge(now)
            elif window.rate != rate:
                window.set_rate(rate)
            windows.append(window)
        return windows

    def _open(self, key: str, rate: float, now: float, taken: Sequence[Window]) -> Window:
        """Make a window. Whenever their number has doubled, drop the idle ones.

        Those that this call has taken already are idle only until it has its slots.
        """
        if len(self.by_key) >= self._sweep_at:
            idle = [
                one
                for one, window in self.by_key.items()
                if window.is_idle(now) and window not in taken
            ]
            for one in idle:
                # A late response must not change a slot of the next window.
                self._first = max(self._first, self.by_key.pop(one).next)
            self._sweep_at = max(SWEEP_AT, 2 * len(self.by_key))
        window = self.by_key[key] = Window(rate, self._first)
        return window

    def renew_after_fork(self) -> None:
        """Forget the slots of the parent's threads in a forked child."""
        self.lock, self.by_key = threading.Lock(), {}


@contextmanager
def _locked(
    windows: _Windows, clock: Clock, budgets: Sequence[Budget]
) -> Generator[list[Window], None, None]:
    lock = windows.lock  # The child of a fork in the block has another one.
    with lock:
        yield windows.of(budgets, clock.monotonic())


def shared_rate_limiter(place: str, clock: Clock | None) -> LocalRateLimiter:
    """Return the one rate limiter of this process for a platform or a test server.

    It has budgets for each integration, account and address that its clients name, so all clients
    of a platform share it. It exists until the process ends: otherwise a program that makes a
    client for each call would have no limit. Each test server, and each clock of a test, has
    another one, which exists as long as its clients.

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
