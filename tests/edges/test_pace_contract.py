"""What every keeper of a pace promises: threads, a file, Redis."""

from __future__ import annotations

import functools
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pytest

from amocrm import ThreadPace
from amocrm._support.clock import SystemClock
from amocrm.rate_limit.base import Keeper, KeptTurn
from amocrm.rate_limit.file import FilePace
from amocrm.rate_limit.jitter import LEAST_MARGIN
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.redis import HOSTS_MARGIN, RedisPace
from amocrm.rate_limit.window import LOOK, OPENING, PROBE
from tests.processes import APART, in_child

REDIS = os.environ.get("AMOCRM_TEST_REDIS", "redis://127.0.0.1:6379/9")
SLACK = 0.02
"""Seconds by which what keeps the pace is ahead of the reading a turn is told to have left at."""

MakePace = Callable[..., Keeper]


def redis_name() -> str:
    """A name of a pace nobody else has; skip, but in CI, where there is no Redis."""
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
    """Makes paces of one kind that share what they keep; threads share the object."""
    if request.param == "redis":
        name = redis_name()
        yield lambda rate=7: RedisPace(REDIS, name, rate)
        forget(name)
    elif request.param == "file":
        yield lambda rate=7: FilePace(tmp_path / "pace", rate)
    else:
        yield functools.cache(ThreadPace)


class Waits(SystemClock):
    """The machine's time; a sleep is noted and not slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        self.slept.append(seconds)
        raise KeyboardInterrupt


CLOCK = Waits()


def turn(pace: Keeper, patience: float = 60) -> KeptTurn:
    taken = pace.wait(CLOCK, patience)
    assert isinstance(taken, KeptTurn)
    return taken


def refusal(pace: Keeper, patience: float = 0) -> Refusal:
    refused = pace.wait(CLOCK, patience)
    assert isinstance(refused, Refusal)
    return refused


def wait(pace: Keeper) -> float:
    """How long a caller would sleep, who is interrupted in it."""
    clock = Waits()
    with pytest.raises(KeyboardInterrupt):
        pace.wait(clock, 60)
    return clock.slept[0]


def test_those_who_share_it_have_seven_turns_together(make: MakePace) -> None:
    one, two = make(), make()
    assert [turn(pace).waited < 1 for pace in [one, two] * 3 + [one]] == [True] * 7
    assert 0 < refusal(two).away <= 1 + LEAST_MARGIN
    assert not refusal(one).blocked


def test_a_pause_is_for_everybody_who_shares_it(make: MakePace) -> None:
    one, two = make(), make()
    turn(two)
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


def test_one_tries_and_everybody_goes_on(make: MakePace) -> None:
    one, two = make(), make()
    one.block(CLOCK, 0.001)
    SystemClock().sleep(0.01)
    tried = turn(one)
    refused = refusal(two, 1e3)
    assert refused.blocked
    assert PROBE - 10 < refused.away <= PROBE
    tried.done(CLOCK.monotonic())
    turn(two)


@pytest.mark.parametrize("came", [True, False])
def test_a_try_without_success_changes_nothing(make: MakePace, came: bool) -> None:
    one, two = make(), make()
    one.block(CLOCK, 0.001)
    SystemClock().sleep(0.01)
    turn(one).done(CLOCK.monotonic() if came else None, blocked=came)
    assert refusal(two, 1e3).blocked


def test_a_new_connection_keeps_its_seat_until_its_answer(make: MakePace) -> None:
    pace = make(1)
    first = turn(pace)
    first.opening()
    assert 0 < wait(pace) <= 1 + LEAST_MARGIN
    first.done(first.left + 50)
    # The interrupted one has lost its turn, which is a seat's second.
    assert 0 < refusal(pace).away <= 2 + 2 * LEAST_MARGIN


def test_what_was_forgotten_or_never_drawn_is_no_trouble(make: MakePace) -> None:
    pace = make()
    pace.note_margin(CLOCK, 12345, 1.0)
    pace.note_opening(CLOCK, 12345)
    assert pace.check(CLOCK, 12345).what.name == "DRAW_AGAIN"
    turn(pace)


def test_a_turn_goes_with_whoever_is_interrupted(make: MakePace) -> None:
    pace = make(1)
    turn(pace)
    assert wait(pace) > 0
    assert 0 < refusal(pace).away <= 3 * (1 + LEAST_MARGIN)


def test_those_who_share_it_may_wait_and_none_overtakes(make: MakePace) -> None:
    paces = [make(4) for _ in range(3)]
    gate, order = threading.Barrier(8), list[float]()
    moments: list[float] = []

    def work(index: int) -> None:
        gate.wait()
        taken = paces[index % 3].wait(SystemClock(), 60)
        assert isinstance(taken, KeptTurn)
        moments.append(taken.left)
        order.append(taken.ticket)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    moments.sort()
    assert all(b - a >= 1.0 - SLACK for a, b in zip(moments, moments[4:], strict=False))
    assert sorted(order) == list(range(8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_begins_a_pace_of_threads_anew_and_is_not_stuck() -> None:
    pace = ThreadPace(1)
    turn(pace)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with pace.desk(CLOCK):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    try:
        # The thread that holds the lock is not in the child.
        assert in_child(lambda: isinstance(pace.wait(CLOCK, 0), KeptTurn))
    finally:
        done.set()
        holder.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_goes_on_with_the_same_file(tmp_path: Path) -> None:
    pace = FilePace(tmp_path / "pace", 1)
    turn(pace)
    assert in_child(lambda: isinstance(pace.wait(CLOCK, 0), Refusal))
    assert refusal(pace).away > 0


def _take(kind: str, where: str, rate: float, calls: int, pipe: Pipe) -> None:
    pace: Keeper = FilePace(where, rate) if kind == "file" else RedisPace(REDIS, where, rate)
    pipe.send("ready")
    pipe.recv()
    moments = []
    for _ in range(calls):
        taken = pace.wait(SystemClock(), 60)
        assert isinstance(taken, KeptTurn)
        moments.append(taken.left)
    pipe.send(moments)


def _start(kind: str, where: str, rate: float, calls: int) -> tuple[Any, Pipe]:
    ours, theirs = APART.Pipe()
    process = APART.Process(target=_take, args=(kind, where, rate, calls, theirs), daemon=True)
    process.start()
    assert ours.recv() == "ready"
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
    started = [_start(*shared, 7, 3) for _ in range(4)]
    for _, pipe in started:
        pipe.send("go")
    moments = sorted(moment for _, pipe in started for moment in pipe.recv())
    for process, _ in started:
        process.join(30)
    assert len(moments) == 12
    assert all(b - a >= 1.0 - SLACK for a, b in zip(moments, moments[7:], strict=False))


def test_a_killed_process_gives_its_turns_back(shared: tuple[str, str]) -> None:
    process, pipe = _start(*shared, 1, 50)
    pipe.send("go")
    assert not pipe.poll(0.2), "it is asleep until its second turn"
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    kind, where = shared
    pace: Keeper = FilePace(where, 1) if kind == "file" else RedisPace(REDIS, where, 1)
    assert refusal(pace).away <= 2 * (1 + LEAST_MARGIN)


def test_the_constants_are_those_the_manual_names() -> None:
    assert (HOSTS_MARGIN, LOOK, OPENING) == (0.02, 0.05, 10)
