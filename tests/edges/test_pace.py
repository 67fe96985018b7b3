from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, ForbiddenError, RateLimitedError, ThreadPace
from amocrm.clock import SystemClock
from amocrm.core.policy import BLOCK_PAUSE
from amocrm.line import QUEUE_PATIENCE
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make


def test_seven_at_once_and_then_a_pause(clock: ManualClock) -> None:
    pace = ThreadPace()
    moments = []
    for _ in range(8):
        assert pace.wait(clock, 60) == 0.0
        moments.append(clock.monotonic())
    assert moments == pytest.approx([0.0] * 7 + [1.05])


def test_two_clients_share_one_pace(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    pace = ThreadPace()
    one, two = (make({"access_token": sandbox.issue_long_lived()}, pace=pace) for _ in range(2))
    for _ in range(10):
        one.request.get("/api/v4/account")
        two.request.get("/api/v4/account")
    assert sandbox.busiest_second() == 7
    assert clock.monotonic() == pytest.approx(2.1)


def test_without_a_pace_the_portal_has_to_say_no(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, pace=None)
    for _ in range(8):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["429"] == 1


def test_an_own_rate(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, pace=2)
    for _ in range(3):
        crm.request.get("/api/v4/account")
    assert clock.monotonic() == pytest.approx(1.05)


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan"), True, "7"])
def test_a_rate_is_a_number_of_calls_per_second(rate: Any) -> None:
    with pytest.raises(ConfigurationError, match="calls per second"):
        ThreadPace(rate)


@pytest.mark.parametrize("rate", [0.001, 1000])
def test_rates_on_the_border_are_rates(rate: float, clock: ManualClock) -> None:
    assert ThreadPace(rate).wait(clock, 0) == 0.0


def test_a_turn_beyond_patience_is_not_taken(clock: ManualClock) -> None:
    pace = ThreadPace(1)
    assert pace.wait(clock, 0) == 0.0
    assert pace.wait(clock, 1.04) == pytest.approx(1.05)
    assert clock.monotonic() == 0.0
    assert pace.wait(clock, 1.05) == 0.0


def test_a_pause_is_for_all_who_share_the_pace(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.strike("too_many", path="/api/", retry_after=QUEUE_PATIENCE + 1)
    with pytest.raises(RateLimitedError) as refusal:
        crm.request.get("/api/v4/account")
    assert refusal.value.retry_after == QUEUE_PATIENCE + 1
    calls = len(sandbox.log)
    with pytest.raises(RateLimitedError, match="was not sent: its turn is 121 s away"):
        crm.request.get("/api/v4/account")
    assert len(sandbox.log) == calls
    clock.advance(1)
    assert crm.request.get("/api/v4/account").info.status_code == 200


def test_a_short_pause_is_waited_out(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.strike("too_many", "POST", "/api/", retry_after=20)
    assert crm.request.post("/api/v4/leads", [{"name": "x"}]).info.status_code == 200
    assert clock.monotonic() == pytest.approx(20)
    assert len(sandbox.leads()) == 1


def test_a_block_of_the_address_pauses_all_calls(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.strike("forbidden", path="/api/")
    with pytest.raises(ForbiddenError, match="slow down"):
        crm.request.get("/api/v4/account")
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert clock.monotonic() == pytest.approx(BLOCK_PAUSE)


def test_a_turn_whose_owner_was_interrupted_stops_nobody(clock: ManualClock) -> None:
    class Interrupted(ManualClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    pace = ThreadPace(1)
    impatient = Interrupted()
    assert pace.wait(impatient, 9) == 0.0
    with pytest.raises(KeyboardInterrupt):
        pace.wait(impatient, 9)
    assert pace.wait(clock, 9) == 0.0


def test_threads_never_exceed_the_rate_on_the_real_clock() -> None:
    pace, clock = ThreadPace(7), SystemClock()
    gate, moments = threading.Barrier(15), []

    def work(_: int) -> None:
        gate.wait()
        assert pace.wait(clock, 60) == 0.0
        moments.append(clock.monotonic())

    with ThreadPoolExecutor(15) as pool:
        list(pool.map(work, range(15)))
    moments.sort()
    assert all(last - first >= 1.0 for first, last in zip(moments, moments[7:], strict=False))


def test_the_facade_s_pace_is_the_documented_limit(
    sandbox: Sandbox, make: Make, clock: ManualClock
) -> None:
    crm: AmoCRM = make({"access_token": sandbox.issue_long_lived()})
    for _ in range(8):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["429"] == 0
    assert clock.monotonic() == pytest.approx(1.05)
