"""Estimates how many items a listing has, which the API does not tell.

Items are listed by id, and were created at some time of the account's life. If they had been
created evenly over it, the time of the last one says which part of them was read. It is a guess,
and it becomes better as the end comes nearer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amocrm.http.messages import Json
from amocrm.mirror.report import MirrorProgress


class Estimate:
    """Counts the items of one listing.

    Args:
        name: of the listing.
        begin: Unix seconds at which the account was created.
        end: Unix seconds of now.
        started: monotonic seconds.
        done: items that an earlier run has read.
    """

    def __init__(self, name: str, begin: float, end: float, started: float, done: int = 0) -> None:
        self.done = done
        self._before = done
        self._name = name
        self._begin = begin
        self._end = end
        self._started = started

    def add(self, items: Sequence[Mapping[str, Json]], now: float) -> MirrorProgress:
        """Count a page, and return how far it has come.

        Args:
            items: of the page.
            now: monotonic seconds.
        """
        self.done += len(items)
        total, left, seconds = None, None, now - self._started
        life, part = self._end - self._begin, self._part(items)
        if life > 0 and part > 0:
            total = max(self.done, round(self.done / part))
            new = self.done - self._before
            left = (total - self.done) * seconds / new if new else None
        return MirrorProgress(self._name, self.done, total, left)

    def _part(self, items: Sequence[Mapping[str, Json]]) -> float:
        """Return which part of the items was read, from 0 to 1."""
        times: list[int] = [
            one["created_at"] for one in items if type(one.get("created_at")) is int
        ]
        if not times or self._end <= self._begin:
            return 0.0
        part = (times[-1] - self._begin) / (self._end - self._begin)
        return min(1.0, max(0.0, 1 - part if times[-1] < times[0] else part))
