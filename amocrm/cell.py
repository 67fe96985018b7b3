"""What is fetched when it is needed, once for all who wait for it, and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from amocrm.clock import Clock
from amocrm.errors import AmoCRMError

T = TypeVar("T")


class Cell(Generic[T]):
    """Keeps one thing. Thread-safe.

    Args:
        clock: whose time it is.
        fetch: gets the thing.
    """

    def __init__(self, clock: Clock, fetch: Callable[[], T]) -> None:
        self._clock = clock
        self._fetch = fetch
        # A handler that is called while it is fetched may ask for it, too.
        self._lock = threading.RLock()
        self._turns = 0
        self._kept: tuple[T, float] | None = None
        self._error: AmoCRMError | None = None

    def get(self, age: float) -> T:
        """Return what is kept if it is younger than some seconds, else what is there now.

        Raises:
            AmoCRMError: it could not be fetched; all who waited for it get the same error.
        """
        turn, kept = self._turns, self._kept
        if kept is not None and self._clock.monotonic() - kept[1] < age:
            return kept[0]
        with self._lock:
            if self._turns == turn:
                return self._renew()
            if self._error is not None:
                raise self._error
            return self._kept[0] if self._kept is not None else self._renew()

    def renew(self) -> T:
        """Fetch it now, however young it is."""
        with self._lock:
            return self._renew()

    @property
    def held(self) -> T | None:
        """What is kept, however old; None if nothing is."""
        return None if self._kept is None else self._kept[0]

    def _renew(self) -> T:
        try:
            thing = self._fetch()
        except AmoCRMError as error:
            # Only an error of ours is everybody's: after Ctrl-C in this thread, the next one asks.
            self._error = error
            self._turns += 1
            raise
        self._kept, self._error = (thing, self._clock.monotonic()), None
        self._turns += 1
        return thing
