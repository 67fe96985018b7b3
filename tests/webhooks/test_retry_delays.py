from __future__ import annotations

import pytest

from amocrm import BlockedError, RateLimitedError, ServerError
from amocrm.webhooks.worker.retry_delays import DELAYS, OUTAGE, event_delay, outage_delay


@pytest.mark.parametrize(
    ("failures", "chance", "delay"),
    [
        (1, 0.5, 10), (1, 0.0, 8), (1, 1.0, 12), (2, 0.5, 30), (3, 0.5, 120), (9, 0.5, 43_200),
        (10, 0.5, 86_400), (11, 0.5, 86_400), (1_000, 1.0, 103_680),
    ],
)  # fmt: skip
def test_an_event_waits_longer_after_each_failure(
    failures: int, chance: float, delay: float
) -> None:
    assert event_delay(failures, chance) == pytest.approx(delay)


@pytest.mark.parametrize(
    ("failures", "chance", "delay"),
    [(1, 0.5, 0.1), (2, 0.5, 0.3), (5, 0.5, 10.0), (500, 0.0, 8.0), (500, 1.0, 12.0)],
)
def test_an_inbox_is_tried_again_soon(failures: int, chance: float, delay: float) -> None:
    assert outage_delay(failures, chance) == pytest.approx(delay)


def test_delays_grow_and_ten_attempts_take_about_a_day() -> None:
    assert sorted(DELAYS) == list(DELAYS)
    assert sorted(OUTAGE) == list(OUTAGE)
    assert 20 * 3_600 < sum(DELAYS[:9]) < 26 * 3_600


def test_what_the_server_says_is_waited_for() -> None:
    place = {"method": "GET", "path": "/", "status": 429}
    limited = RateLimitedError("slow down", **place)  # type: ignore[arg-type]
    limited.retry_after = 300
    assert event_delay(1, 0.0, limited) == 300
    assert event_delay(1, 1.0, limited) == pytest.approx(360)
    blocked = BlockedError("blocked", **place)  # type: ignore[arg-type]
    blocked.retry_after = 1
    assert event_delay(1, 0.5, blocked) == pytest.approx(10)
    assert event_delay(1, 0.5, ServerError("down", **place)) == 10  # type: ignore[arg-type]
