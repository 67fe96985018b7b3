"""Work that an interruption must not cut in half.

Ctrl-C and signal handlers strike the main thread, at any instruction: between the answer that holds
a rotated pair and the line that keeps it, that costs the authorisation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Errand(Generic[T]):
    """A piece of work in a thread of its own, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self.done = threading.Event()
        # Not a daemon: a program that ends meanwhile waits for it.
        self.thread = threading.Thread(target=self._run, name="amocrm-grant")

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error
        finally:
            self.done.set()

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]


def to_the_end(work: Callable[[], T]) -> T:
    """Do a piece of work that an interruption of this thread does not cut in half.

    An interruption is raised when the work is over; a second one does not wait for that, but the
    work goes on, and the program's end waits for it.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    errand = _Errand(work)
    try:
        errand.thread.start()
        errand.done.wait()
    except BaseException:
        if errand.thread.ident is not None:
            errand.done.wait()
        raise
    return errand.result()
