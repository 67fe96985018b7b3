from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.rate_limit.jitter import LEAST_MARGIN, MARGIN, MOST_MARGIN
from amocrm.rate_limit.window import (
    LOOK,
    OPENING,
    PROBE,
    QUEUE,
    Action,
    Step,
    Window,
    block_factor,
    slots_for,
)

NOW = 100.0


def window(rate: float = 7) -> Window:
    return Window(rate)


def draw(window: Window, now: float = NOW, patience: float = 60, margin: float = MARGIN) -> Step:
    return window.reserve(now, patience, margin)


def take(window: Window, now: float, late: float = 0.0, margin: float = MARGIN) -> float:
    """Wait for a turn, waking late each time; return the moment it was taken."""
    step = draw(window, now, 1e6, margin)
    while step.action is not Action.GO:
        now += step.away + late
        step = window.check(step.slot_number, now, margin)
        if step.action is Action.RESERVE_AGAIN:
            step = draw(window, now, 1e6, margin)
    return now


def test_seven_leave_at_once_and_the_eighth_when_the_first_is_surely_a_second_old() -> None:
    full = window()
    assert [draw(full) for _ in range(7)] == [
        Step(Action.GO, 0.0, slot_number) for slot_number in range(7)
    ]
    eighth = draw(full)
    assert (eighth.action, eighth.slot_number) == (Action.WAIT, 7)
    # It looks early, because the answers may have come by then ...
    assert eighth.away == pytest.approx(1 + LEAST_MARGIN)
    # ... and goes when they have not.
    assert full.check(7, NOW + 1 + MARGIN - 0.001, MARGIN).action is Action.WAIT
    assert full.check(7, NOW + 1 + MARGIN, MARGIN).action is Action.GO


def test_an_answer_tells_how_late_a_call_was_and_frees_its_seat() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.settle(0, 0.02)
    assert one.check(waiting.slot_number, NOW + 1.019, MARGIN).action is Action.WAIT
    assert one.check(waiting.slot_number, NOW + 1.02, MARGIN).action is Action.GO


def test_a_call_over_a_new_connection_keeps_its_seat_until_its_answer_comes() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.opening(0, NOW)
    assert one.check(waiting.slot_number, NOW + 1.3, MARGIN).away == pytest.approx(LOOK)
    one.settle(0, 0.75)
    assert one.check(waiting.slot_number, NOW + 1.3 + LOOK, MARGIN).action is Action.WAIT
    assert one.check(waiting.slot_number, NOW + 1.75, MARGIN).action is Action.GO


def test_a_new_connection_that_never_answers_frees_its_seat_in_the_end() -> None:
    one = window(1)
    draw(one)
    one.opening(0, NOW)
    assert take(one, NOW + 1) == pytest.approx(NOW + OPENING, abs=LOOK)


def test_an_idle_window_is_free() -> None:
    full = window()
    for _ in range(7):
        draw(full)
    assert draw(full, NOW + 1 + MARGIN).action is Action.GO


def test_a_second_counts_from_the_moment_the_call_was_sent() -> None:
    one = window(1)
    draw(one)
    second, third = draw(one), draw(one)
    assert one.check(second.slot_number, NOW + 1.4, MARGIN).action is Action.GO
    assert one.check(third.slot_number, NOW + 2.3, MARGIN).away == pytest.approx(0.105)
    assert one.check(third.slot_number, NOW + 2.44, MARGIN).action is Action.WAIT
    assert one.check(third.slot_number, NOW + 2.45, MARGIN).action is Action.GO


@pytest.mark.parametrize("late", [MARGIN, 0.9, 50.0])
def test_who_wakes_late_leaves_all_the_same(late: float) -> None:
    one = window(1)
    draw(one)
    away = draw(one).away
    assert one.check(1, NOW + away + late, MARGIN).action is Action.GO


@pytest.mark.parametrize(("late", "action"), [(1.0, Action.GO), (1.01, Action.RESERVE_AGAIN)])
def test_a_caller_that_wakes_too_late_reserves_again(late: float, action: Action) -> None:
    one = window(1)
    draw(one)
    away = draw(one).away
    draw(one)
    assert one.check(1, NOW + away + late, MARGIN).action is action


def test_a_turn_nobody_took_stops_nobody() -> None:
    one = window(1)
    draw(one)
    plan = NOW + draw(one).away
    third = draw(one)
    # Its owner was killed: who sits there next goes at its own time.
    assert one.check(third.slot_number, plan + 1 + LEAST_MARGIN, MARGIN).action is Action.GO


def test_a_pause_reaches_those_who_already_have_a_turn() -> None:
    full = window()
    for _ in range(7):
        draw(full)
    waiting = draw(full)
    full.hold(NOW + 30)
    step = full.check(waiting.slot_number, NOW + waiting.away, MARGIN)
    assert (step.action, step.held) == (Action.WAIT, True)
    assert step.away == pytest.approx(30 - waiting.away)
    full.hold(NOW + 5)
    assert full.check(waiting.slot_number, NOW + 29.999, MARGIN).action is Action.WAIT
    assert full.check(waiting.slot_number, NOW + 30, MARGIN).action is Action.GO


def test_after_a_pause_they_do_not_all_leave_at_once() -> None:
    two = window(2)
    draw(two)
    draw(two)
    waiting = [draw(two) for _ in range(6)]
    two.hold(NOW + 30)
    for step in waiting:
        two.check(step.slot_number, NOW + step.away, MARGIN)
    gone = [two.check(step.slot_number, NOW + 30, MARGIN).action for step in waiting]
    assert gone == [Action.GO] * 2 + [Action.WAIT] * 4
    gone = [two.check(step.slot_number, NOW + 31 + MARGIN, MARGIN).action for step in waiting[2:]]
    assert gone == [Action.GO] * 2 + [Action.WAIT] * 2


def test_a_turn_beyond_patience_is_not_drawn() -> None:
    one = window(1)
    draw(one)
    away = 1 + LEAST_MARGIN
    refused = draw(one, patience=away - 0.001)
    assert refused.action is Action.TOO_FAR
    assert refused.away == pytest.approx(away)
    assert draw(one, patience=away).action is Action.WAIT


def test_the_queue_has_an_end() -> None:
    one = window(1)
    assert [draw(one, patience=1e6).action for _ in range(QUEUE)][-1] is Action.WAIT
    assert draw(one, patience=1e6).action is Action.TOO_FAR
    assert draw(one, NOW + 3, patience=1e6).action is Action.WAIT


def test_what_is_long_past_is_not_settled() -> None:
    one = window(1)
    for slot in range(QUEUE + 5):
        take(one, NOW + 10 * slot)
    last = NOW + 10 * (QUEUE + 4)
    one.settle(3, 500.0)
    one.opening(3, 1e9)
    assert draw(one, last + 1 + MARGIN).action is Action.GO


def test_a_block_refuses_everybody_at_once() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.block(NOW, 60)
    assert draw(one) == Step(Action.BLOCKED, 60.0)
    assert one.check(waiting.slot_number, NOW + 1.1, MARGIN).action is Action.BLOCKED
    assert draw(one, NOW + 59.999).action is Action.BLOCKED


def test_after_a_block_one_call_tries_for_all() -> None:
    full = window()
    full.block(NOW, 60)
    tried = draw(full, NOW + 60)
    assert tried == Step(Action.GO, 0.0, 0, probe=True)
    assert draw(full, NOW + 60) == Step(Action.BLOCKED, PROBE)
    full.unblock()
    assert draw(full, NOW + 60) == Step(Action.GO, 0.0, 1)


def test_a_try_that_is_refused_blocks_again_and_one_that_is_lost_is_followed_by_another() -> None:
    full = window()
    full.block(NOW, 60)
    draw(full, NOW + 60)
    assert full.block(NOW + 60, 60) == 300
    assert draw(full, NOW + 359).action is Action.BLOCKED
    assert draw(full, NOW + 360).probe
    assert draw(full, NOW + 360 + PROBE - 0.001).action is Action.BLOCKED
    assert draw(full, NOW + 360 + PROBE).probe


@pytest.mark.parametrize(("blocks", "pause"), [(1, 60), (2, 300), (3, 900), (4, 900), (1000, 900)])
def test_a_block_that_lasts_is_tested_rarely(blocks: int, pause: float) -> None:
    full, now, told = window(), NOW, 0.0
    for _ in range(blocks):
        assert draw(full, now).action is Action.GO
        told = full.block(now, 60)
        now += told
    assert told == pause == 60 * block_factor(blocks)
    assert draw(full, now - 0.001).action is Action.BLOCKED
    assert draw(full, now).probe
    full.unblock()
    assert full.block(now, 60) == 60


def test_calls_that_were_in_flight_together_find_one_block() -> None:
    full = window()
    assert [full.block(NOW + late, 60) for late in (0, 0.25, 0.5)] == [60, 60, 60]
    draw(full, NOW + 60.5)
    assert [full.block(NOW + 61 + late, 60) for late in (0, 0.25)] == [300, 300]


def test_who_tries_waits_for_his_turn_like_everybody() -> None:
    one = window(1)
    draw(one)
    one.block(NOW, 0.5)
    tried = draw(one, NOW + 0.5)
    assert tried.action is Action.WAIT
    assert one.check(tried.slot_number, NOW + 1 + MARGIN, MARGIN).probe


@pytest.mark.parametrize(
    ("rate", "slots", "seconds"),
    [(1, 1, 1.0), (0.5, 1, 2.0), (1.9, 1, 1.0), (0.1, 1, 10.0), (7, 7, 1.0), (0.999, 1, 1 / 0.999)],
)
def test_slow_rates_are_one_call_in_a_longer_time(rate: float, slots: int, seconds: float) -> None:
    assert slots_for(rate)[0] == slots
    assert slots_for(rate)[1] == pytest.approx(seconds)
    slow = window(rate)
    for _ in range(slots):
        take(slow, NOW)
    assert take(slow, NOW) == pytest.approx(NOW + seconds + MARGIN)


def test_those_who_share_a_window_may_differ_in_their_rates() -> None:
    shared = window(7)
    assert [draw(shared).action for _ in range(5)] == [Action.GO] * 5
    shared.set_rate(2)
    assert draw(shared).action is Action.WAIT


def test_the_constants_are_those_the_manual_names() -> None:
    assert (MARGIN, LEAST_MARGIN, MOST_MARGIN, LOOK) == (0.05, 0.005, 0.1, 0.05)
    assert (OPENING, PROBE, QUEUE) == (10, 30, 1024)


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.7)), min_size=1, max_size=60),
)
def test_no_second_ever_has_more_than_the_rate(
    rate: int, callers: list[tuple[float, float]]
) -> None:
    """Whatever the gaps between callers, and however late each of them wakes."""
    shared, now, moments = window(rate), NOW, list[float]()
    for gap, late in callers:
        now += gap
        moments.append(take(shared, now, late))
    moments.sort()
    for first, last in zip(moments, moments[rate:], strict=False):
        assert last - first >= 1.0


@given(st.integers(1, 4), st.data())
def test_no_second_has_more_when_many_wait_and_wake_in_any_order(
    rate: int, data: st.DataObject
) -> None:
    shared, now, moments = window(rate), NOW, list[float]()
    waiting = {draw(shared).slot_number: NOW for _ in range(12)}
    for slot_number in [*waiting]:
        if shared.check(slot_number, NOW, MARGIN).action is Action.GO:
            pass
    moments = [NOW] * rate
    for slot_number in range(rate):
        waiting.pop(slot_number)
    if data.draw(st.booleans()):
        shared.hold(NOW + data.draw(st.floats(0, 5)))
    while waiting:
        now = max(now, min(waiting.values()))
        slot_number = min(waiting, key=lambda one: (waiting[one], one))
        late = data.draw(st.sampled_from([0.0, 0.001, 0.2, 0.6]))
        step = shared.check(slot_number, now + late, MARGIN)
        if step.action is Action.GO:
            moments.append(now + late)
            del waiting[slot_number]
        elif step.action is Action.RESERVE_AGAIN:
            del waiting[slot_number]
            step = draw(shared, now + late, 1e6)
            if step.action is Action.GO:
                moments.append(now + late)
            else:
                waiting[step.slot_number] = now + late + step.away
        else:
            waiting[slot_number] = now + late + step.away
    moments.sort()
    for first, last in zip(moments, moments[rate:], strict=False):
        assert last - first >= 1.0
