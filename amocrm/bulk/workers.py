"""A pool of worker threads that returns results in the order of the jobs, and its concurrency.

The number of concurrent calls follows from Little's law: at a given rate, latency × rate calls are
in flight. More calls would only wait for the rate limiter.
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
"""Calls beyond latency × rate: they wait for their slots, so that no slot remains unused."""
DEEPEST: Final = 32
"""The largest number of concurrent calls, and so of responses in memory: at seven calls per second,
it is enough for a latency of four seconds."""
UNKNOWN: Final = 1.0
"""The assumed latency in seconds before the first response."""
THREAD_NAME: Final = "amocrm-ahead"

_FRESH: Final = 0.25
"""The weight of the newest call in the mean latency."""

J = TypeVar("J")
R = TypeVar("R")


class Concurrency:
    """Calculates the number of concurrent calls.

    Args:
        rate: calls per second of the rate limiter.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._latency: float | None = None

    def note(self, seconds: float) -> None:
        """Add the latency of one more call, without its wait for a slot."""
        old = seconds if self._latency is None else self._latency
        self._latency = old + (seconds - old) * _FRESH

    @property
    def calls(self) -> int:
        """The number of calls that should be in flight."""
        latency = UNKNOWN if self._latency is None else self._latency
        return min(DEEPEST, math.ceil(latency * self._rate) + SLACK)

    @property
    def fewest(self) -> int:
        """The number of calls in flight that leaves no call waiting for the rate limiter."""
        return 1 if self._latency is None else min(DEEPEST, max(1, int(self._latency * self._rate)))


class _Task(Generic[J, R]):
    __slots__ = ("done", "error", "job", "result")

    def __init__(self, job: J) -> None:
        self.job = job
        self.done = False
        self.result: R | None = None
        self.error: BaseException | None = None


class OrderedPool(Generic[J, R]):
    """Worker threads. One thread adds jobs and receives the results in the same order.

    Args:
        work: does a job; `take` raises its exception.
        patient: `close`, and the end of the program, wait for jobs in progress.
    """

    def __init__(self, work: Callable[[J], R], patient: bool = False) -> None:
        self._work = work
        self._asked: deque[_Task[J, R]] = deque()
        self._waiting: deque[_Task[J, R]] = deque()
        # Re-entrant: the garbage collector may close a pool at any instruction.
        lock = threading.RLock()
        self._jobs = threading.Condition(lock)
        self._results = threading.Condition(lock)
        self._idle = self._busy = 0
        self._closed = False
        self._patient = patient
        self._process = os.getpid()
        _pools.add(self)

    def __len__(self) -> int:
        """Return the number of results that were not taken yet."""
        return len(self._asked)

    @property
    def ready(self) -> bool:
        """Whether the next result is available now."""
        return self._asked[0].done

    def ask(self, job: J) -> None:
        """Add a job; start a thread if all others are busy."""
        task: _Task[J, R] = _Task(job)
        self._asked.append(task)
        with self._jobs:
            self._waiting.append(task)
            short = self._idle < len(self._waiting)
            self._jobs.notify()
        if short:
            # A daemon, because the end of the program must not wait for an unused response.
            threading.Thread(target=self._work_loop, name=THREAD_NAME, daemon=True).start()

    def take(self) -> R:
        """Wait for the oldest job and return its result, or raise its error.

        Raises:
            ConfigurationError: the parent process added the jobs before a fork.
        """
        if os.getpid() != self._process:
            raise ConfigurationError(
                "a run that began before a fork cannot continue in the child",
                hint="start it again in the child",
            )
        task = self._asked.popleft()
        with self._results:
            while not task.done:
                self._results.wait()
            # An idle thread keeps a reference to its last task; this releases the page in it.
            result, task.result = task.result, None
        if task.error is not None:
            raise task.error
        return cast("R", result)  # None only if that is what the work returned

    def close(self) -> None:
        """Drop the jobs that have not begun; each thread ends after its current job."""
        if os.getpid() != self._process or sys.is_finalizing():
            return  # The threads have ended, and one of them may have left the lock locked.
        with self._results:
            self._closed = True
            self._waiting.clear()
            self._jobs.notify_all()
            if threading.current_thread().name == THREAD_NAME:
                return  # Garbage-collected in a worker thread, which cannot wait for itself.
            while self._patient and self._busy:
                try:
                    self._results.wait()
                except BaseException:
                    self._patient = False  # The end of the program must not wait again.
                    raise

    def __enter__(self) -> OrderedPool[J, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _work_loop(self) -> None:
        task = self._next(None)
        while task is not None:
            try:
                task.result = self._work(task.job)
            except BaseException as error:  # raised by `take`
                task.error = error
            task = self._next(task)

    def _next(self, finished: _Task[J, R] | None) -> _Task[J, R] | None:
        """Finish a task and wait for the next one; None when the pool is closed."""
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
    """Close all pools at the end of the program, while their threads can still run."""
    for pool in list(_pools):
        pool.close()
