"""Seven requests a second, then 429, then 403 (reference 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.sandbox import FaultPlan, ManualClock, Sandbox

Get = Callable[[], requests.Response]


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock)


@pytest.fixture
def get(portal: Sandbox) -> Iterator[Get]:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.session() as session:
        yield lambda: session.get("https://example.amocrm.ru/api/v4/account", headers=headers)


def test_the_eighth_request_of_a_second_is_one_too_many(portal: Sandbox, get: Get) -> None:
    statuses = [get().status_code for _ in range(REQUESTS_PER_SECOND + 1)]
    assert statuses == [200] * REQUESTS_PER_SECOND + [429]
    assert portal.counters["429"] == 1
    assert portal.busiest_second() == REQUESTS_PER_SECOND + 1


def test_the_refusal_is_worded_as_documented(portal: Sandbox, get: Get) -> None:
    for _ in range(REQUESTS_PER_SECOND):
        get()
    assert get().json() == {
        "title": "Too Many Requests",
        "type": "https://httpstatus.es/429",
        "status": 429,
        "detail": "You have sent too many requests in a given amount of time. "
        "Please try again later.",
    }
    portal.faults = FaultPlan(retry_after=300)
    assert get().json()["retry_after"] == 300


@pytest.mark.parametrize(("wait", "status"), [(0.999, 429), (1.0, 200)])
def test_the_second_slides(clock: ManualClock, get: Get, wait: float, status: int) -> None:
    for _ in range(REQUESTS_PER_SECOND):
        get()
    clock.advance(wait)
    assert get().status_code == status


def test_evenly_spaced_calls_pass_although_floats_add_up_badly(
    clock: ManualClock, get: Get
) -> None:
    for _ in range(100):
        assert get().status_code == 200
        clock.advance(1 / REQUESTS_PER_SECOND)


def test_only_as_many_pass_as_have_left_the_second(clock: ManualClock, get: Get) -> None:
    for _ in range(3):
        get()
    clock.advance(0.5)
    for _ in range(4):
        get()
    clock.advance(0.5)
    assert [get().status_code for _ in range(4)] == [200, 200, 200, 429]


def test_going_on_is_blocked_for_every_path(portal: Sandbox, clock: ManualClock, get: Get) -> None:
    answers = [get() for _ in range(REQUESTS_PER_SECOND + portal.rate_limiter.block_after)]
    assert answers[-1].status_code == 429
    blocked = get()
    assert (blocked.status_code, blocked.headers["Content-Type"].split(";")[0]) == (
        403,
        "text/html",
    )
    assert "Доступ" in blocked.content.decode()
    clock.advance(portal.rate_limiter.block_seconds - 1)
    assert get().status_code == 403
    clock.advance(1)
    assert get().status_code == 200
    assert portal.counters["403"] == 2


def test_refusals_far_apart_do_not_add_up(portal: Sandbox, clock: ManualClock, get: Get) -> None:
    statuses: set[int] = set()
    for _ in range(portal.rate_limiter.block_after):
        statuses |= {get().status_code for _ in range(REQUESTS_PER_SECOND + 2)}
        clock.advance(10)
    assert statuses == {200, 429}


def test_only_api_requests_count(portal: Sandbox, get: Get) -> None:
    with portal.session() as session:
        for _ in range(20):
            session.get("https://api-b.amocrm.ru/oauth2/account/current/subdomain")
            session.post("https://example.amocrm.ru/oauth2/access_token", json={})
    assert get().status_code == 200
    assert portal.busiest_second() == 1


def test_without_a_pace_everything_passes(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock, rps=None)
    with portal.session() as session:
        url = "https://example.amocrm.ru/api/v4/account"
        statuses = {session.get(url).status_code for _ in range(100)}
    assert statuses == {401}
    assert portal.busiest_second() == 100


def test_the_busiest_second_is_sought_everywhere(
    portal: Sandbox, clock: ManualClock, get: Get
) -> None:
    assert portal.busiest_second() == 0
    for wait in (0.0, 0.9, 0.05, 0.05, 0.9, 5.0):
        clock.advance(wait)
        get()
    assert portal.busiest_second() == 3
