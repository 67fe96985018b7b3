"""One for all: whoever comes first does the work, the others wait for its result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from amocrm._support.forks import ForkLock, after_fork
from amocrm.errors import AmoCRMError, BusyError

T = TypeVar("T")


class _Flight(Generic[T]):
    """A piece of work under way."""

    def __init__(self, topic: object) -> None:
        self.topic = topic
        self.owner = threading.get_ident()
        self.settled = threading.Event()
        self.ended = threading.Event()
        self.result: T | None = None
        self.error: AmoCRMError | None = None

    def settle(self, result: T) -> None:
        """Let those who wait go on, while the owner still tells its handlers."""
        self.result = result
        self.settled.set()


class SingleFlight(Generic[T]):
    """Runs one piece of work at a time, and shares its result with all who wait.

    An error is shared only among those who want the very same: what became of a code says nothing
    of a refresh token.

    Args:
        patience: seconds a thread waits for another's work before it gives up.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._current: _Flight[T] | None = None
        self._guard = ForkLock()
        after_fork(self)

    def run(
        self,
        work: Callable[[Callable[[T], None]], T],
        *,
        topic: object = None,
        own: bool = False,
        patience: float | None = None,
        serves: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """Do the work, or wait for whoever does it already.

        Args:
            work: is given a function that settles the result early.
            topic: what the work is about; an error of another's work is ours as well only if that
                is about the same, else we try for ourselves. None is about nothing else's.
            own: wait for the end of another's work, then do ours all the same.
            patience: seconds to wait for another's work; None for as long as anybody does.
            serves: whether another's result will do, whatever its work was about.

        Raises:
            BusyError: it is asked for from within itself, or the wait was too long.
        """
        while True:
            mine: _Flight[T] = _Flight(topic)
            try:
                flight = self._take_off(mine)
                if flight is mine:
                    return self._lead(mine, work)
            finally:
                # Whatever interrupts, and wherever: nobody waits for a flight that is over.
                self._land(mine)
            if not own:
                self._await(flight, flight.settled, patience)
                if flight.error is not None and topic is not None and flight.topic == topic:
                    raise flight.error
                if flight.result is not None and serves(flight.result):
                    return flight.result
            self._await(flight, flight.ended, patience)

    def _take_off(self, mine: _Flight[T]) -> _Flight[T]:
        """Return the flight under way; ours, if there was none."""
        with self._guard:
            if self._current is None:
                self._current = mine
            return self._current

    def _land(self, mine: _Flight[T]) -> None:
        with self._guard:
            if self._current is mine:
                self._current = None
        mine.settled.set()
        mine.ended.set()

    @property
    def inside(self) -> bool:
        """Whether this very thread is doing the work right now: a handler has called back."""
        flight = self._current
        return flight is not None and flight.owner == threading.get_ident()

    @property
    def busy(self) -> bool:
        """Whether anybody is doing the work right now."""
        return self._current is not None

    def _lead(self, flight: _Flight[T], work: Callable[[Callable[[T], None]], T]) -> T:
        try:
            flight.result = work(flight.settle)
            return flight.result
        except AmoCRMError as error:
            # Only errors of ours are everybody's. After a handler's exception, or Ctrl-C in this
            # thread, the next one in line does the work itself.
            flight.error = error if flight.result is None else None
            raise

    def _await(self, flight: _Flight[T], moment: threading.Event, patience: float | None) -> None:
        if flight.owner == threading.get_ident():
            raise BusyError(
                "a handler of a connection event called the client before there was a token",
                hint="call it from connection:newToken or connection:connected",
            )
        patience = self._patience if patience is None else patience
        if not moment.wait(patience):
            raise BusyError(f"another thread was still getting the token after {patience:g} s")

    def renew_after_fork(self) -> None:
        """Forget work whose thread does not exist in a forked child."""
        self._current = None
