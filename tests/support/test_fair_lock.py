"""Threads get the lock in the order in which they asked, and none that has left keeps it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from amocrm._support.fair_lock import FairLock
from tests.processes import in_child


def until_waiting(lock: FairLock, threads: int) -> None:
    """Return when so many threads wait for a lock; nothing else knows."""
    while lock.waiting < threads:
        pass


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@contextmanager
def held_elsewhere(lock: FairLock) -> Iterator[None]:
    """Let another thread hold a lock while the block runs."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.hold(60):
            held.set()
            assert done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        yield
    finally:
        done.set()
        thread.join(60)


def test_who_comes_back_at_once_comes_after_those_who_waited(pool: ThreadPoolExecutor) -> None:
    lock, order = FairLock(), list[str]()

    def work(name: str) -> None:
        with lock.hold(60):
            order.append(name)

    with lock.hold(60):
        waiting = []
        for number in range(3):
            waiting.append(pool.submit(work, f"{number}"))
            until_waiting(lock, number + 1)
    for _ in range(2):
        work("back")
    for one in waiting:
        one.result(60)
    assert order == ["0", "1", "2", "back", "back"]


def test_the_wait_has_an_end_and_stops_nobody_else(pool: ThreadPoolExecutor) -> None:
    lock = FairLock()
    with held_elsewhere(lock):
        with pytest.raises(TimeoutError, match=r"not free within 0\.01 s"):
            with lock.hold(0.01):
                pytest.fail("another thread has it")
        assert lock.waiting == 0
    with lock.hold(60):
        pass


def test_a_turn_that_comes_just_after_the_wait_is_taken() -> None:
    lock = FairLock()
    turns, late = lock._turns, threading.Lock()
    with lock.hold(60):
        turns.ask(late)
        assert not late.acquire(timeout=0.001)
        assert not turns.has(late)
    assert turns.has(late)
    turns.give_up(late)
    with lock.hold(0.001):
        pass


def test_an_error_in_the_block_gives_it_back() -> None:
    lock = FairLock()
    with pytest.raises(ZeroDivisionError), lock.hold(1):
        raise ZeroDivisionError
    with lock.hold(0.001):
        pass


def test_who_is_interrupted_as_it_is_handed_over_hands_it_on() -> None:
    lock = FairLock()
    turns, interrupted = lock._turns, threading.Lock()
    with lock.hold(60):
        turns.ask(interrupted)
    # It has its turn, and does not know it yet.
    turns.give_up(interrupted)
    turns.give_up(interrupted)
    with lock.hold(0.001):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_it_is_free_in_a_forked_child() -> None:
    lock = FairLock()

    def hold() -> bool:
        with lock.hold(0.001):
            return True

    with held_elsewhere(lock):
        assert in_child(hold)
    with lock.hold(60):
        assert in_child(hold)
