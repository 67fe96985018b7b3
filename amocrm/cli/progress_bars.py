"""Progress bars of commands: on a terminal only, on standard error."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final, TextIO

from amocrm._support.clock import SystemClock
from amocrm.cli.session import Session
from amocrm.progress import Progress, Report, bar, make_display

MOMENT: Final = 1.0
"""Seconds after which a listing of rows gets a bar."""


@contextmanager
def shown_progress(session: Session, title: str) -> Generator[Report | None]:
    """Yield what shows a bar on a terminal, from the first progress on."""
    with ExitStack() as stack:
        shown: list[Report] = []

        def report(progress: Progress) -> None:
            if not shown:
                shown.append(stack.enter_context(bar(title, stderr=True)))
            shown[0](progress)

        yield report if session.shows_progress else None


@contextmanager
def shown_between_rows(session: Session, title: str) -> Generator[Report | None]:
    """Yield what shows a bar while a page is awaited, if the listing takes longer than a moment.

    The bar is erased before rows are written, because they may go to the same terminal. There is
    none if the rows go through a pipe, because its reader may write to the terminal as well.
    """
    if not session.shows_progress or _is_pipe(sys.stdout):
        yield None
        return
    clock = SystemClock()
    began = clock.monotonic()
    with ExitStack() as stack:
        made = None

        def report(progress: Progress) -> None:
            nonlocal made
            if made is None:
                if clock.monotonic() - began < MOMENT:
                    return
                made = make_display(title, stderr=True, transient=True)
                stack.callback(made[0].stop)
            display, update = made
            update(progress)
            if progress.waiting_for:
                display.start()
            else:
                display.stop()

        yield report


def _is_pipe(stream: TextIO) -> bool:
    try:
        kind = os.fstat(stream.fileno()).st_mode
    except OSError:  # It is no file of the system.
        return False
    return stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)
