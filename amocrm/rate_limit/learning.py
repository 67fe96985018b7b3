"""Whether the server counts calls per IP address: what responses teach about it.

amoCRM documents no limit per address for amocrm.ru, and Kommo does for kommo.com (reference 3.4,
12.2). A client that calls many accounts from one address finds out with at most three calls more
than the seven that would be allowed; until then there are never more than ten calls in a second.

===========  ==============  =========================================  ========================
known        calls a second  what happens                               then
===========  ==============  =========================================  ========================
UNKNOWN      10              8 calls within 0.9 s, none refused         FREE
UNKNOWN      10              the first or second refusal                UNKNOWN; 7 for 10 s, then
                                                                        9 or 8
UNKNOWN      9 or 8          refusals of two accounts, or the third     COUNTED for an hour
FREE         no limit        refusals of one account                    FREE: it is that account
FREE         no limit        refusals of two accounts within a second,  FREE: these calls were late,
                             while 8 calls within 0.9 s are answered    as in a busy process
FREE         no limit        refusals of two accounts within a second,  COUNTED for an hour
                             while fewer calls are answered
COUNTED      7               the hour has passed                        UNKNOWN; 8
===========  ==============  =========================================  ========================

A refusal is a 429 of a call within all budgets of its account: the rate limiter sends no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from amocrm.api_limits import REQUESTS_PER_SECOND

TEST_SPAN: Final = 0.9
"""Seconds in which eight answered calls were sent if the server has surely counted them in one
second: a tenth of it is left for calls that were late."""
TEST_PAUSE: Final = 10.0
"""Seconds without a test after a refusal."""
TESTS: Final = 3
"""Calls beyond seven in a second that test the address, and refusals after which it is counted."""
COUNTED_SECONDS: Final = 3600.0
"""Seconds after which a counted address is tested again."""
SAME_SECOND: Final = 1.0
"""Seconds within which refusals of two accounts have one cause."""


class Counting(IntEnum):
    """Whether the server counts the address."""

    UNKNOWN = 0
    FREE = 1
    COUNTED = 2


class Knowledge(NamedTuple):
    """What is known about the address.

    Attributes:
        known: whether it is counted.
        until: instant until which it is seven calls a second.
        refusals: tests that were refused.
        refused_at: instant of the last refusal.
        refused: number that stands for the account of the last refusal; 0.0: there was none.
    """

    known: Counting = Counting.UNKNOWN
    until: float = 0.0
    refusals: int = 0
    refused_at: float = 0.0
    refused: float = 0.0

    def rate(self, now: float) -> float | None:
        """Return the calls that may be sent in a second; None: any number."""
        if self.known is Counting.FREE:
            return None
        return float(REQUESTS_PER_SECOND + (0 if now < self.until else TESTS - self.refusals))

    def is_counted(self, now: float) -> bool:
        """Whether the address is limited for everybody."""
        return self.known is Counting.COUNTED and now < self.until


NOTHING_KNOWN: Final = Knowledge()


def after_refusal(
    before: Knowledge, now: float, account: float, is_flowing: bool = False
) -> Knowledge:
    """Return what is known after a 429.

    Args:
        before: what was known.
        now: the instant.
        account: number that stands for the refused account, above 0.
        is_flowing: `after_responses` is true for the last calls that were answered.
    """
    if before.is_counted(now):
        return before
    is_other = before.refused not in (0.0, account)
    if before.known is Counting.FREE:
        if is_other and now - before.refused_at <= SAME_SECOND and not is_flowing:
            return Knowledge(Counting.COUNTED, now + COUNTED_SECONDS, TESTS - 1)
        return before._replace(refused_at=now, refused=account)
    if is_other or before.refusals + 1 >= TESTS:
        return Knowledge(Counting.COUNTED, now + COUNTED_SECONDS, TESTS - 1)
    return Knowledge(Counting.UNKNOWN, now + TEST_PAUSE, before.refusals + 1, now, account)


def free(before: Knowledge, now: float) -> Knowledge:
    """Return what is known after eight calls in one second, none of which was refused.

    While it is counted, there are no such calls of ours: they were sent before.
    """
    if before.known is not Counting.UNKNOWN or now < before.until:
        return before
    return Knowledge(Counting.FREE)


def after_responses(sent: Iterable[float]) -> bool:
    """Tell whether the server does not count the address.

    Args:
        sent: instants at which some calls were sent that were answered and not refused.
    """
    instants = sorted(sent)
    pairs = zip(instants, instants[REQUESTS_PER_SECOND:], strict=False)
    return any(last - first <= TEST_SPAN for first, last in pairs)
