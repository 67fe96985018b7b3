from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.rate_limit.jitter import LEAST_MARGIN, MARGIN, MOST_MARGIN
from amocrm.rate_limit.window import LOOK, OPENING, PROBE, QUEUE, Step, What, Window, seating

NOW = 100.0


def window(rate: float = 7) -> Window:
    return Window(rate, [0.0] * Window.size(rate))


def draw(window: Window, now: float = NOW, patience: float = 60, margin: float = MARGIN) -> Step:
    return window.reserve(now, patience, margin)


def take(window: Window, now: float, late: float = 0.0, margin: float = MARGIN) -> float:
    """Wait for a turn, waking late each time; return the moment it was taken."""
    step = draw(window, now, 1e6, margin)
    while step.what is not What.GO:
        now += step.away + late
        step = window.check(step.ticket, now, margin)
        if step.what is What.DRAW_AGAIN:
            step = draw(window, now, 1e6, margin)
    return now


def test_seven_leave_at_once_and_the_eighth_when_the_first_is_surely_a_second_old() -> None:
    full = window()
    assert [draw(full) for _ in range(7)] == [Step(What.GO, 0.0, ticket) for ticket in range(7)]
    eighth = draw(full)
    assert (eighth.what, eighth.ticket) == (What.WAIT, 7)
    # It looks early, because the answers may have come by then ...
    assert eighth.away == pytest.approx(1 + LEAST_MARGIN)
    # ... and goes when they have not.
    assert full.check(7, NOW + 1 + MARGIN - 0.001, MARGIN).what is What.WAIT
    assert full.check(7, NOW + 1 + MARGIN, MARGIN).what is What.GO


def test_an_answer_tells_how_late_a_call_was_and_frees_its_seat() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.settle(0, 0.02)
    assert one.check(waiting.ticket, NOW + 1.019, MARGIN).what is What.WAIT
    assert one.check(waiting.ticket, NOW + 1.02, MARGIN).what is What.GO


def test_a_call_over_a_new_connection_keeps_its_seat_until_its_answer_comes() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.opening(0, NOW)
    assert one.check(waiting.ticket, NOW + 1.3, MARGIN).away == pytest.approx(LOOK)
    one.settle(0, 0.75)
    assert one.check(waiting.ticket, NOW + 1.3 + LOOK, MARGIN).what is What.WAIT
    assert one.check(waiting.ticket, NOW + 1.75, MARGIN).what is What.GO


def test_a_new_connection_that_never_answers_frees_its_seat_in_the_end() -> None:
    one = window(1)
    draw(one)
    one.opening(0, NOW)
    assert take(one, NOW + 1) == pytest.approx(NOW + OPENING, abs=LOOK)


def test_an_idle_window_is_free() -> None:
    full = window()
    for _ in range(7):
        draw(full)
    assert draw(full, NOW + 1 + MARGIN).what is What.GO


def test_a_turn_counts_from_the_moment_it_was_taken() -> None:
    one = window(1)
    draw(one)
    second, third = draw(one), draw(one)
    assert one.check(second.ticket, NOW + 1.4, MARGIN).what is What.GO
    assert one.check(third.ticket, NOW + 2.3, MARGIN).away == pytest.approx(0.105)
    assert one.check(third.ticket, NOW + 2.44, MARGIN).what is What.WAIT
    assert one.check(third.ticket, NOW + 2.45, MARGIN).what is What.GO


@pytest.mark.parametrize("late", [MARGIN, 0.9, 50.0])
def test_who_wakes_late_leaves_all_the_same(late: float) -> None:
    one = window(1)
    draw(one)
    away = draw(one).away
    assert one.check(1, NOW + away + late, MARGIN).what is What.GO


@pytest.mark.parametrize(("late", "what"), [(1.0, What.GO), (1.01, What.DRAW_AGAIN)])
def test_who_wakes_when_the_next_one_may_have_left_draws_again(late: float, what: What) -> None:
    one = window(1)
    draw(one)
    away = draw(one).away
    draw(one)
    assert one.check(1, NOW + away + late, MARGIN).what is what


def test_a_turn_nobody_took_stops_nobody() -> None:
    one = window(1)
    draw(one)
    plan = NOW + draw(one).away
    third = draw(one)
    # Its owner was killed: who sits there next goes at its own time.
    assert one.check(third.ticket, plan + 1 + LEAST_MARGIN, MARGIN).what is What.GO


def test_a_pause_reaches_those_who_already_have_a_turn() -> None:
    full = window()
    for _ in range(7):
        draw(full)
    waiting = draw(full)
    full.hold(NOW + 30)
    step = full.check(waiting.ticket, NOW + waiting.away, MARGIN)
    assert (step.what, step.held) == (What.WAIT, True)
    assert step.away == pytest.approx(30 - waiting.away)
    full.hold(NOW + 5)
    assert full.check(waiting.ticket, NOW + 29.999, MARGIN).what is What.WAIT
    assert full.check(waiting.ticket, NOW + 30, MARGIN).what is What.GO


def test_after_a_pause_they_do_not_all_leave_at_once() -> None:
    two = window(2)
    draw(two)
    draw(two)
    waiting = [draw(two) for _ in range(6)]
    two.hold(NOW + 30)
    for step in waiting:
        two.check(step.ticket, NOW + step.away, MARGIN)
    gone = [two.check(step.ticket, NOW + 30, MARGIN).what for step in waiting]
    assert gone == [What.GO] * 2 + [What.WAIT] * 4
    gone = [two.check(step.ticket, NOW + 31 + MARGIN, MARGIN).what for step in waiting[2:]]
    assert gone == [What.GO] * 2 + [What.WAIT] * 2


def test_a_turn_beyond_patience_is_not_drawn() -> None:
    one = window(1)
    draw(one)
    away = 1 + LEAST_MARGIN
    refused = draw(one, patience=away - 0.001)
    assert refused.what is What.TOO_FAR
    assert refused.away == pytest.approx(away)
    assert draw(one, patience=away).what is What.WAIT


def test_the_queue_has_an_end() -> None:
    one = window(1)
    assert [draw(one, patience=1e6).what for _ in range(QUEUE)][-1] is What.WAIT
    assert draw(one, patience=1e6).what is What.TOO_FAR
    assert draw(one, NOW + 3, patience=1e6).what is What.WAIT


def test_what_is_long_past_is_not_settled() -> None:
    one = window(1)
    for turn in range(QUEUE + 5):
        take(one, NOW + 10 * turn)
    last = NOW + 10 * (QUEUE + 4)
    one.settle(3, 500.0)
    one.opening(3, 1e9)
    assert draw(one, last + 1 + MARGIN).what is What.GO


def test_a_block_refuses_everybody_at_once() -> None:
    one = window(1)
    draw(one)
    waiting = draw(one)
    one.block(NOW + 60)
    assert draw(one) == Step(What.BLOCKED, 60.0)
    assert one.check(waiting.ticket, NOW + 1.1, MARGIN).what is What.BLOCKED
    assert draw(one, NOW + 59.999).what is What.BLOCKED


def test_after_a_block_one_call_tries_for_all() -> None:
    full = window()
    full.block(NOW + 60)
    tried = draw(full, NOW + 60)
    assert tried == Step(What.GO, 0.0, 0, probe=True)
    assert draw(full, NOW + 60) == Step(What.BLOCKED, PROBE)
    full.unblock()
    assert draw(full, NOW + 60) == Step(What.GO, 0.0, 1)


def test_a_try_that_is_refused_blocks_again_and_one_that_is_lost_is_followed_by_another() -> None:
    full = window()
    full.block(NOW + 60)
    draw(full, NOW + 60)
    full.block(NOW + 120)
    assert draw(full, NOW + 119).what is What.BLOCKED
    assert draw(full, NOW + 120).probe
    assert draw(full, NOW + 120 + PROBE - 0.001).what is What.BLOCKED
    assert draw(full, NOW + 120 + PROBE).probe


def test_who_tries_waits_for_his_turn_like_everybody() -> None:
    one = window(1)
    draw(one)
    one.block(NOW + 0.5)
    tried = draw(one, NOW + 0.5)
    assert tried.what is What.WAIT
    assert one.check(tried.ticket, NOW + 1 + MARGIN, MARGIN).probe


@pytest.mark.parametrize(
    ("rate", "seats", "seconds"),
    [(1, 1, 1.0), (0.5, 1, 2.0), (1.9, 1, 1.0), (0.1, 1, 10.0), (7, 7, 1.0), (0.999, 1, 1 / 0.999)],
)
def test_slow_rates_are_one_call_in_a_longer_time(rate: float, seats: int, seconds: float) -> None:
    assert seating(rate)[0] == seats
    assert seating(rate)[1] == pytest.approx(seconds)
    slow = window(rate)
    for _ in range(seats):
        take(slow, NOW)
    assert take(slow, NOW) == pytest.approx(NOW + seconds + MARGIN)


def test_those_who_share_a_row_may_differ_in_their_rates() -> None:
    row = [0.0] * Window.size(1000)
    fast, slow = Window(7, row), Window(2, row)
    assert [draw(fast).what for _ in range(5)] == [What.GO] * 5
    assert draw(slow).what is What.WAIT


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
    waiting = {draw(shared).ticket: NOW for _ in range(12)}
    for ticket in [*waiting]:
        if shared.check(ticket, NOW, MARGIN).what is What.GO:
            pass
    moments = [NOW] * rate
    for ticket in range(rate):
        waiting.pop(ticket)
    if data.draw(st.booleans()):
        shared.hold(NOW + data.draw(st.floats(0, 5)))
    while waiting:
        now = max(now, min(waiting.values()))
        ticket = min(waiting, key=lambda one: (waiting[one], one))
        late = data.draw(st.sampled_from([0.0, 0.001, 0.2, 0.6]))
        step = shared.check(ticket, now + late, MARGIN)
        if step.what is What.GO:
            moments.append(now + late)
            del waiting[ticket]
        elif step.what is What.DRAW_AGAIN:
            del waiting[ticket]
            step = draw(shared, now + late, 1e6)
            if step.what is What.GO:
                moments.append(now + late)
            else:
                waiting[step.ticket] = now + late + step.away
        else:
            waiting[ticket] = now + late + step.away
    moments.sort()
    for first, last in zip(moments, moments[rate:], strict=False):
        assert last - first >= 1.0
