"""What changed in a portal, as growing numbers, for those who wait for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

PARTS = ("requests", "deliveries", "entities", "tokens", "settings")
"""What a page shows: the log, the webhooks, the data, the tokens, and everything else."""

MOST_WAITING = 16
"""Those who wait at once, each with a thread of the server; others are answered at once."""


@dataclass(frozen=True)
class News:
    """What changed after a number.

    Attributes:
        number: of the last change; the next question names it.
        parts: that changed, in the order of `PARTS`.
        has_room: False if the answer came at once because too many wait already.
    """

    number: int
    parts: tuple[str, ...]
    has_room: bool = True


class ChangeFeed:
    """Counts changes, and wakes those who wait for one.

    It has a lock of its own: who waits here holds no lock of the portal.
    """

    def __init__(self) -> None:
        """Start with no change."""
        self._changed = threading.Condition()
        self._number = 0
        self._last: dict[str, int] = dict.fromkeys(PARTS, 0)
        self._waiting = 0
        self._most = MOST_WAITING
        self._is_open = True

    def note(self, *parts: str) -> None:
        """Note that parts have changed."""
        with self._changed:
            self._number += 1
            for part in parts:
                self._last[part] = self._number
            if self._waiting:
                self._changed.notify_all()

    def news(self, after: int) -> News:
        """Return what changed after a number, at once."""
        with self._changed:
            return self._news(after)

    def wait(self, after: int, seconds: float) -> News:
        """Wait for a change after a number, at most so long, and return what changed."""
        with self._changed:
            if self._waiting >= self._most:
                news = self._news(after)
                return News(news.number, news.parts, has_room=bool(news.parts))
            self._waiting += 1
            try:
                self._changed.wait_for(
                    lambda: not self._is_open or after != self._number, timeout=seconds
                )
            finally:
                self._waiting -= 1
            return self._news(after)

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._changed:
            return self._waiting

    def open(self, threads: int) -> None:
        """Let waiters take at most half of a server's threads."""
        with self._changed:
            self._is_open = True
            self._most = min(MOST_WAITING, max(1, threads // 2))

    def close(self) -> None:
        """Answer everybody who waits, and let nobody wait: a server stops."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def _news(self, after: int) -> News:
        # A greater number than the last one is of a portal before this one.
        known = after if after <= self._number else -1
        return News(self._number, tuple(one for one in PARTS if self._last[one] > known))
