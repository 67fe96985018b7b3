"""When an event whose handler failed, or an inbox that cannot be reached, is tried again."""

from __future__ import annotations

from typing import Final

from amocrm.errors import BlockedError, RateLimitedError

DELAYS: Final = (
    10, 30, 120, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600,
)  # fmt: skip
"""Seconds after each failure of an event; after further ones, the last. Ten attempts take 24 h."""

OUTAGE: Final = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Seconds after each failure of the inbox; after further ones, the last."""

JITTER: Final = 0.2
"""The share of a delay by which it may be shorter or longer."""


def event_delay(failures: int, chance: float, error: BaseException | None = None) -> float:
    """Return seconds until an event is handled again.

    Args:
        failures: so far, from 1.
        chance: evenly distributed from 0 to 1, so that what failed together is spread.
        error: the last one; it may say when its cause is over.
    """
    delay = _spread(DELAYS[min(failures, len(DELAYS)) - 1], chance)
    if isinstance(error, (RateLimitedError, BlockedError)) and error.retry_after is not None:
        return max(delay, error.retry_after * (1 + JITTER * chance))
    return delay


def outage_delay(failures: int, chance: float) -> float:
    """Return seconds until an inbox that failed is tried again; see `event_delay`."""
    return _spread(OUTAGE[min(failures, len(OUTAGE)) - 1], chance)


def _spread(delay: float, chance: float) -> float:
    return delay * (1 + JITTER * (2 * chance - 1))
