from __future__ import annotations

import math
import random

import pytest

from amocrm.rate_limit.jitter import (
    DOUBT,
    LEAST_MARGIN,
    MARGIN,
    MEMORY,
    MOST_MARGIN,
    SAVINGS,
    Jitter,
)

LESSONS = 53
"""Answers after which nothing is left of the doubt."""


def taught(*took: float) -> Jitter:
    jitter = Jitter()
    for one in took:
        jitter.learn(one)
    return jitter


def test_the_margin_shrinks_from_the_assumed_one_with_each_response() -> None:
    jitter = Jitter()
    assert jitter.margin == MARGIN
    margins = [jitter.learn(0.25) for _ in range(LESSONS)]
    assert margins[:5] == pytest.approx([MARGIN] * 5)
    assert margins[5] == pytest.approx(DOUBT / 6)
    assert margins[51] == pytest.approx(DOUBT / 52)
    assert margins[52] == LEAST_MARGIN
    assert jitter.margin == 2 * LEAST_MARGIN


@pytest.mark.parametrize(
    ("took", "margin"),
    [
        (0.25, LEAST_MARGIN),
        (0.26, 0.015),
        (0.295, MARGIN),
        (0.7, 0.455),
        (9.0, SAVINGS + MARGIN),
        (0.2, LEAST_MARGIN),
    ],
)
def test_the_margin_is_the_excess_over_the_quickest_call(took: float, margin: float) -> None:
    jitter = taught(*[0.25] * 2 * LESSONS)
    assert jitter.learn(took) == pytest.approx(margin)


def test_the_average_margin_is_bounded() -> None:
    jitter = taught(*[0.25] * 2 * LESSONS)
    heavy = [jitter.learn(0.75) for _ in range(200)]
    assert heavy[:2] == pytest.approx([0.505, 0.095])
    assert heavy[2:] == pytest.approx([MARGIN] * 198)
    assert sum(heavy) <= SAVINGS + MARGIN * 200 + 1e-9


def test_the_margin_without_a_response_is_that_of_the_slowest_call() -> None:
    assert taught(*[0.25] * LESSONS, 0.27).margin == pytest.approx(0.02 + 2 * LEAST_MARGIN)
    assert taught(*[0.25] * 14).margin == pytest.approx(2 * DOUBT / 14)
    assert taught(*[0.25] * 10).margin == MARGIN
    assert taught(*[0.25] * LESSONS, 9.0).margin == MARGIN


def test_an_old_quickest_call_is_dropped() -> None:
    jitter = taught(*[0.1] * LESSONS)
    far = [jitter.learn(0.2) for _ in range(3 * MEMORY)]
    assert far[MEMORY] == pytest.approx(MARGIN)
    assert far[2 * MEMORY] == far[-1] == LEAST_MARGIN
    assert jitter.margin == 2 * LEAST_MARGIN


def test_after_a_429_the_margin_is_the_largest() -> None:
    jitter = taught(*[0.25] * LESSONS)
    jitter.refused()
    assert jitter.margin == MOST_MARGIN
    assert [jitter.learn(0.25) for _ in range(MEMORY)] == [MOST_MARGIN] * MEMORY
    assert jitter.margin == 2 * LEAST_MARGIN
    assert jitter.learn(0.25) == LEAST_MARGIN


def test_the_margin_of_a_new_connection_is_its_time_less_that_of_the_quickest_call() -> None:
    assert Jitter().fresh(0.75) == pytest.approx(0.75 + LEAST_MARGIN)
    assert taught(0.25).fresh(0.75) == pytest.approx(0.5 + MARGIN + LEAST_MARGIN)
    assert taught(0.02).fresh(0.75) == pytest.approx(0.75 + LEAST_MARGIN)
    assert taught(*[0.25] * LESSONS).fresh(0.75) == pytest.approx(0.5 + 2 * LEAST_MARGIN)
    assert taught(*[0.25] * LESSONS).fresh(0.1) == pytest.approx(LEAST_MARGIN)
    distrusting = taught(*[0.25] * LESSONS)
    distrusting.refused()
    assert distrusting.fresh(0.75) == pytest.approx(0.505 + MOST_MARGIN)


def test_the_margin_of_the_first_call_after_a_handshake_is_its_excess() -> None:
    assert Jitter().opened(0.75) == MARGIN
    assert taught(*[0.25] * LESSONS).opened(0.75) == pytest.approx(0.5 + LEAST_MARGIN)
    assert taught(*[0.25] * LESSONS).opened(0.25) == LEAST_MARGIN
    assert taught(*[0.25] * LESSONS).opened(0.2) == LEAST_MARGIN
    distrusting = taught(*[0.25] * LESSONS)
    distrusting.refused()
    assert distrusting.opened(0.75) == pytest.approx(0.5 + MOST_MARGIN)


def test_the_first_call_of_a_connection_teaches_as_much_as_any_other() -> None:
    newcomers = Jitter()
    margins = [newcomers.opened(0.25) for _ in range(LESSONS)]
    assert margins[4:6] == pytest.approx([MARGIN, DOUBT / 6])
    assert margins[-1] == LEAST_MARGIN
    assert newcomers.margin == 2 * LEAST_MARGIN
    newcomers.opened(0.27)
    assert newcomers.margin == pytest.approx(0.02 + 2 * LEAST_MARGIN)
    newcomers.opened(0.2)
    assert newcomers.learn(0.24) == pytest.approx(0.04 + LEAST_MARGIN)


@pytest.mark.parametrize("seed", range(5))
def test_margins_are_never_smaller_than_the_real_delays(seed: int) -> None:
    dice = random.Random(seed)
    jitter = Jitter()
    for call in range(3000):
        # Now and then one is really held up, once there was time to save for it.
        late = 0.3 if call % 200 == 199 else dice.uniform(0, 0.045)
        # But for what is left of the doubt: two milliseconds, in a case of two hundred.
        assert jitter.learn(0.25 + late) >= late - 0.002


def test_the_doubt_is_that_of_calls_spread_over_the_margin() -> None:
    assert pytest.approx(MARGIN * math.log(200), abs=1e-4) == DOUBT


def test_a_call_that_is_delayed_by_half_a_second_gets_all_of_it_but_a_slow_page_no_more() -> None:
    late = taught(*[0.25] * 2 * LESSONS)
    assert late.learn(0.25 + 0.5) >= 0.5
    slow = taught(*[0.25] * 2 * LESSONS)
    assert slow.learn(0.25 + 3.0) <= 0.6


def test_a_slower_route_is_relearnt_within_six_hundred_answers() -> None:
    jitter = taught(*[0.1] * 300)
    margins = [jitter.learn(0.2) for _ in range(600)]
    assert margins[-1] == LEAST_MARGIN
