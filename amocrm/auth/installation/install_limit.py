"""Limits how often unproven authorization codes are sent to amoCRM.

Anybody who knows the redirect's address can send made-up codes, and each costs a call with the
client secret. They share a small part of the rate limit, so that the accounts' own calls go on.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock, after_fork
from amocrm.auth.token_endpoint import UNPROVEN_PATIENCE
from amocrm.errors import BusyError

AT_A_TIME: Final = 2
"""Exchanges that may run at the same time."""

PER_SECOND: Final = 1.0
"""Exchanges that begin in a second, on average; `AT_A_TIME` of them may begin at once."""


class InstallLimit:
    """Lets a few exchanges through. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = ForkLock()
        self.renew_after_fork()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the parent's exchanges in a forked child, which has none of its threads."""
        self._running = threading.BoundedSemaphore(AT_A_TIME)
        self._next = float("-inf")

    @contextmanager
    def slot(self) -> Generator[None, None, None]:
        """Hold a slot during an exchange.

        Raises:
            BusyError: no slot becomes free within `UNPROVEN_PATIENCE` seconds.
        """
        running = self._running
        if not running.acquire(timeout=UNPROVEN_PATIENCE):
            raise _busy()
        try:
            self._clock.sleep(self._reserve())
            yield
        finally:
            running.release()

    def _reserve(self) -> float:
        """Reserve the next moment to begin; return the seconds until then."""
        with self._guard:
            now = self._clock.monotonic()
            moment = max(self._next, now - (AT_A_TIME - 1) / PER_SECOND)
            if moment - now > UNPROVEN_PATIENCE:
                raise _busy()
            self._next = moment + 1 / PER_SECOND
            return max(0.0, moment - now)


def _busy() -> BusyError:
    return BusyError(
        "too many authorization codes arrived at the redirect address",
        hint="load the page again in a minute; anybody can send made-up codes there, so codes "
        "share a small part of the rate limit",
    )
