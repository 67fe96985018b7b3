"""Single flight: the first thread does the work, and the others wait for its result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from amocrm._support.forks import ForkLock, after_fork
from amocrm.errors import AmoCRMError, BusyError

T = TypeVar("T")


class _Flight(Generic[T]):
    """Work in progress."""

    def __init__(self, topic: object) -> None:
        self.topic = topic
        self.owner = threading.get_ident()
        self.settled = threading.Event()
        self.ended = threading.Event()
        self.result: T | None = None
        self.error: AmoCRMError | None = None

    def settle(self, result: T) -> None:
        """Let waiting threads continue, while the owner still calls event handlers."""
        self.result = result
        self.settled.set()


class SingleFlight(Generic[T]):
    """Runs one piece of work at a time, and shares its result with all threads that wait.

    An error is shared only between threads with the same topic: a refused code does not mean that a
    refresh token would be refused.

    Args:
        patience: seconds that a thread waits for another one's work.
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
        """Do the work, or wait for another thread that does it already.

        Args:
            work: gets a function that publishes the result before the work has ended.
            topic: the subject of the work. An error of another thread's work is raised here only if
                its topic is equal; otherwise the work is done again. None equals no topic.
            own: wait for the end of another thread's work, then do this work all the same.
            patience: seconds to wait for another thread; None for the default.
            serves: whether another thread's result can be used, whatever its topic.

        Raises:
            BusyError: the work itself has called this method, or the wait was too long.
        """
        while True:
            mine: _Flight[T] = _Flight(topic)
            try:
                flight = self._join(mine)
                if flight is mine:
                    return self._lead(mine, work)
            finally:
                # Even after an interruption, no thread may wait for work that has ended.
                self._finish(mine)
            if not own:
                self._await(flight, flight.settled, patience)
                if flight.error is not None and topic is not None and flight.topic == topic:
                    raise flight.error
                if flight.result is not None and serves(flight.result):
                    return flight.result
            self._await(flight, flight.ended, patience)

    def _join(self, mine: _Flight[T]) -> _Flight[T]:
        """Return the work in progress; begin this thread's, if there is none."""
        with self._guard:
            if self._current is None:
                self._current = mine
            return self._current

    def _finish(self, mine: _Flight[T]) -> None:
        with self._guard:
            if self._current is mine:
                self._current = None
        mine.settled.set()
        mine.ended.set()

    @property
    def inside(self) -> bool:
        """Whether this thread is doing the work now: a handler has called the client."""
        flight = self._current
        return flight is not None and flight.owner == threading.get_ident()

    @property
    def busy(self) -> bool:
        """Whether any thread is doing the work now."""
        return self._current is not None

    def _lead(self, flight: _Flight[T], work: Callable[[Callable[[T], None]], T]) -> T:
        try:
            flight.result = work(flight.settle)
            return flight.result
        except AmoCRMError as error:
            # Only an AmoCRMError is shared. After a handler's exception, or Ctrl-C in this thread,
            # the next thread does the work itself.
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
