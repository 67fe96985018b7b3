"""How many items a bulk write sends in one call: few at first, more while the answers are quick.

amoCRM takes 250 items in a call, recommends at most 50, and answers 504 when a call was too heavy:
then fewer are to be sent (reference 3.3, 3.5). How heavy an item is depends on its fields and on
the account, so the size is learned, for each resource:

========================  ==============================================================
answer                    next size
========================  ==============================================================
within `QUICK` seconds    twice the items of the call
later                     the same
after `SLOW` seconds      half the items of the call
504                       half the items of the call, and for `HEAVY_SECONDS` not more
========================  ==============================================================

Calls run at the same time, so an answer counts for the number of items that its call had: the
answers to seven calls of 50 lead to 100, not to 6,400.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm.api_limits import BATCH_RECOMMENDED

QUICK: Final = 2.0
"""Seconds within which an answer is quick. A call of twice the items should stay below `SLOW`, so
that the size does not go up and down."""
SLOW: Final = 5.0
"""Seconds after which an answer is slow. At seven calls a second, no more calls than
`workers.DEEPEST` could be in flight from here on, and a lost answer becomes likely: the outcome of
each item would be unknown."""
HEAVY_SECONDS: Final = 3600.0
"""Seconds for which no call may be as large as one that was answered 504: each one leaves items
whose outcomes are unknown. Later it is tried again, because the server may only have been busy."""


class BatchSize(NamedTuple):
    """What is known of the size of a resource's calls.

    Attributes:
        size: items of the next call.
        limit: the most that amoCRM takes.
        is_growing: it is not yet known how large the calls can be.
        heavy: items of the smallest call that was answered 504 lately.
        heavy_until: instant until which no call has more than half of these.
    """

    size: int
    limit: int
    is_growing: bool
    heavy: int = 0
    heavy_until: float = 0.0

    def most(self, now: float) -> int:
        """Return the largest size that may be tried now."""
        return _half(self.heavy) if now < self.heavy_until else self.limit


def first_size(limit: int) -> BatchSize:
    """Return the size to begin with, where amoCRM takes at most `limit` items."""
    size = min(BATCH_RECOMMENDED, limit)
    return BatchSize(size, limit, size < limit)


def after_answer(known: BatchSize, items: int, seconds: float, now: float) -> BatchSize:
    """Return what is known after a call was answered.

    Args:
        known: before.
        items: of the call.
        seconds: until the answer.
        now: monotonic seconds.
    """
    if seconds > SLOW:
        return known._replace(size=min(known.size, _half(items)), is_growing=False)
    if items > known.size or 2 * items <= known.size:
        return known  # Another call has shown meanwhile that it was too large, or it was the rest.
    if seconds > QUICK:
        return known._replace(is_growing=False)
    most = known.most(now)
    size = max(known.size, min(most, 2 * items))
    return known._replace(size=size, is_growing=size < most)


def after_timeout(known: BatchSize, items: int, now: float) -> BatchSize:
    """Return what is known after a call was answered 504."""
    heavy = min(items, known.heavy) if now < known.heavy_until else items
    size = min(known.size, _half(items))
    return BatchSize(size, known.limit, False, heavy, now + HEAVY_SECONDS)


def _half(items: int) -> int:
    return max(1, items // 2)
