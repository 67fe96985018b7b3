"""So many requests a second as the platform allows, then 429, then 403 (reference 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from amocrm.api_limits import REQUESTS_PER_SECOND
from amocrm.sandbox import FaultPlan, ManualClock, RateLimits, Sandbox

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


def statuses(portal: Sandbox, calls: list[tuple[str, str]]) -> list[int]:
    """Call accounts by their hosts with tokens, all within one second."""
    with portal.session() as session:
        return [
            session.get(
                f"https://{host}/api/v4/account", headers={"Authorization": f"Bearer {token}"}
            ).status_code
            for host, token in calls
        ]


def test_amocrm_counts_each_account(clock: ManualClock) -> None:
    portal = Sandbox(("a", "b"), clock=clock)
    tokens = {name: portal.issue_long_lived(name) for name in ("a", "b")}
    calls = [(f"{name}.amocrm.ru", tokens[name]) for name in "ab" for _ in range(8)]
    assert statuses(portal, calls) == ([200] * 7 + [429]) * 2
    scopes = portal.rate_limiter.scopes
    client_id = portal.integration.client_id
    assert (scopes["account:a"].passed, scopes["account:a"].refused) == (7, 0)
    narrow = scopes[f"integration:{client_id}:a"]
    assert (narrow.passed, narrow.refused, narrow.busiest) == (7, 1, 8)
    assert (scopes["address"].passed, scopes["address"].busiest) == (14, 16)


def test_kommo_counts_the_address(clock: ManualClock) -> None:
    portal = Sandbox(("a.kommo.com", "b.kommo.com"), clock=clock)
    tokens = {name: portal.issue_long_lived(name) for name in ("a", "b")}
    calls = [(f"{name}.kommo.com", tokens[name]) for name in "ab" for _ in range(4)]
    assert statuses(portal, calls) == [200] * 7 + [429]
    assert portal.rate_limiter.scopes["address"].refused == 1


def test_the_integrations_of_an_account_share_its_limit(clock: ManualClock) -> None:
    portal = Sandbox(("a",), clock=clock, limits=RateLimits(2, 3))
    codes = [portal.issue_code("a", one) for one in (portal.integration, portal.add_integration())]
    tokens = [token_of(portal, code) for code in codes]
    calls = [("a.amocrm.ru", token) for token in tokens for _ in range(3)]
    assert statuses(portal, calls) == [200, 200, 429, 200, 429, 429]
    assert portal.rate_limiter.scopes["account:a"].refused == 2


def test_a_block_is_of_the_account_or_of_the_address(clock: ManualClock) -> None:
    for zone, status in (("amocrm.ru", 200), ("kommo.com", 403)):
        portal = Sandbox((f"a.{zone}", f"b.{zone}"), clock=clock)
        portal.rate_limiter.block_after = 3
        tokens = {name: portal.issue_long_lived(name) for name in ("a", "b")}
        assert statuses(portal, [(f"a.{zone}", tokens["a"])] * 12)[-2:] == [403, 403]
        assert statuses(portal, [(f"b.{zone}", tokens["b"])]) == [status]
        blocked = portal.rate_limiter.scopes["account:a" if status == 200 else "address"]
        assert blocked.blocked >= 1


def token_of(portal: Sandbox, code: str) -> str:
    """Exchange a code of any integration."""
    for one in portal._tokens.integrations.values():
        with portal.session() as session:
            answer = session.post(
                "https://a.amocrm.ru/oauth2/access_token",
                json={
                    "client_id": one.client_id, "client_secret": one.client_secret, "code": code,
                    "grant_type": "authorization_code", "redirect_uri": one.redirect_uri,
                },
            )  # fmt: skip
        if answer.status_code == 200:
            return str(answer.json()["access_token"])
    raise AssertionError("no integration has this code")


def test_the_busiest_second_is_sought_everywhere(
    portal: Sandbox, clock: ManualClock, get: Get
) -> None:
    assert portal.busiest_second() == 0
    for wait in (0.0, 0.9, 0.05, 0.05, 0.9, 5.0):
        clock.advance(wait)
        get()
    assert portal.busiest_second() == 3
