"""What a check has found, and what to do about it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Literal, NamedTuple

from amocrm.cli.error_texts import hint_of, message_of
from amocrm.errors import AmoCRMError, printable

State = Literal["ok", "warning", "failed", "skipped"]
"""`skipped`: there is nothing to look at, or it cannot be seen."""

DAY = 86_400.0


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        check: its name, the same in every language.
        state: how it is.
        found: what was found.
        advice: what to do; empty if nothing has to be done.
    """

    check: str
    state: State
    found: str
    advice: str = ""


def failed(check: str, error: BaseException, advice: str = "") -> Finding:
    """Return the finding of a check that an error has ended."""
    if isinstance(error, AmoCRMError):
        return Finding(check, "failed", message_of(error), advice or hint_of(error) or "")
    message = printable(error.args[0]) if error.args else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror
    return Finding(check, "failed", message, advice)


def day(seconds: float) -> str:
    """Return the day and minute of Unix seconds, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
