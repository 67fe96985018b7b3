from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from amocrm import UnreachableError
from amocrm._support.cache import CachedValue
from amocrm.sandbox import ManualClock


def counter() -> Callable[[], int]:
    numbers = iter(range(1, 1000))
    return lambda: next(numbers)


def test_a_thing_is_kept_until_it_is_too_old(clock: ManualClock) -> None:
    cell = CachedValue(clock, counter())
    assert cell.held is None
    assert [cell.get(10), cell.get(10)] == [1, 1]
    clock.advance(9.9)
    assert cell.get(10) == 1
    clock.advance(0.1)
    assert cell.get(10) == 2
    assert cell.get(10) == cell.held == 2
    assert cell.renew() == 3
    assert cell.get(10) == 3


class Slow:
    """Is fetched when it is let to; counts how often."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.begun, self.may = threading.Event(), threading.Event()
        self.error = error
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        self.begun.set()
        assert self.may.wait(30)
        if self.error is not None:
            raise self.error
        return self.count


class Asked(ManualClock):
    """Tells when it was asked so many times."""

    left = 0

    def __init__(self) -> None:
        super().__init__()
        self.guard, self.all = threading.Lock(), threading.Event()

    def monotonic(self) -> float:
        with self.guard:
            self.left -= 1
            if self.left == 0:
                self.all.set()
        return super().monotonic()


def test_many_who_wait_share_one_fetch(clock: ManualClock) -> None:
    slow = Slow()
    cell = CachedValue(clock, slow)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(cell.get, 10)
        assert slow.begun.wait(30)
        others = [pool.submit(cell.get, 10) for _ in range(8)]
        slow.may.set()
        assert {one.result(30) for one in [first, *others]} == {1}
    assert slow.count == 1


def test_those_who_wait_share_the_error_and_those_who_come_later_try_again() -> None:
    clock, slow = Asked(), Slow()
    slow.may.set()
    cell = CachedValue(clock, slow)
    cell.get(10)
    clock.advance(10)
    slow.begun.clear()
    slow.may.clear()
    slow.error = UnreachableError("down")
    # Each looks how old the thing is, and then waits for the one that fetches it.
    clock.left = 4
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(cell.get, 10) for _ in range(4)]
        assert clock.all.wait(30)
        assert slow.begun.wait(30)
        slow.may.set()
        assert {one.exception(30) for one in asked} == {slow.error}
    assert slow.count == 2
    slow.error = None
    assert cell.get(10) == 3


def test_after_an_error_what_is_kept_is_still_held(clock: ManualClock) -> None:
    slow = Slow()
    slow.may.set()
    cell = CachedValue(clock, slow)
    cell.get(10)
    slow.error = UnreachableError("down")
    with pytest.raises(UnreachableError):
        cell.renew()
    assert cell.held == 1
    assert cell.get(10) == 1


def test_what_interrupts_one_is_not_the_others(clock: ManualClock) -> None:
    slow = Slow(KeyboardInterrupt())
    slow.may.set()
    cell = CachedValue(clock, slow)
    with pytest.raises(KeyboardInterrupt):
        cell.get(10)
    slow.error = None
    assert cell.get(10) == 2


def test_a_fetch_may_ask_for_itself(clock: ManualClock) -> None:
    asked: list[int] = []

    def fetch() -> int:
        asked.append(1)
        return cell.get(10) + 1 if len(asked) == 1 else 5

    cell = CachedValue[int](clock, fetch)
    assert cell.get(10) == 6
