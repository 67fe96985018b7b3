"""How far a long thing has come: what `progress=` is told, and a bar that shows it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from amocrm._support.clock import Clock
from amocrm.errors import ConfigurationError

__all__ = ["Progress", "ProgressMeter", "Report", "bar"]


class Progress(NamedTuple):
    """How far a long thing has come.

    Attributes:
        done: items that were read or written so far.
        total: how many there will be; None when nobody knows.
        rate: items a second, from the beginning on.
        waiting_for: what has to come before it goes on, such as `page 17`; None if nothing.
    """

    done: int
    total: int | None = None
    rate: float = 0.0
    waiting_for: str | None = None


Report: TypeAlias = Callable[[Progress], object]
"""What `progress=` takes. It is called in the thread that iterates; what it raises ends the
iteration."""


class ProgressMeter:
    """Counts, and tells a report; costs nothing when there is none.

    Args:
        report: who wants to know.
        clock: whose time it is.
        total: how many items there will be, if that is known.
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
        self._tell(None)

    def wait(self, what: str) -> None:
        """Tell what is waited for."""
        self._tell(what)

    def _tell(self, waiting_for: str | None) -> None:
        if self._report is not None:
            spent = self._clock.monotonic() - self._began
            rate = self.done / spent if spent > 0 else 0.0
            self._report(Progress(self.done, self.total, rate, waiting_for))


@contextmanager
def bar(title: str = "") -> Generator[Report, None, None]:
    """Show progress in the terminal while the block runs; give what `progress=` takes.

    Raises:
        ConfigurationError: rich is not installed.
    """
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Display
    except ImportError:
        raise ConfigurationError(
            "a progress bar takes rich, which is not installed",
            hint="pip install 'amocrm-python[cli]'",
        ) from None
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]:.0f}/s"), TimeElapsedColumn()),
        TextColumn("{task.fields[waiting]}"),
    )
    with Display(*columns) as display:
        task = display.add_task(title, total=None, rate=0.0, waiting="")

        def report(progress: Progress) -> None:
            display.update(
                task, completed=progress.done, total=progress.total, rate=progress.rate,
                waiting=f"waiting for {progress.waiting_for}" if progress.waiting_for else "",
            )  # fmt: skip

        yield report
