"""How often codes that anybody may have made up are sent to amoCRM.

Whoever knows the redirect's address can bring made-up codes, each of which costs a call with the
client secret. They share a small part of the rate, so that the accounts' own calls go on.
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
"""Exchanges that are under way at a time."""

PER_SECOND: Final = 1.0
"""Exchanges that begin in a second, on the average; `AT_A_TIME` of them may begin at once."""


class InstallLimit:
    """Lets a few exchanges through. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = ForkLock()
        self.renew_after_fork()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the parent's exchanges: no thread of a forked child will end them."""
        self._places = threading.BoundedSemaphore(AT_A_TIME)
        self._next = float("-inf")

    @contextmanager
    def turn(self) -> Generator[None, None, None]:
        """Hold one of the places while an exchange is under way.

        Raises:
            BusyError: there is none for `UNPROVEN_PATIENCE` seconds.
        """
        places = self._places
        if not places.acquire(timeout=UNPROVEN_PATIENCE):
            raise _busy()
        try:
            self._clock.sleep(self._wait())
            yield
        finally:
            places.release()

    def _wait(self) -> float:
        """Take the next moment; return the seconds until then."""
        with self._guard:
            now = self._clock.monotonic()
            moment = max(self._next, now - (AT_A_TIME - 1) / PER_SECOND)
            if moment - now > UNPROVEN_PATIENCE:
                raise _busy()
            self._next = moment + 1 / PER_SECOND
            return max(0.0, moment - now)


def _busy() -> BusyError:
    return BusyError(
        "too many codes are brought to be exchanged",
        hint="load the page again in a minute; whoever calls the redirect's address may do so with "
        "made-up codes, and they share a small part of the rate",
    )
