"""What `amocrm mirror` needs besides the mirror: its pauses, its bar, and errors that pass."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from amocrm.cli.progress_bars import shown_progress
from amocrm.cli.session import Session
from amocrm.cli.texts import tr
from amocrm.errors import AmoCRMError, ConfigurationError, UnexpectedReplyError
from amocrm.mirror.report import MirrorProgress, ReportProgress
from amocrm.progress import Progress

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TIME: Final = re.compile(r"([1-9][0-9]{0,5})([smh])")


def read_every(text: str) -> float:
    """Read a span of time: `30s`, `5m`, `1h`.

    Raises:
        ConfigurationError: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{text[:60]!r} is no span of time", hint="30s, 5m, 1h")
    return int(found[1]) * _UNITS[found[2]]


@contextmanager
def shown_mirror_progress(session: Session) -> Generator[ReportProgress | None]:
    """Yield what shows a bar on a terminal; it tells the family, and how long it may take."""
    with shown_progress(session, tr("mirror", "копия")) as report:
        if report is None:
            yield None
            return

        def show(progress: MirrorProgress) -> None:
            left = "" if progress.left is None else f", {_minutes(progress.left)}"
            report(Progress(progress.done, progress.total, 0.0, f"{progress.family}{left}"))

        yield show


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return tr(f"about {seconds:.0f} s left", f"осталось около {seconds:.0f} с")
    return tr(f"about {seconds / 60:.0f} min left", f"осталось около {seconds / 60:.0f} мин")


@contextmanager
def told_errors(session: Session, goes_on: bool) -> Generator[None]:
    """Tell an error that may pass, where the program goes on; raise any other."""
    try:
        yield
    except AmoCRMError as error:
        # A page in the place of an answer is what proxies and repairs show during an outage.
        passes = error.retryable or isinstance(error, UnexpectedReplyError)
        if not goes_on or not passes:
            raise
        session.warn(str(error))
