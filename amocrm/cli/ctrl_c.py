"""Ctrl-C while something is written: what was sent is waited for, which the person is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def told_at_ctrl_c(text: str) -> Generator[None]:
    """Write a line to standard error at the first Ctrl-C, which has its usual effect all the same.

    Args:
        text: the line; an empty one is not written.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or not text:
        yield  # It is ignored, as in the background.
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        # Past the buffers: the interrupted code may be writing to them.
        os.write(2, f"\n{text}\n".encode())
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
