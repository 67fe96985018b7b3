"""The rate limiter of reference 3.4: seven requests in any second, then 429, then 403.

Only API requests are counted. # Assumed (reference 12.2): the token endpoint and the consent page
have no published limit.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

BLOCK_AFTER = 50
"""Refusals within `BLOCK_WINDOW` seconds that end in a block. Assumed (reference 12.2)."""

BLOCK_WINDOW = 10.0
"""Seconds in which refusals add up. Assumed (reference 12.2)."""

BLOCK_SECONDS = 300.0
"""Length of a block. Assumed (reference 12.2): reports speak of minutes."""


SECOND = 1.0 - 1e-9
"""Length of the window, a billionth short: sums of floats must not decide about a 429."""


class Verdict(Enum):
    """What the rate limiter says to one request."""

    PASS = "pass"
    TOO_MANY = "too many"
    BLOCKED = "blocked"


class RateLimiter:
    """Counts the requests of one address in a sliding second.

    Attributes:
        rps: requests that may pass in one second; None lets everything pass.
        block_after: refusals within ten seconds after which the address is blocked.
        block_seconds: length of the block.
    """

    def __init__(self, rps: int | None) -> None:
        """Begin with an empty second."""
        self.rps = rps
        self.block_after = BLOCK_AFTER
        self.block_seconds = BLOCK_SECONDS
        self._passed: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._blocked_until = float("-inf")

    def admit(self, now: float) -> Verdict:
        """Judge a request that arrives at `now` (monotonic seconds)."""
        if self.rps is None:
            return Verdict.PASS
        if now < self._blocked_until:
            return Verdict.BLOCKED
        _forget(self._passed, now - SECOND)
        if len(self._passed) < self.rps:
            self._passed.append(now)
            return Verdict.PASS
        return self._refuse(now)

    def _refuse(self, now: float) -> Verdict:
        _forget(self._refused, now - BLOCK_WINDOW)
        self._refused.append(now)
        if len(self._refused) <= self.block_after:
            return Verdict.TOO_MANY
        self._refused.clear()
        self._blocked_until = now + self.block_seconds
        return Verdict.BLOCKED


def _forget(moments: deque[float], until: float) -> None:
    while moments and moments[0] <= until:
        moments.popleft()
