"""A signal at a chosen line of what follows."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from amocrm.http.messages import Json

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def raise_after(lines: int, number: int) -> None:
    """Let this process receive a signal when so many lines have run, of any function.

    For a child process: whatever else traces there is replaced.
    """

    def trace(frame: FrameType, event: str, argument: Json) -> Callable[..., Json] | None:
        nonlocal lines
        if event == "line":
            lines -= 1
            if lines < 0:
                sys.settrace(None)
                signal.raise_signal(number)
                return None
        return trace

    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)
