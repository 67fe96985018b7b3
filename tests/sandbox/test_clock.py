from __future__ import annotations

import threading
import time

import pytest

from amocrm.sandbox import ManualClock, SystemClock


def test_sleeping_on_a_manual_clock_moves_both_times() -> None:
    clock = ManualClock(100.0)
    before = clock.monotonic()
    clock.sleep(2.5)
    assert (clock.time(), clock.monotonic() - before) == (102.5, 2.5)


def test_a_negative_sleep_does_not_turn_a_manual_clock_back() -> None:
    clock = ManualClock(100.0)
    clock.sleep(-1)
    assert clock.time() == 100.0


def test_a_manual_clock_adds_up_the_sleep_of_many_threads() -> None:
    clock = ManualClock(0.0)
    threads = [threading.Thread(target=clock.sleep, args=(1.0,)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.time() == 50.0


def test_advancing_the_system_clock_shifts_wall_time_only() -> None:
    clock = SystemClock()
    monotonic = clock.monotonic()
    clock.advance(86400)
    assert clock.time() == pytest.approx(time.time() + 86400, abs=600)
    assert clock.monotonic() - monotonic < 600
    clock.sleep(0)
