"""The rate limits of reference 3.4: so many requests in any second, then 429, then 403.

amocrm.ru counts the requests of an integration in an account, and those of the account; Kommo
counts those of an address. After more refusals amocrm.ru blocks the account, Kommo the address.

Only API requests are counted. # Assumed (reference 12.2): the token endpoint and the consent page
have no published limit; amocrm.com counts as Kommo does; requests without a known token count as
those of one integration more. The sandbox takes all its clients for one address.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from amocrm.api_limits import ACCOUNT_REQUESTS_PER_SECOND

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


@dataclass(frozen=True)
class RateLimits:
    """Requests that pass in one second, for each scope; None: the scope is not limited.

    Attributes:
        per_integration: of one integration in one account.
        per_account: of all integrations in one account.
        per_address: of everybody.
    """

    per_integration: int | None = None
    per_account: int | None = None
    per_address: int | None = None


@dataclass
class Scope:
    """What was counted for one integration in an account, one account, or the address.

    Attributes:
        passed: requests that were let through.
        refused: requests answered 429 because of this scope.
        blocked: requests answered 403 because this scope was blocked.
        busiest: most requests that arrived within any one second.
    """

    passed: int = 0
    refused: int = 0
    blocked: int = 0
    busiest: int = 0
    recently_passed: deque[float] = field(default_factory=deque[float], repr=False)
    recently_refused: deque[float] = field(default_factory=deque[float], repr=False)
    arrived: deque[float] = field(default_factory=deque[float], repr=False)
    blocked_until: float = field(default=float("-inf"), repr=False)


class Judgment(NamedTuple):
    """What the rate limiter says to a request, and why.

    Attributes:
        in_second: requests that arrived in the last second, this one included, of the scope that is
            nearest to its limit.
        limit: of that scope, None if nothing is limited.
    """

    verdict: Verdict
    in_second: int
    limit: int | None


class RateLimiter:
    """Counts requests in sliding seconds.

    Attributes:
        rps: requests that may pass in one second, where the platform lets seven pass; None lets
            everything pass.
        limits: what is limited; None: as the platform of the account's host does.
        scopes: what was counted, by scope: `address`, `account:example`, and
            `integration:<client id>:example`.
        block_after: refusals within ten seconds after which a scope is blocked.
        block_seconds: length of the block.
    """

    def __init__(self, rps: int | None, limits: RateLimits | None = None) -> None:
        """Begin with empty seconds."""
        self._initial = (rps, limits)
        self.reset()

    def reset(self) -> None:
        """Begin again, with the first limits."""
        self.rps, self.limits = self._initial
        self.block_after = BLOCK_AFTER
        self.block_seconds = BLOCK_SECONDS
        self.scopes: dict[str, Scope] = {}

    def admit(
        self, now: float, zone: str = "amocrm.ru", account: str = "", integration: str = ""
    ) -> Verdict:
        """Judge a request that arrives at `now` (monotonic seconds)."""
        return self.judge(now, zone, account, integration).verdict

    def judge(self, now: float, zone: str, account: str, integration: str) -> Judgment:
        """Judge a request, and say how near its scopes are to their limits."""
        limits = self._limits(zone)
        names = (f"integration:{integration}:{account}", f"account:{account}", "address")
        scopes = [self.scopes.setdefault(name, Scope()) for name in names]
        for scope in scopes:
            _forget(scope.arrived, now - SECOND)
            scope.arrived.append(now)
            scope.busiest = max(scope.busiest, len(scope.arrived))
        if self.rps is None:
            return Judgment(Verdict.PASS, len(scopes[0].arrived), None)
        most = (limits.per_integration, limits.per_account, limits.per_address)
        verdict = self._verdict(scopes, most, now)
        in_second, limit = _nearest(scopes, most)
        return Judgment(verdict, in_second, limit)

    def _verdict(self, scopes: list[Scope], most: tuple[int | None, ...], now: float) -> Verdict:
        for scope in scopes:
            if now < scope.blocked_until:
                scope.blocked += 1
                return Verdict.BLOCKED
            _forget(scope.recently_passed, now - SECOND)
        for scope, limit in zip(scopes, most, strict=True):
            if limit is not None and len(scope.recently_passed) >= limit:
                # The widest scope that is the account's own is blocked, or the address.
                return self._refuse(scope, scopes[2] if scope is scopes[2] else scopes[1], now)
        for scope in scopes:
            scope.recently_passed.append(now)
            scope.passed += 1
        return Verdict.PASS

    def _limits(self, zone: str) -> RateLimits:
        if self.limits is not None:
            return self.limits
        if zone == "amocrm.ru":
            return RateLimits(self.rps, ACCOUNT_REQUESTS_PER_SECOND)
        return RateLimits(per_address=self.rps)

    def _refuse(self, scope: Scope, blocked: Scope, now: float) -> Verdict:
        scope.refused += 1
        _forget(blocked.recently_refused, now - BLOCK_WINDOW)
        blocked.recently_refused.append(now)
        if len(blocked.recently_refused) <= self.block_after:
            return Verdict.TOO_MANY
        blocked.recently_refused.clear()
        blocked.blocked_until = now + self.block_seconds
        return Verdict.BLOCKED


def _nearest(scopes: list[Scope], most: tuple[int | None, ...]) -> tuple[int, int | None]:
    """Return the arrivals of the scope that is nearest to its limit, and the limit."""
    counts = [
        (len(scope.arrived), limit)
        for scope, limit in zip(scopes, most, strict=True)
        if limit is not None
    ]
    if not counts:
        return len(scopes[0].arrived), None
    return counts[0] if len(counts) == 1 else max(counts, key=lambda one: one[0] / max(1, one[1]))


def _forget(moments: deque[float], until: float) -> None:
    while moments and moments[0] <= until:
        moments.popleft()
