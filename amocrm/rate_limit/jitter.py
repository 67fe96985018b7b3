"""Estimates from durations how late calls arrive at the server.

A call that took 30 ms longer than the quickest one arrived at most 30 ms late; the rest of its time
went into the response. So this excess is the largest margin that a call needs. But a heavy page
takes long to answer without having arrived late. So the margin is `MARGIN` on average, and margins
that quiet times do not need are saved for a call that was really delayed. A 429 proves the estimate
wrong: for a while, every call gets `MOST_MARGIN`.
"""

from __future__ import annotations

from typing import Final

MARGIN: Final = 0.05
"""The margin in seconds while nothing is known, and the largest one on average: the rate is at
least 95.2 % of the limit."""
LEAST_MARGIN: Final = 0.005
"""The smallest margin in seconds: for threads, clocks and a quicker call still to come."""
MOST_MARGIN: Final = 0.1
"""The margin in seconds after a 429."""
NEWCOMER: Final = 1.0
"""The margin in seconds of the first call of a connection after the handshake, until its response
comes: a busy server may accept new connections late. It costs nothing if the latency is shorter."""
SAVINGS: Final = 0.5
"""The largest sum of unused margins, in seconds, that is saved for delayed calls."""
DOUBT: Final = 0.265
"""Seconds, divided by the number of responses: how much quicker than the quickest of them a call
may still be. Of so many evenly spread over 50 ms, one is that near the least in 99.5 % of cases."""
MEMORY: Final = 256
"""Responses after which older durations begin to be dropped: routes to the server change."""


class Jitter:
    """Learns from responses. Threads may share it: a lost update loses one duration."""

    __slots__ = (
        "__weakref__", "_count", "_distrust", "_least", "_least_before", "_most", "_most_before",
        "_saved",
    )  # fmt: skip

    def __init__(self) -> None:
        self._count = 0
        self._distrust = 0
        self._saved = 0.0
        self._least = self._least_before = float("inf")
        self._most = self._most_before = 0.0

    @property
    def margin(self) -> float:
        """The margin of a call whose response has not come, in seconds.

        It may be as late as the slowest call, and a slower one than that may still come.
        """
        if self._distrust:
            return MOST_MARGIN
        return min(MARGIN, max(self._most, self._most_before) + 2 * self._guard)

    @property
    def _guard(self) -> float:
        """Seconds added because a quicker call than the quickest may still come."""
        return max(LEAST_MARGIN, DOUBT / self._count) if self._count else DOUBT

    def learn(self, took: float) -> float:
        """Return the margin of a call over an open connection that took so many seconds."""
        excess = self._note(took)
        if self._distrust:
            self._distrust -= 1
            return MOST_MARGIN
        self._saved = min(SAVINGS, self._saved) + MARGIN
        margin = min(self._saved, excess + self._guard)
        self._saved -= margin
        return margin

    def opened(self, took: float) -> float:
        """Return the margin of the first call of a connection, which took so many seconds.

        Its time counts from when it was sent, after the handshake. It teaches as much as any other
        call. The margin contains all of the excess, because the server may have accepted it late.
        """
        excess = self._note(took)
        return excess + (MOST_MARGIN if self._distrust else min(MARGIN, self._guard))

    def fresh(self, took: float) -> float:
        """Return the margin of a call over a new connection that took so many seconds.

        For sessions that do not report the end of the handshake, which is an unknown part of this
        time. So all of it counts, except the time of the quickest call over an open connection.
        """
        least = min(self._least, self._least_before) if self._count else 0.0
        known = max(0.0, least - min(MARGIN, self._guard))
        return max(0.0, took - known) + (MOST_MARGIN if self._distrust else LEAST_MARGIN)

    def _note(self, took: float) -> float:
        """Record the seconds of a call; return by how much they exceed those of the quickest."""
        self._count += 1
        if self._count % MEMORY == 0:
            self._least_before, self._least = self._least, took
            self._most_before, self._most = self._most, 0.0
        self._least = min(self._least, took)
        excess = took - min(self._least, self._least_before)
        self._most = max(self._most, excess)
        return excess

    def refused(self) -> None:
        """Distrust the estimate: the server has counted too many calls."""
        self._distrust = MEMORY
