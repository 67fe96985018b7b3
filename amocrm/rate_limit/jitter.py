"""By how much calls are late at the server: what their durations teach.

A call that took 30 ms longer than the quickest one was at most 30 ms late on its way there; the
rest of its time went into the answer. So the excess over the quickest bounds what the rate limiter
has to leave room for. But a heavy page takes long to answer, which says nothing about its way; so
on average no more than `MARGIN` is left, and what a quiet time does not need is saved for the call
that was really held up. A 429 in spite of all says that the truth is elsewhere, and for a while
everything gets `MOST_MARGIN`.
"""

from __future__ import annotations

from typing import Final

MARGIN: Final = 0.05
"""Seconds of jitter that are survived when nothing is known yet, and left on average at most: the
rate is 95.2 % of the limit or better."""
LEAST_MARGIN: Final = 0.005
"""Seconds that are always left: for threads, clocks and a quickest call not yet seen."""
MOST_MARGIN: Final = 0.1
"""Seconds that are left after a 429."""
NEWCOMER: Final = 1.0
"""Seconds that are left for the first call of a connection, once hands are shaken, unless its
answer comes before: a busy server may be slow to take a newcomer in. It costs nothing where the
latency is no longer."""
SAVINGS: Final = 0.5
"""Seconds, not needed before, that can be left for calls that were held up."""
DOUBT: Final = 0.265
"""Seconds, divided by the number of answers: how much quicker than the quickest of them a call may
still be. Of so many evenly spread over 50 ms, one is that near the least in 99.5 % of cases."""
MEMORY: Final = 256
"""Answers after which what was learnt begins to be forgotten: ways to the server change."""


class Jitter:
    """Learns from answers. Threads may share it: a lost update costs one lesson."""

    def __init__(self) -> None:
        self._count = 0
        self._distrust = 0
        self._saved = 0.0
        self._least = self._least_before = float("inf")
        self._most = self._most_before = 0.0

    @property
    def margin(self) -> float:
        """Seconds to leave for a call whose answer has not come.

        It may be as late as the slowest was; and as the quickest, so the slowest call may not have
        been seen yet.
        """
        if self._distrust:
            return MOST_MARGIN
        return min(MARGIN, max(self._most, self._most_before) + 2 * self._guard)

    @property
    def _guard(self) -> float:
        """Seconds that are left because the quickest call may not have been seen yet."""
        return max(LEAST_MARGIN, DOUBT / self._count) if self._count else DOUBT

    def learn(self, took: float) -> float:
        """Return the seconds to leave for a call over a warm connection that took so long."""
        excess = self._note(took)
        if self._distrust:
            self._distrust -= 1
            return MOST_MARGIN
        self._saved = min(SAVINGS, self._saved) + MARGIN
        margin = min(self._saved, excess + self._guard)
        self._saved -= margin
        return margin

    def opened(self, took: float) -> float:
        """Return the seconds to leave for the first call of a connection, which took so long.

        Its time counts from where it was sent, once hands were shaken. It teaches as much as any
        other; and all that it took longer is left, for the server may make ready for a newcomer.
        """
        excess = self._note(took)
        return excess + (MOST_MARGIN if self._distrust else min(MARGIN, self._guard))

    def fresh(self, took: float) -> float:
        """Return the seconds to leave for a call over a new connection that took so long.

        For sessions that do not tell when hands were shaken, which delays it by an unknown part of
        its time. So all of it counts, but for what the quickest warm call takes as well.
        """
        least = min(self._least, self._least_before) if self._count else 0.0
        known = max(0.0, least - min(MARGIN, self._guard))
        return max(0.0, took - known) + (MOST_MARGIN if self._distrust else LEAST_MARGIN)

    def _note(self, took: float) -> float:
        """Remember how long a call took; return by how much it took longer than the quickest."""
        self._count += 1
        if self._count % MEMORY == 0:
            self._least_before, self._least = self._least, took
            self._most_before, self._most = self._most, 0.0
        self._least = min(self._least, took)
        excess = took - min(self._least, self._least_before)
        self._most = max(self._most, excess)
        return excess

    def refused(self) -> None:
        """Distrust what was learnt: the server has counted too many."""
        self._distrust = MEMORY
