"""Ends what waits too long for a database server.

Drivers wait for a server without a limit, or with one of whole seconds for opening a connection.
Here a connection is opened in a thread that is left alone when the time is over, and the socket of
an open connection is shut down: the driver then reports a lost connection.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from amocrm._support.clock import SystemClock
from amocrm._support.forks import after_fork

_Opened = TypeVar("_Opened")

CONNECT: Final = 10.0
"""Seconds for opening a connection outside of a step."""

_clock: Final = SystemClock()


class TimedStep:
    """Work that must end in time; of one thread.

    Args:
        limits: watch it as soon as it has a socket.
        deadline: on the monotonic clock.

    Attributes:
        deadline: on the monotonic clock.
        is_over: whether it has ended.
        is_cut: whether it had not, and its sockets were shut down.
    """

    def __init__(self, limits: TimeLimits, deadline: float) -> None:
        self.deadline: Final = deadline
        self.is_over = False
        self.is_cut = False
        self._limits = limits
        self._sockets: list[int] = []

    def __lt__(self, other: TimedStep) -> bool:
        return self.deadline < other.deadline

    @property
    def left(self) -> float:
        """Seconds until the deadline, but at least a moment."""
        return max(0.01, self.deadline - _clock.monotonic())

    def watch(self, connection: object) -> None:
        """Shut down the socket of a driver's connection at the deadline, if it has one."""
        number = _socket_of(connection)
        if number is None:
            return
        # A copy, because a closed number may come back as another socket.
        self._sockets.append(os.dup(number))
        if len(self._sockets) == 1:
            self._limits.add(self)

    def cut(self) -> None:
        """Shut down its sockets: whoever waits for one gets an error."""
        self.is_cut = True
        for number in self._sockets:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
                one.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Leave its sockets alone from now on."""
        self.is_over = True
        while self._sockets:
            os.close(self._sockets.pop())


class TimeLimits:
    """Watches steps, in a thread that ends when there is none."""

    def __init__(self) -> None:
        self._current = threading.local()
        self._begin()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Forget the steps of the parent's threads."""
        self._begin()

    def _begin(self) -> None:
        self._condition = threading.Condition()
        self._steps: list[TimedStep] = []
        self._is_watching = False
        self._wakes_at = 0.0

    @contextmanager
    def step(self, seconds: float) -> Generator[TimedStep, None, None]:
        """Begin a step of this thread; it ends with the block."""
        step = TimedStep(self, _clock.monotonic() + seconds)
        self._current.step = step
        try:
            yield step
        finally:
            self._current.step = None
            with self._condition:
                step.end()
                while self._steps and self._steps[0].is_over:
                    heapq.heappop(self._steps)

    def add(self, step: TimedStep) -> None:
        """Watch a step."""
        with self._condition:
            heapq.heappush(self._steps, step)
            if not self._is_watching:
                self._is_watching, self._wakes_at = True, step.deadline
                threading.Thread(target=self._watch, name="amocrm-time-limits", daemon=True).start()
            elif step.deadline < self._wakes_at:
                self._condition.notify()

    def connect(self, connect: Callable[[], _Opened]) -> _Opened:
        """Open a connection within the current step, and watch it.

        Raises:
            TimeoutError: the server did not answer in time.
        """
        step: TimedStep | None = getattr(self._current, "step", None)
        opened = _Opening(connect).wait(CONNECT if step is None else step.left)
        if step is not None:
            step.watch(opened)
        return opened

    def _watch(self) -> None:
        condition = self._condition
        with condition:
            while self._steps:
                first = self._steps[0]
                left = first.deadline - _clock.monotonic()
                if left > 0 and not first.is_over:
                    self._wakes_at = first.deadline
                    condition.wait(left)
                    continue
                heapq.heappop(self._steps)
                if not first.is_over:
                    first.cut()
            self._is_watching = False


class _Opening(Generic[_Opened]):
    """Opens a connection in a thread; closes it if nobody waits for it any more."""

    def __init__(self, connect: Callable[[], _Opened]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._is_done = threading.Event()
        self._is_given_up = False
        self._opened: list[_Opened] = []
        self._error: BaseException | None = None

    def wait(self, seconds: float) -> _Opened:
        threading.Thread(target=self._open, name="amocrm-connect", daemon=True).start()
        self._is_done.wait(seconds)
        with self._lock:
            self._is_given_up = True
        if self._error is not None:
            raise self._error
        if not self._opened:
            raise TimeoutError(f"no connection within {seconds:.1f} s")
        return self._opened.pop()

    def _open(self) -> None:
        try:
            opened = self._connect()
        except BaseException as error:
            self._error = error
        else:
            with self._lock:
                is_awaited = not self._is_given_up
                if is_awaited:
                    self._opened.append(opened)
            if not is_awaited:
                _close(opened)
        self._is_done.set()


def _close(connection: object) -> None:
    close = getattr(connection, "close", None)
    if close is not None:
        with contextlib.suppress(Exception):
            close()


def _socket_of(connection: object) -> int | None:
    """Return the number of the socket of a driver's connection: psycopg's, PyMySQL's."""
    for owner in (connection, getattr(connection, "_sock", None)):
        fileno = getattr(owner, "fileno", None)
        if callable(fileno):
            with contextlib.suppress(Exception):
                number = fileno()
                return number if isinstance(number, int) and number >= 0 else None
    return None
