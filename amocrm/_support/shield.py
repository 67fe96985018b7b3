"""Work that an interruption must not cut in half.

Ctrl-C and signal handlers strike the main thread, at any instruction: between the answer that holds
a rotated pair and the line that keeps it, that costs the authorisation.
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
    """A piece of work in a thread of its own, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._heir: Callable[[T], object] | None = None
        self._guard = threading.Lock()
        self._begun = False
        self._cancelled = False
        self.done = threading.Event()
        # Not a daemon: a program that ends meanwhile waits for it.
        self.thread = threading.Thread(target=self._run, name="amocrm-grant", daemon=False)

    def _run(self) -> None:
        with self._guard:
            if self._cancelled:
                return
            self._begun = True
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error
        with self._guard:
            self.done.set()
            heir = self._heir
        if heir is not None and self._results:
            heir(self._results[0])

    def cancel(self) -> bool:
        """Let the work not begin; False if it has begun."""
        with self._guard:
            self._cancelled = not self._begun
            return self._cancelled

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def finish(self, keep: Callable[[T], object]) -> None:
        """Wait for the end in spite of an interruption, and keep what came of it."""
        try:
            self.done.wait()
        except BaseException:
            # Interrupted again: whoever waits has no patience. The work keeps its own result.
            with self._guard:
                self._heir = None if self.done.is_set() else keep
            raise
        finally:
            if self.done.is_set() and self._results:
                keep(self._results[0])


class _DeferSigterm:
    """Puts off a SIGTERM that would end the process on the spot, until the block is done.

    A program that handles SIGTERM itself is left alone. A second SIGTERM is obeyed at once.
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
    """Do a piece of work, and keep its result, in spite of whatever ends this thread or process.

    Ctrl-C, and what a signal handler raises, come up again when the result is kept; so does a
    SIGTERM that nobody handles. A second interruption does not wait for that, but the work goes on,
    and the program's end waits for it.

    Args:
        work: what must not be cut in half; in the main thread's stead another one does it.
        keep: what is done with its result, in the calling thread; it may be called twice.
    """
    thread = threading.current_thread()
    if thread is threading.main_thread():
        with _DeferSigterm():
            return _apart(work, keep)
    if thread.daemon:
        # It may be stopped anywhere when the program ends; another one is waited for.
        return _apart(lambda: keep(work()), lambda kept: kept)
    return keep(work())


def _apart(work: Callable[[], T], keep: Callable[[T], R]) -> R:
    """Do the work in a thread that no signal reaches and no end of the program stops."""
    errand, kept = _ShieldedWork(work), False
    try:
        errand.thread.start()
    except RuntimeError:
        # The interpreter is on its way out, and starts no more threads.
        return keep(work())
    except BaseException:
        # Interrupted while it started: what has begun is finished, and nothing begins later.
        if not errand.cancel():
            errand.finish(keep)
        raise
    try:
        errand.done.wait()
        result = keep(errand.result())
        kept = True
        return result
    except BaseException:
        if not kept:
            errand.finish(keep)
        raise
