"""An order to stop, which SIGTERM and SIGINT give as well; the main thread waits for it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final

LOOK: Final = 0.2
"""Seconds of one wait. A signal that comes at the very moment a wait begins does not end it."""


class StopOrder:
    """Is given once or more, by any thread or signal, and waited for by one thread."""

    def __init__(self) -> None:
        self._orders = SimpleQueue[None]()

    def give(self) -> None:
        """Order to stop. The only thing that a signal may do while any lock is held."""
        self._orders.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for the order; return whether it was given."""
        while True:
            try:
                self._orders.get(timeout=min(seconds, LOOK))
            except Empty:
                seconds -= LOOK
                if seconds <= 0:
                    return False
            else:
                return True

    @contextmanager
    def given_by_signals(self) -> Generator[None, None, None]:
        """Let the first SIGTERM or SIGINT give the order; later ones have their usual effect.

        Signals are received in the main thread only; in another one this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

        def order(number: int, frame: FrameType | None) -> None:
            restore()
            self.give()

        for number in before:
            signal.signal(number, order)
        try:
            yield
        finally:
            restore()
