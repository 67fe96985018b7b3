"""Work that an interruption must not cut in half.

Ctrl-C and signal handlers strike the main thread, at any instruction: between the answer that holds
a rotated pair and the line that keeps it, that costs the authorisation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Errand(Generic[T]):
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
        self.thread = threading.Thread(target=self._run, name="amocrm-grant")

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


def to_the_end(work: Callable[[], T], keep: Callable[[T], R]) -> R:
    """Do a piece of work, and keep its result, in spite of an interruption of this thread.

    An interruption is raised when the result is kept; a second one does not wait for that, but the
    work goes on, and the program's end waits for it.

    Args:
        work: what must not be cut in half; it runs in a thread of its own.
        keep: what is done with its result, in the calling thread; it may be called twice.
    """
    if threading.current_thread() is not threading.main_thread():
        return keep(work())
    errand, kept = _Errand(work), False
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
