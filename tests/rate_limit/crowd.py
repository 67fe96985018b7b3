"""Calls of many accounts to a server that counts, in a time that is computed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Generator, Sequence
from typing import NamedTuple

from amocrm import LocalRateLimiter
from amocrm.rate_limit.base import LATE, BaseRateLimiter, TakenSlot
from amocrm.rate_limit.budget import Budget
from amocrm.rate_limit.window import Action, Turn
from amocrm.sandbox import ManualClock
from amocrm.sandbox.http.rate_limit import RateLimiter, Verdict
from amocrm.sandbox.http.rate_limit import RateLimits as Counted

JITTER = 0.05


class Caller(NamedTuple):
    """Who calls: an integration in an account, again and again."""

    account: str
    integration: str = "one"


class Sent(NamedTuple):
    """A call that was sent: when, after which wait, and whether the server let it pass."""

    caller: Caller
    at: float
    waited: float
    passed: bool


class Crowd:
    """Callers that share a rate limiter, and a server of the sandbox.

    Args:
        counted: what the server counts.
        budgets: of each caller.
        latency: the shortest and the longest round trip; each account has one of its own.
        late: the longest time between a slot and its call; every fourth call is late.
    """

    def __init__(
        self,
        counted: Counted,
        callers: Sequence[tuple[Caller, tuple[Budget, ...]]],
        latency: tuple[float, float] = (0.05, 0.6),
        seed: int = 0,
        late: float = 0.0,
    ) -> None:
        self.clock, self.limiter = ManualClock(), LocalRateLimiter()
        self.server = RateLimiter(7, counted)
        self.sent: list[Sent] = []
        self._latency, self._seed, self._pause_ends = latency, seed, 0.0
        self._late = late
        self._due = [(0.0, at) for at in range(len(callers))]
        self._callers = [self._call(at, *one) for at, one in enumerate(callers)]

    def run(self, seconds: float) -> None:
        """Let the time pass until an instant."""
        while self._due[0][0] < seconds:
            now, at = heapq.heappop(self._due)
            self.clock.advance(max(0.0, now - self.clock.monotonic()))
            heapq.heappush(self._due, (now + next(self._callers[at]), at))

    def pause(self, seconds: float) -> None:
        """Let nobody begin a call for some time."""
        self._pause_ends = self.clock.monotonic() + seconds

    def refused(self) -> list[Sent]:
        return [one for one in self.sent if not one.passed]

    def of(self, account: str) -> list[Sent]:
        return [one for one in self.sent if one.caller.account == account]

    def _call(
        self, number: int, caller: Caller, budgets: tuple[Budget, ...]
    ) -> Generator[float, None, None]:
        dice = random.Random(f"{self._seed} {number} {caller}")
        latency = random.Random(f"{self._seed} {caller.account}").uniform(*self._latency)
        limiter = self.limiter.scoped(lambda: budgets)
        while True:
            if self.clock.monotonic() < self._pause_ends:
                yield self._pause_ends - self.clock.monotonic()
            began = self.clock.monotonic()
            slot = yield from self._slot(limiter)
            if self._late and dice.random() < 0.25:
                yield dice.uniform(0, self._late)
                slot = yield from self._retaken(limiter, slot)
            slot.sent()
            yield latency / 2 + dice.uniform(0, JITTER)
            now = self.clock.monotonic()
            verdict = self.server.admit(now, "amocrm.ru", caller.account, caller.integration)
            self.sent.append(Sent(caller, slot.left, slot.left - began, verdict is Verdict.PASS))
            yield latency / 2
            slot.is_refused = verdict is Verdict.TOO_MANY
            slot.done(self.clock.monotonic(), blocked=verdict is Verdict.BLOCKED)
            if verdict is not Verdict.PASS:
                limiter.hold(self.clock, 1.0)
                yield 1.0

    def _slot(self, limiter: BaseRateLimiter) -> Generator[float, None, TakenSlot]:
        return (yield from self._follow(limiter, limiter.reserve(self.clock, 1e6, limiter.budgets)))

    def _retaken(
        self, limiter: BaseRateLimiter, slot: TakenSlot
    ) -> Generator[float, None, TakenSlot]:
        """Do what `TakenSlot.leaving` does: there a thread sleeps, here the others go on."""
        if self.clock.monotonic() - slot.left <= LATE:
            return slot
        turn = limiter.check(self.clock, slot.numbers, limiter.budgets)
        return (yield from self._follow(limiter, turn))

    def _follow(self, limiter: BaseRateLimiter, turn: Turn) -> Generator[float, None, TakenSlot]:
        while turn.action is not Action.GO:
            assert turn.action in (Action.WAIT, Action.RESERVE_AGAIN), turn
            yield turn.away
            turn = (
                limiter.check(self.clock, turn.numbers, limiter.budgets)
                if turn.action is Action.WAIT
                else limiter.reserve(self.clock, 1e6, limiter.budgets)
            )
        now = self.clock.monotonic()
        return TakenSlot(limiter, self.clock, turn, now, 0.0, 0.0, limiter.budgets)
