"""What every rate limiter promises: threads, a file, Redis."""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pytest

from amocrm import LocalRateLimiter
from amocrm._support.clock import SystemClock
from amocrm.rate_limit.base import BaseRateLimiter, TakenSlot
from amocrm.rate_limit.file import FileRateLimiter
from amocrm.rate_limit.jitter import LEAST_MARGIN
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.redis import HOSTS_MARGIN, RedisRateLimiter
from amocrm.rate_limit.window import LOOK, OPENING, PROBE
from tests.processes import APART, in_child

REDIS = os.environ.get("AMOCRM_TEST_REDIS", "redis://127.0.0.1:6379/9")
SLACK = 0.02
"""Seconds by which what keeps the rate limiter is ahead of the reading a turn is told to have left
at."""

RARELY, PERIOD = 0.02, 50.0
"""A rate, and the seconds of one call: so long that no machine is too slow for what is tested."""

MakePace = Callable[..., BaseRateLimiter]
Moment = tuple[float, float]
"""When a turn was taken: not before the first instant, and not after the second."""


def redis_name() -> str:
    """A name of a rate limiter nobody else has; skip, but in CI, where there is no Redis."""
    import redis

    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping()
    except redis.RedisError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS}")
    return f"amocrm-test-{uuid.uuid4().hex}"


def forget(name: str) -> None:
    import redis

    redis.Redis.from_url(REDIS).delete(f"{{{name}}}:pace", f"{{{name}}}:turns")


@pytest.fixture(params=["threads", "file", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakePace]:
    """Makes rate limiters of one kind that share what they keep; threads share the object."""
    if request.param == "redis":
        name = redis_name()
        yield lambda rate=7: RedisRateLimiter(REDIS, name, rate)
        forget(name)
    elif request.param == "file":
        yield lambda rate=7: FileRateLimiter(tmp_path / "pace", rate)
    else:
        yield functools.cache(LocalRateLimiter)


class Waits(SystemClock):
    """The machine's time; a sleep is noted and not slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        self.slept.append(seconds)
        raise KeyboardInterrupt


CLOCK = Waits()


def slot(rate_limiter: BaseRateLimiter, patience: float = 60) -> TakenSlot:
    taken = rate_limiter.wait(CLOCK, patience)
    assert isinstance(taken, TakenSlot)
    return taken


def refusal(rate_limiter: BaseRateLimiter, patience: float = 0) -> Refusal:
    refused = rate_limiter.wait(CLOCK, patience)
    assert isinstance(refused, Refusal)
    return refused


def wait(rate_limiter: BaseRateLimiter) -> float:
    """How long a caller would sleep, who is interrupted in it."""
    clock = Waits()
    with pytest.raises(KeyboardInterrupt):
        rate_limiter.wait(clock, 60)
    return clock.slept[0]


def moment(taken: TakenSlot) -> Moment:
    return taken.left, SystemClock().monotonic()


def too_many(moments: Iterable[Moment], rate: int, slack: float = SLACK) -> list[float]:
    """Return the times below a second in which more than `rate` turns were taken for certain."""
    firsts, lasts = (sorted(side) for side in zip(*moments, strict=True))
    spans = (last - first for first, last in zip(firsts, lasts[rate:], strict=False))
    return [seconds for seconds in spans if seconds < 1.0 - slack]


def test_those_who_share_it_have_seven_turns_together(make: MakePace) -> None:
    rate_limiters, moments = itertools.cycle([make(), make()]), list[Moment]()
    while isinstance(taken := next(rate_limiters).wait(CLOCK, 0), TakenSlot):
        moments.append(moment(taken))
    assert len(moments) >= 7, "more on a machine that stands still meanwhile"
    assert too_many(moments, 7) == []
    assert 0 < taken.away <= 1 + LEAST_MARGIN
    assert not taken.blocked


def test_a_pause_is_for_everybody_who_shares_it(make: MakePace) -> None:
    one, two = make(), make()
    slot(two)
    one.hold(CLOCK, 30)
    assert 20 < wait(two) <= 30
    one.hold(CLOCK, 5)
    assert 20 < refusal(two).away <= 30


def test_a_block_refuses_everybody_and_then_one_tries(make: MakePace) -> None:
    one, two = make(), make()
    one.block(CLOCK, 60)
    blocked = refusal(two, 1e3)
    assert blocked.blocked
    assert 50 < blocked.away <= 60


def test_a_block_that_lasts_pauses_longer(make: MakePace) -> None:
    one, two = make(), make()
    assert one.block(CLOCK, 0.02) == pytest.approx(0.02, abs=1e-4)
    assert two.block(CLOCK, 0.02) == pytest.approx(0.02, abs=1e-4)
    SystemClock().sleep(0.03)
    tried = slot(two)
    assert one.block(CLOCK, 60) == pytest.approx(300, abs=0.1)
    tried.done(CLOCK.monotonic(), blocked=True)
    assert 290 < refusal(two, 1e3).away <= 300


def test_one_tries_and_everybody_goes_on(make: MakePace) -> None:
    one, two = make(), make()
    one.block(CLOCK, 0.001)
    SystemClock().sleep(0.01)
    tried = slot(one)
    refused = refusal(two, 1e3)
    assert refused.blocked
    assert PROBE - 10 < refused.away <= PROBE
    tried.done(CLOCK.monotonic())
    slot(two)


@pytest.mark.parametrize("came", [True, False])
def test_a_try_without_success_changes_nothing(make: MakePace, came: bool) -> None:
    one, two = make(), make()
    one.block(CLOCK, 0.001)
    SystemClock().sleep(0.01)
    slot(one).done(CLOCK.monotonic() if came else None, blocked=came)
    assert refusal(two, 1e3).blocked


def test_a_new_connection_keeps_its_seat_until_its_answer(make: MakePace) -> None:
    rate_limiter = make(1)
    first = slot(rate_limiter)
    first.opening()
    assert 0 < wait(rate_limiter) <= 1 + LEAST_MARGIN
    first.done(first.left + 50)
    # The interrupted one has lost its turn, which is a seat's second.
    third = rate_limiter.wait(CLOCK, 0)
    if isinstance(third, TakenSlot):  # The machine has stood still until then.
        assert CLOCK.monotonic() - first.left >= 2 - SLACK
    else:
        assert 0 < third.away <= 2 + 2 * LEAST_MARGIN


def test_what_was_forgotten_or_never_drawn_is_no_trouble(make: MakePace) -> None:
    rate_limiter = make()
    budgets = rate_limiter.budgets
    rate_limiter.note_margin(CLOCK, (12345,), 1.0, budgets)
    rate_limiter.note_opening(CLOCK, (12345,), budgets)
    assert rate_limiter.check(CLOCK, (12345,), budgets).action.name == "RESERVE_AGAIN"
    slot(rate_limiter)


def test_a_turn_goes_with_whoever_is_interrupted(make: MakePace) -> None:
    rate_limiter = make(RARELY)
    slot(rate_limiter)
    assert wait(rate_limiter) > 0
    assert 0 < refusal(rate_limiter).away <= 3 * (PERIOD + LEAST_MARGIN)


def test_those_who_share_it_may_wait_and_none_overtakes(make: MakePace) -> None:
    rate_limiters = [make(4) for _ in range(3)]
    gate, order = threading.Barrier(8), list[float]()
    moments: list[Moment] = []

    def work(index: int) -> None:
        gate.wait()
        taken = rate_limiters[index % 3].wait(SystemClock(), 60)
        assert isinstance(taken, TakenSlot)
        moments.append(moment(taken))
        order.extend(taken.numbers)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert too_many(moments, 4) == []
    assert sorted(order) == [min(order) + place for place in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_begins_a_pace_of_threads_anew_and_is_not_stuck() -> None:
    rate_limiter = LocalRateLimiter(1)
    slot(rate_limiter)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with rate_limiter.locked_windows(CLOCK, rate_limiter.budgets):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    try:
        # The thread that holds the lock is not in the child.
        assert in_child(lambda: isinstance(rate_limiter.wait(CLOCK, 0), TakenSlot))
    finally:
        done.set()
        holder.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_goes_on_with_the_same_file(tmp_path: Path) -> None:
    rate_limiter = FileRateLimiter(tmp_path / "pace", RARELY)
    slot(rate_limiter)
    assert in_child(lambda: isinstance(rate_limiter.wait(CLOCK, 0), Refusal))
    assert refusal(rate_limiter).away > 0


def open_shared(kind: str, where: str, rate: float) -> BaseRateLimiter:
    if kind == "file":
        return FileRateLimiter(where, rate)
    return RedisRateLimiter(REDIS, where, rate)


def _take(kind: str, where: str, pipe: Pipe) -> None:
    rate_limiter = open_shared(kind, where, 7)
    pipe.send("ready")
    pipe.recv()
    moments = []
    for _ in range(3):
        taken = rate_limiter.wait(SystemClock(), 60)
        assert isinstance(taken, TakenSlot)
        moments.append(moment(taken))
    pipe.send(moments)


def _fall_asleep(kind: str, where: str, pipe: Pipe) -> None:
    """Take one turn, and tell when it waits for the second."""

    class Telling(SystemClock):
        def sleep(self, seconds: float) -> None:  # type: ignore[override]
            pipe.send("asleep")
            SystemClock.sleep(seconds)

    rate_limiter = open_shared(kind, where, RARELY)
    for _ in range(2):
        rate_limiter.wait(Telling(), 2 * PERIOD)


def _start(target: Callable[..., None], *arguments: str) -> tuple[Any, Pipe]:
    ours, theirs = APART.Pipe()
    process = APART.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    return process, ours


@pytest.fixture(params=["file", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    if request.param == "file":
        yield "file", str(tmp_path / "pace")
    else:
        name = redis_name()
        yield "redis", name
        forget(name)


def test_processes_never_have_more_together(shared: tuple[str, str]) -> None:
    started = [_start(_take, *shared) for _ in range(4)]
    assert [pipe.recv() for _, pipe in started] == ["ready"] * 4
    for _, pipe in started:
        pipe.send("go")
    moments: list[Moment] = [moment for _, pipe in started for moment in pipe.recv()]
    for process, _ in started:
        process.join(30)
    assert len(moments) == 12
    assert too_many(moments, 7) == []


def test_a_killed_process_gives_its_turns_back(shared: tuple[str, str]) -> None:
    process, pipe = _start(_fall_asleep, *shared)
    assert pipe.recv() == "asleep"
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    rate_limiter = open_shared(*shared, RARELY)
    assert 0 < refusal(rate_limiter).away <= 2 * (PERIOD + LEAST_MARGIN)


def test_the_constants_are_those_the_manual_names() -> None:
    assert (HOSTS_MARGIN, LOOK, OPENING) == (0.02, 0.05, 10)
