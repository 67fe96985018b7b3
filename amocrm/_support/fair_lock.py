"""A lock that threads acquire in the order in which they asked for it.

A thread that releases a `threading.Lock`, or returns a connection to a pool, usually gets it again
before a thread that waits for it has woken up. So a thread in a loop can keep another one waiting
for as long as the loop runs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

from amocrm._support.forks import after_fork


class FairLock:
    """Excludes other threads; not re-entrant. It is free in a forked child."""

    def __init__(self) -> None:
        self._turns = _Turns()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the parent's threads."""
        self._turns = _Turns()

    @property
    def waiting(self) -> int:
        """The number of threads that wait for it."""
        return len(self._turns.waiting)

    @contextmanager
    def hold(self, timeout: float) -> Generator[None, None, None]:
        """Hold the lock while the block runs.

        Raises:
            TimeoutError: it was not free in `timeout` seconds.
        """
        turns, turn = self._turns, threading.Lock()
        try:
            turns.ask(turn)
            if not turn.acquire(timeout=timeout) and not turns.has(turn):
                raise TimeoutError(f"the lock was not free within {timeout:g} s")
            yield
        finally:
            # Also if Ctrl-C came before it was acquired, or as it was handed over.
            turns.give_up(turn)


class _Turns:
    """Who has the lock, and who waits for it: for each a lock, which is free when its turn comes.

    Attributes:
        waiting: those who wait, in the order in which they came.
    """

    def __init__(self) -> None:
        # Re-entrant: the garbage collector may end a block at any instruction.
        self._guard = threading.RLock()
        self._current: threading.Lock | None = None
        self.waiting: deque[threading.Lock] = deque()

    def ask(self, turn: threading.Lock) -> None:
        with self._guard:
            if self._current is None:
                self._current = turn
            else:
                turn.acquire()
                self.waiting.append(turn)

    def has(self, turn: threading.Lock) -> bool:
        """Whether it is this one's turn: it may have come just after the wait was over."""
        with self._guard:
            return self._current is turn

    def give_up(self, turn: threading.Lock) -> None:
        """Hand the lock to the next one, or leave the queue."""
        with self._guard:
            if self._current is turn:
                self._current = self.waiting.popleft() if self.waiting else None
                if self._current is not None:
                    self._current.release()
            elif turn in self.waiting:
                self.waiting.remove(turn)
