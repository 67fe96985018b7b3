"""Completes a piece of work in spite of Ctrl-C, signals and the end of the program.

Ctrl-C and signal handlers interrupt the main thread at any instruction. Between the response with a
new refresh token and the line that stores it, an interruption would lose the authorization.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _ShieldedWork(Generic[T]):
    """A piece of work in another thread, and its result."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._late_keep: Callable[[T], object] | None = None
        self._guard = threading.Lock()
        self._begun = False
        self._canceled = False
        self.done = threading.Event()
        # Not a daemon: a program that ends meanwhile waits for it.
        self.thread = threading.Thread(target=self._run, name="amocrm-grant", daemon=False)

    def _run(self) -> None:
        with self._guard:
            if self._canceled:
                return
            self._begun = True
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error
        with self._guard:
            self.done.set()
            late_keep = self._late_keep
        if late_keep is not None and self._results:
            late_keep(self._results[0])

    def cancel(self) -> bool:
        """Prevent the work from beginning; return False if it has begun."""
        with self._guard:
            self._canceled = not self._begun
            return self._canceled

    def result(self) -> T:
        """Return the result of the work, or raise its exception."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def finish(self, keep: Callable[[T], object]) -> None:
        """Wait for the end after an interruption, and store the result with `keep`."""
        try:
            self.done.wait()
        except BaseException:
            # Interrupted again, so do not wait any longer: the worker thread stores the result.
            with self._guard:
                self._late_keep = None if self.done.is_set() else keep
            raise
        finally:
            if self.done.is_set() and self._results:
                keep(self._results[0])


class _DeferSigterm:
    """Delays a SIGTERM that would end the process at once, until the block has ended.

    Does nothing if the program handles SIGTERM itself. A second SIGTERM ends the process at once.
    """

    def __init__(self) -> None:
        self._active = False
        self._came = False

    def __enter__(self) -> None:
        with contextlib.suppress(ValueError):  # not in a subinterpreter, which has no signals
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                self._active = True
                signal.signal(signal.SIGTERM, self._note)

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if self._came:
                signal.raise_signal(signal.SIGTERM)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def shielded(work: Callable[[], T], keep: Callable[[T], R]) -> R:
    """Do a piece of work and store its result, even if this thread or process is interrupted.

    Ctrl-C, an exception of a signal handler and a SIGTERM without a handler take effect after the
    result is stored. A second interruption takes effect at once; the work still continues, and the
    program waits for it before it ends.

    Args:
        work: must not be interrupted; for the main thread, another thread does it.
        keep: stores the result, in the calling thread; it may be called twice.
    """
    thread = threading.current_thread()
    if thread is threading.main_thread():
        with _DeferSigterm():
            return _apart(work, keep)
    if thread.daemon:
        # The end of the program may stop a daemon anywhere; it waits for the other thread.
        return _apart(lambda: keep(work()), lambda result: result)
    return keep(work())


def _apart(work: Callable[[], T], keep: Callable[[T], R]) -> R:
    """Do the work in a thread that neither signals nor the end of the program can stop."""
    shielded_work, is_kept = _ShieldedWork(work), False
    try:
        shielded_work.thread.start()
    except RuntimeError:
        # The interpreter is shutting down and starts no more threads.
        return keep(work())
    except BaseException:
        # Interrupted during the start: work that has begun is finished, other work never begins.
        if not shielded_work.cancel():
            shielded_work.finish(keep)
        raise
    try:
        shielded_work.done.wait()
        result = keep(shielded_work.result())
        is_kept = True
        return result
    except BaseException:
        if not is_kept:
            shielded_work.finish(keep)
        raise
