"""One for all: a piece of work is done once, and its result is everybody's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm import ConfigurationError, NotAuthorizedError
from amocrm._support.single_flight import SingleFlight

Settle = Callable[[int], None]


class Work:
    """A piece of work that waits to be let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.times = 0

    def __call__(self, settle: Settle) -> int:
        self.times += 1
        self.begun.set()
        assert self.go.wait(60)
        return self.times


def waiting(flight: SingleFlight[Any], count: int, moment: str = "settled") -> None:
    """Return when `count` threads wait for the flight; only the event itself knows."""
    assert flight._current is not None
    event: threading.Event = getattr(flight._current, moment)
    while len(event._cond._waiters) < count:  # type: ignore[attr-defined]
        pass


def test_who_comes_meanwhile_gets_the_same_result() -> None:
    flight, work = SingleFlight[int](60), Work()
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(flight.run, work) for _ in range(4)]
        work.begun.wait(60)
        waiting(flight, 3)
        work.go.set()
        assert {one.result(60) for one in results} == {1}
    assert work.times == 1
    assert flight.run(work) == 2


def test_an_error_of_ours_is_everybody_s_and_another_s_is_not() -> None:
    for error, times in ((ConfigurationError("x"), 1), (LookupError("x"), 3)):
        flight: SingleFlight[int] = SingleFlight(60)
        gate = threading.Event()
        runs: list[int] = []

        def work(_: Settle, error: Exception = error, runs: list[int] = runs) -> int:
            runs.append(1)
            assert gate.wait(60)  # noqa: B023
            raise error

        with ThreadPoolExecutor(3) as pool:
            results = [pool.submit(flight.run, work, topic="a token") for _ in range(3)]
            waiting_for(runs)
            waiting(flight, 2)
            gate.set()
            assert all(one.exception(60) is error for one in results)
        assert len(runs) == times


@pytest.mark.parametrize("topic", ["another token", None])
def test_an_error_of_other_work_is_nobody_else_s(topic: str | None) -> None:
    flight: SingleFlight[int] = SingleFlight(60)
    begun, go = threading.Event(), threading.Event()

    def fail(_: Settle) -> int:
        begun.set()
        assert go.wait(60)
        raise ConfigurationError("of the code")

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(flight.run, fail, topic=topic)
        begun.wait(60)
        others = [pool.submit(flight.run, lambda _: 7, topic="a token") for _ in range(3)]
        waiting(flight, 3)
        go.set()
        assert [one.result(60) for one in others] == [7, 7, 7]
        assert isinstance(first.exception(60), ConfigurationError)


def waiting_for(runs: list[int]) -> None:
    while not runs:
        pass


def test_a_settled_result_is_out_before_the_work_is_over() -> None:
    flight: SingleFlight[int] = SingleFlight(60)
    settled, go = threading.Event(), threading.Event()

    def work(settle: Settle) -> int:
        settle(5)
        settled.set()
        assert go.wait(60)
        raise LookupError("a handler of the owner's")

    with ThreadPoolExecutor(2) as pool:
        owner = pool.submit(flight.run, work)
        settled.wait(60)
        assert pool.submit(flight.run, work).result(60) == 5
        go.set()
        assert isinstance(owner.exception(60), LookupError)


def test_work_of_one_s_own_waits_for_the_end_and_is_done() -> None:
    flight, work = SingleFlight[int](60), Work()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flight.run, work)
        work.begun.wait(60)
        second = pool.submit(flight.run, lambda _: 77, own=True)
        waiting(flight, 1, "ended")
        work.go.set()
        assert (first.result(60), second.result(60)) == (1, 77)


def test_a_result_that_does_not_serve_is_waited_for_to_its_end_and_replaced() -> None:
    flight, work = SingleFlight[int](60), Work()

    def early(settle: Settle) -> int:
        settle(1)
        return work(settle)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flight.run, early)
        work.begun.wait(60)
        second = pool.submit(flight.run, lambda _: 2, serves=lambda result: result != 1)
        waiting(flight, 1, "ended")
        work.go.set()
        assert (first.result(60), second.result(60)) == (1, 2)


def test_the_wait_for_another_s_work_has_an_end() -> None:
    flight, work = SingleFlight[int](0.01), Work()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flight.run, work)
        work.begun.wait(60)
        with pytest.raises(NotAuthorizedError, match=r"after 0\.01 s"):
            flight.run(work)
        work.go.set()
        assert first.result(60) == 1


def test_the_work_cannot_wait_for_itself() -> None:
    flight: SingleFlight[int] = SingleFlight(60)
    assert not flight.inside

    def work(_: Settle) -> int:
        assert flight.inside
        return flight.run(lambda _: 1)

    with pytest.raises(NotAuthorizedError, match="before there was a token"):
        flight.run(work)
    assert flight.run(lambda _: 2) == 2
