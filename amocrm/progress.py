"""The progress of listings and bulk writes: the values for `progress=`, and a terminal bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from amocrm._support.clock import Clock
from amocrm.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.progress import Progress as Display

__all__ = ["Progress", "ProgressMeter", "Report", "bar"]


class Progress(NamedTuple):
    """The progress of a listing or a bulk write.

    Attributes:
        done: number of items that were read or written so far.
        total: number of all items; None if it is unknown.
        rate: items per second since the beginning.
        waiting_for: the part that it waits for, such as `page 17`; None if it does not wait.
    """

    done: int
    total: int | None = None
    rate: float = 0.0
    waiting_for: str | None = None


Report: TypeAlias = Callable[[Progress], object]
"""The type of `progress=`. It is called in the thread that iterates; its exceptions end the
iteration."""


class ProgressMeter:
    """Counts items and calls a report, if there is one.

    Args:
        report: is called with each progress.
        clock: the clock of the client.
        total: number of all items, if it is known.
    """

    def __init__(self, report: Report | None, clock: Clock, total: int | None = None) -> None:
        self._report = report
        self._clock = clock
        self._began = clock.monotonic()
        self.done = 0
        self.total = total

    def add(self, count: int, total: int | None = None) -> None:
        """Count items that are done."""
        self.done += count
        self.total = self.total if total is None else total
        self._send(None)

    def wait(self, what: str) -> None:
        """Report the part that it waits for."""
        self._send(what)

    def _send(self, waiting_for: str | None) -> None:
        if self._report is not None:
            seconds = self._clock.monotonic() - self._began
            rate = self.done / seconds if seconds > 0 else 0.0
            self._report(Progress(self.done, self.total, rate, waiting_for))


@contextmanager
def bar(title: str = "", *, stderr: bool = False) -> Generator[Report, None, None]:
    """Show a progress bar in the terminal while the block runs; yield the value for `progress=`.

    Args:
        title: stands before it.
        stderr: show it on standard error, so that standard output is for data.

    Raises:
        ConfigurationError: rich is not installed.
    """
    display, report = make_display(title, stderr=stderr)
    with display:
        yield report


def make_display(title: str, *, stderr: bool, transient: bool = False) -> tuple[Display, Report]:
    """Return a progress bar that is not shown yet, and what updates it.

    Args:
        title: stands before it.
        stderr: show it on standard error.
        transient: erase it when it ends.

    Raises:
        ConfigurationError: rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Display
    except ImportError:
        raise ConfigurationError(
            "a progress bar needs rich, which is not installed",
            hint="pip install 'amocrm-python[cli]'",
        ) from None
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]:.0f}/s"), TimeElapsedColumn()),
        TextColumn("{task.fields[waiting]}"),
    )
    display = Display(
        *columns, console=Console(stderr=stderr), transient=transient,
        # rich writes what is printed meanwhile above the bar: to standard error, if that is there.
        redirect_stdout=not stderr or sys.stdout.isatty(),
    )  # fmt: skip
    task = display.add_task(title, total=None, rate=0.0, waiting="")

    def report(progress: Progress) -> None:
        display.update(
            task, completed=progress.done, total=progress.total, rate=progress.rate,
            waiting=f"waiting for {progress.waiting_for}" if progress.waiting_for else "",
        )  # fmt: skip

    return display, report
