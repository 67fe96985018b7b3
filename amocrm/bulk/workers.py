"""Calls made ahead of whoever uses their answers: in worker threads, handed out in order.

How many are under way at once follows from Little's law: a rate of calls, each of which takes so
long, keeps latency × rate of them in flight. More would only queue for the rate limiter.
"""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Protocol, TypeVar, cast

from amocrm.errors import ConfigurationError

SLACK: Final = 4
"""Calls under way beyond latency × rate: some of them wait for their turn, so that none of the
pace's turns passes unused."""
DEEPEST: Final = 32
"""Calls under way at most, and so answers in memory, however slow the server is: at seven calls a
second that serves a latency of four seconds."""
UNKNOWN: Final = 1.0
"""Seconds that a call is taken to last before the first one has been answered."""
THREAD_NAME: Final = "amocrm-ahead"

_FRESH: Final = 0.25
"""Share of the newest call in the mean latency."""

J = TypeVar("J")
R = TypeVar("R")


class Concurrency:
    """How many calls should be under way.

    Args:
        rate: calls a second that the rate limiter lets through.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._latency: float | None = None

    def note(self, seconds: float) -> None:
        """Take into account how long one more call took, without the wait for its turn."""
        old = seconds if self._latency is None else self._latency
        self._latency = old + (seconds - old) * _FRESH

    @property
    def calls(self) -> int:
        """The number of calls."""
        latency = UNKNOWN if self._latency is None else self._latency
        return min(DEEPEST, math.ceil(latency * self._rate) + SLACK)


class _Task(Generic[J, R]):
    __slots__ = ("done", "error", "job", "result")

    def __init__(self, job: J) -> None:
        self.job = job
        self.done = False
        self.result: R | None = None
        self.error: BaseException | None = None


class OrderedPool(Generic[J, R]):
    """Worker threads. Jobs come from one thread, which takes the results in the same order.

    Args:
        work: does a job; what it raises is raised when the result is taken.
        patient: closing waits for the jobs that are being done; so does the end of the program.
    """

    def __init__(self, work: Callable[[J], R], patient: bool = False) -> None:
        self._work = work
        self._asked: deque[_Task[J, R]] = deque()
        self._waiting: deque[_Task[J, R]] = deque()
        # Reentrant: the garbage collector may close a crew in the middle of anything.
        lock = threading.RLock()
        self._jobs = threading.Condition(lock)
        self._results = threading.Condition(lock)
        self._idle = self._busy = 0
        self._closed = False
        self._patient = patient
        self._process = os.getpid()
        _pools.add(self)

    def __len__(self) -> int:
        """Return how many results are still to be taken."""
        return len(self._asked)

    @property
    def ready(self) -> bool:
        """Whether the next result is there already."""
        return self._asked[0].done

    def ask(self, job: J) -> None:
        """Give out a job; a thread is begun if all others are busy."""
        task: _Task[J, R] = _Task(job)
        self._asked.append(task)
        with self._jobs:
            self._waiting.append(task)
            short = self._idle < len(self._waiting)
            self._jobs.notify()
        if short:
            # A daemon: nobody waits at the exit for an answer that nobody wants any more.
            threading.Thread(target=self._labour, name=THREAD_NAME, daemon=True).start()

    def take(self) -> R:
        """Wait for the oldest job and return its result, or raise its error.

        Raises:
            ConfigurationError: the jobs were given out before a fork, by the parent process.
        """
        if os.getpid() != self._process:
            raise ConfigurationError(
                "what was begun before a fork cannot go on in the child", hint="begin it anew there"
            )
        task = self._asked.popleft()
        with self._results:
            while not task.done:
                self._results.wait()
            # An idle thread still knows its last task, and shall not keep a page alive with it.
            result, task.result = task.result, None
        if task.error is not None:
            raise task.error
        return cast("R", result)  # None only if that is what the work returned

    def close(self) -> None:
        """Drop the jobs that were not begun; each thread ends after the one it is at."""
        if os.getpid() != self._process or sys.is_finalizing():
            return  # The threads are gone, and one of them may hold the lock for ever.
        with self._results:
            self._closed = True
            self._waiting.clear()
            self._jobs.notify_all()
            if threading.current_thread().name == THREAD_NAME:
                return  # Collected in a worker thread, which cannot wait for itself.
            while self._patient and self._busy:
                self._results.wait()

    def __enter__(self) -> OrderedPool[J, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _labour(self) -> None:
        task = self._next(None)
        while task is not None:
            try:
                task.result = self._work(task.job)
            except BaseException as error:  # whoever takes the result shall have it
                task.error = error
            task = self._next(task)

    def _next(self, finished: _Task[J, R] | None) -> _Task[J, R] | None:
        """Hand in a task and wait for another; None when there will be no more."""
        with self._jobs:
            if finished is not None:
                finished.done = True
                self._busy -= 1
                self._results.notify()
            self._idle += 1
            while not self._waiting and not self._closed:
                self._jobs.wait()
            self._idle -= 1
            if not self._waiting:
                return None
            self._busy += 1
            return self._waiting.popleft()


class _Closing(Protocol):
    def close(self) -> None: ...


_pools: weakref.WeakSet[_Closing] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End what a program leaves half read or half written, while its threads can still run."""
    for pool in list(_pools):
        pool.close()
