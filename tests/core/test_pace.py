from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.core.pace import WINDOW, Slot, Window


def take(window: Window, now: float) -> tuple[Slot, float]:
    """Reserve a turn and wait for it; return it with the moment it was taken."""
    slot = window.reserve(now)
    while (away := window.ready(slot, now)) > 0:
        now += away
    return slot, now


def test_seven_leave_at_once_and_the_eighth_a_window_later() -> None:
    window = Window(7)
    moments = [take(window, 10.0)[1] for _ in range(15)]
    assert moments[:7] == [10.0] * 7
    assert moments[7:14] == [10.0 + WINDOW] * 7
    assert moments[14] == pytest.approx(10.0 + 2 * WINDOW)


def test_the_window_survives_fifty_milliseconds_of_jitter() -> None:
    assert pytest.approx(1.05) == WINDOW


def test_an_idle_window_is_free() -> None:
    window = Window(7)
    for _ in range(7):
        take(window, 0.0)
    assert window.earliest(1.04) == WINDOW
    assert window.earliest(2.0) == 2.0


def test_a_turn_counts_from_the_moment_it_was_taken() -> None:
    window = Window(1)
    first = window.reserve(0.0)
    second = window.reserve(0.0)
    assert window.ready(first, 0.4) == 0.0
    assert window.ready(second, WINDOW) == pytest.approx(0.4)
    assert window.ready(second, 0.4 + WINDOW) == 0.0


def test_a_turn_waits_for_the_one_before_it_to_be_taken() -> None:
    window = Window(1)
    first = window.reserve(0.0)
    second = window.reserve(0.0)
    assert 0.0 < window.ready(second, 5.0) < 0.1
    first.taken = True
    assert window.ready(second, 5.0) == 0.0


def test_a_pause_reaches_those_who_already_have_a_turn() -> None:
    window = Window(7)
    slot = window.reserve(0.0)
    window.hold(30.0)
    assert window.ready(slot, 0.0) == 30.0
    assert window.ready(slot, 30.0) == 0.0
    assert window.earliest(1.0) == 30.0
    window.hold(5.0)
    assert window.not_before == 30.0


def test_after_a_pause_they_do_not_all_leave_at_once() -> None:
    window = Window(2)
    slots = [window.reserve(0.0) for _ in range(4)]
    window.hold(30.0)
    assert [window.ready(slot, 30.0) == 0.0 for slot in slots] == [True, True, False, False]
    assert [window.ready(slot, 30.0 + WINDOW) for slot in slots[2:]] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("rate", "gap"), [(1, WINDOW), (0.5, 2 * WINDOW), (1.9, WINDOW), (0.1, 10 * WINDOW)]
)
def test_slow_rates_are_one_call_in_a_longer_window(rate: float, gap: float) -> None:
    window = Window(rate)
    take(window, 0.0)
    assert window.earliest(0.0) == pytest.approx(gap)


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.2)), min_size=1, max_size=60),
)
def test_no_second_ever_has_more_than_the_rate(
    rate: int, arrivals: list[tuple[float, float]]
) -> None:
    """Whatever the gaps between callers, and however late each of them wakes."""
    window, now, moments = Window(rate), 0.0, []
    for gap, late in arrivals:
        now += gap
        slot = window.reserve(now)
        moment = now
        while (away := window.ready(slot, moment)) > 0:
            moment += away + late
        moments.append(moment)
    moments.sort()
    for first, last in zip(moments, moments[rate:], strict=False):
        assert last - first >= 1.0
