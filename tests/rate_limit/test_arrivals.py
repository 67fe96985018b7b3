"""Calls as the server counts them, in a time that is computed: cold starts, jitter, latencies."""

from __future__ import annotations

import heapq
import random
from collections.abc import Generator

import pytest

from amocrm import LocalRateLimiter
from amocrm.rate_limit.base import TakenSlot
from amocrm.rate_limit.jitter import MARGIN
from amocrm.rate_limit.window import Action
from amocrm.sandbox import ManualClock

CALLERS, SECONDS = 32, 12.0


class ApiContext:
    """The way to a server, and what arrives there.

    Args:
        latency: seconds of a round trip; half of them on the way there.
        jitter: seconds that a call may be late at most, evenly drawn.
        handshake: seconds that a new connection takes at most, evenly drawn.
        tells: whether the session tells when a call leaves over a new connection.
        accepting: seconds that the server takes at most to accept the first call of a connection.
    """

    def __init__(
        self,
        seed: int,
        latency: float,
        jitter: float,
        handshake: float,
        tells: bool,
        accepting: float = 0.0,
    ) -> None:
        self.dice, self.latency, self.tells = random.Random(seed), latency, tells
        self.jitter, self.handshake, self.accepting = jitter, handshake, accepting
        self.rate_limiter, self.clock = LocalRateLimiter(), ManualClock()
        self.connections = 0
        self.arrivals: list[float] = []

    def caller(self) -> Generator[float, None, None]:
        """Call again and again; yield the seconds until there is something to do."""
        while True:
            budgets = self.rate_limiter.budgets
            step = self.rate_limiter.reserve(self.clock, 60, budgets)
            while step.action is not Action.GO:
                yield step.away
                drawn = step.action is not Action.RESERVE_AGAIN
                step = (
                    self.rate_limiter.check(self.clock, step.numbers, budgets)
                    if drawn
                    else self.rate_limiter.reserve(self.clock, 60, budgets)
                )
            now = self.clock.monotonic()
            slot = TakenSlot(self.rate_limiter, self.clock, step, now, 0.0, 0.0, budgets)
            is_new = not self.connections
            if is_new:
                slot.opening()
                yield self.dice.uniform(0, self.handshake)
            else:
                self.connections -= 1
            if self.tells:
                slot.sent()
            late = self.dice.uniform(0, self.accepting) if is_new and self.accepting else 0.0
            yield self.latency / 2 + self.dice.uniform(0, self.jitter) + late
            self.arrivals.append(self.clock.monotonic())
            yield self.latency / 2
            self.connections += 1
            slot.done(self.clock.monotonic())

    def run(self) -> None:
        callers = [self.caller() for _ in range(CALLERS)]
        due = [(0.0, at) for at in range(CALLERS)]
        while due[0][0] < SECONDS:
            now, at = heapq.heappop(due)
            self.clock.advance(max(0.0, now - self.clock.monotonic()))
            heapq.heappush(due, (now + next(callers[at]), at))

    def busiest(self) -> int:
        """Most arrivals in any second."""
        times = sorted(self.arrivals)
        return max(sum(at <= other < at + 1 - 1e-9 for other in times) for at in times)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("latency", [0.01, 0.05, 0.25, 0.5, 1.0, 1.3, 3.0])
@pytest.mark.parametrize("handshake", [0.0, 0.05, 0.5, 1.5])
@pytest.mark.parametrize("tells", [True, False])
def test_never_more_than_seven_arrive_in_a_second(
    seed: int, latency: float, handshake: float, tells: bool
) -> None:
    way = ApiContext(seed, latency, MARGIN, handshake, tells)
    way.run()
    assert way.busiest() <= 7


@pytest.mark.parametrize(("latency", "least"), [(0.05, 80), (0.25, 78), (1.0, 75)])
def test_a_cold_start_costs_no_latency(latency: float, least: int) -> None:
    way = ApiContext(1, latency, 0.0, 0.0, True)
    way.run()
    # The first burst leaves at once, the second a second later, whatever the latency.
    assert sum(at < 1.5 + latency / 2 for at in way.arrivals) == 14
    assert len(way.arrivals) >= least
    assert way.busiest() == 7


@pytest.mark.parametrize("seed", range(8))
def test_the_first_call_of_a_connection_may_be_accepted_a_second_late(seed: int) -> None:
    way = ApiContext(seed, 3.0, 0.0, 0.0, True, accepting=1.0)
    way.run()
    assert way.busiest() <= 7


def test_waiting_for_the_first_calls_to_be_accepted_costs_one_second_at_a_cold_start() -> None:
    way = ApiContext(1, 3.0, 0.0, 0.0, True)
    way.run()
    # Two bursts: at once, and after the second of the limit and one more.
    assert sum(at < 2.2 + 1.5 for at in way.arrivals) == 14


@pytest.mark.parametrize("seed", range(8))
def test_after_a_429_a_tenth_of_a_second_of_jitter_is_survived(seed: int) -> None:
    way = ApiContext(seed, 0.25, 0.1, 0.0, True)
    way.rate_limiter.hold(way.clock, 0)
    way.run()
    assert way.busiest() <= 7


def test_after_a_429_the_rate_stays_above_nine_tenths_of_the_limit() -> None:
    way = ApiContext(1, 0.25, 0.0, 0.0, True)
    way.rate_limiter.hold(way.clock, 0)
    way.run()
    assert len(way.arrivals) >= 0.9 * 7 * SECONDS


def test_jitter_beyond_what_is_promised_is_seen() -> None:
    busiest = []
    for seed in range(8):
        way = ApiContext(seed, 1.0, 8 * MARGIN, 0.0, True)
        way.run()
        busiest.append(way.busiest())
    assert max(busiest) > 7, "this can fail"
