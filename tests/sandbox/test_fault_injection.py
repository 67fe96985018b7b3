"""Weather and strikes, as an ordinary `requests` session feels them."""

from __future__ import annotations

from collections.abc import Callable
from http.client import RemoteDisconnected
from typing import Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from amocrm.sandbox import FaultPlan, ManualClock, Sandbox

Call = Callable[..., requests.Response]
Grant = Callable[..., requests.Response]


def create(call: Call, **options: Any) -> requests.Response:
    return call("POST", "/leads", json=[{"name": "x"}], **options)


@pytest.mark.parametrize(("fault", "made"), [("lost_before", 0), ("lost_after", 1)])
def test_a_lost_answer_is_a_cut_connection(
    portal: Sandbox, call: Call, fault: str, made: int
) -> None:
    portal.inject(fault)
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        create(call)
    (error,) = caught.value.args
    assert isinstance(error, ProtocolError)
    assert isinstance(error.args[1], RemoteDisconnected)
    assert caught.value.request is not None
    assert len(portal.leads()) == made
    assert (portal.counters["lost"], portal.log[-1].fault) == (1, fault)
    assert portal.log[-1].status == (200 if made else 0)


def test_a_lost_refresh_has_rotated_the_token(portal: Sandbox, grant: Grant) -> None:
    token = grant(code=portal.issue_code()).json()["refresh_token"]
    portal.inject("lost_before", path="/oauth2/access_token")
    with pytest.raises(requests.exceptions.ConnectionError):
        grant(refresh_token=token)
    portal.inject("lost_after", path="/oauth2/access_token")
    with pytest.raises(requests.exceptions.ConnectionError):
        grant(refresh_token=token)
    assert grant(refresh_token=token).json()["hint"] == "Token has been revoked"


def test_half_a_body_fails_when_it_is_read(portal: Sandbox, call: Call) -> None:
    portal.inject("half_body", times=3)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        create(call)
    answer = create(call, stream=True)
    assert answer.status_code == 200
    with pytest.raises(ProtocolError):
        answer.raw.read()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        call("GET", "/leads/1")  # even a 204 becomes a body that breaks
    assert len(portal.leads()) == 2


@pytest.mark.parametrize(
    ("fault", "options", "status", "kind", "made"),
    [
        ("server_error", {}, 502, "text/html; charset=utf-8", 0),
        ("server_error", {"status": 504}, 504, "text/html; charset=utf-8", 0),
        ("server_error", {"status": 520}, 520, "text/html; charset=utf-8", 0),
        ("server_error", {"effect": True}, 502, "text/html; charset=utf-8", 1),
        ("server_error", {"status": 500}, 500, "application/problem+json", 0),
        ("too_many", {}, 429, "application/problem+json", 0),
        ("too_many", {"text": True}, 429, "text/plain", 0),
        ("html", {}, 200, "text/html", 0),
        ("html", {"status": 403}, 403, "text/html", 0),
        ("empty", {}, 200, "application/hal+json", 1),
        ("wrong_type", {}, 200, "text/plain", 1),
        ("broken_json", {}, 200, "application/hal+json", 1),
        ("forbidden", {}, 403, "text/html; charset=utf-8", 0),
        ("redirect", {"location": "https://evil.example/"}, 302, "text/html", 0),
        ("latency", {"seconds": 3}, 200, "application/hal+json", 1),
        ("huge", {"size": 1000}, 200, "application/hal+json", 1),
        ("trickle", {"pad": 3}, 200, "application/hal+json", 1),
    ],
)
def test_a_fate_shapes_the_answer(
    portal: Sandbox,
    call: Call,
    fault: str,
    options: dict[str, Any],
    status: int,
    kind: str,
    made: int,
) -> None:
    portal.inject(fault, **options)
    answer = create(call, allow_redirects=False)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    assert len(portal.leads()) == made
    assert create(call).status_code == 200


def test_bodies_that_are_no_json(portal: Sandbox, call: Call) -> None:
    for fault in ("empty", "wrong_type", "broken_json", "html"):
        portal.inject(fault)
        with pytest.raises(requests.exceptions.JSONDecodeError):
            create(call).json()
    portal.inject("html")
    assert "Подтвердите" in create(call).content.decode("utf-8")
    portal.inject("broken_json")
    assert call("GET", "/leads/1").status_code == 200  # a 204 has nothing to break


def test_a_server_error_has_a_trace_and_no_type(portal: Sandbox, call: Call) -> None:
    portal.inject("server_error", status=500)
    body = call("GET", "/account").json()
    assert (body["title"], "trace_id" in body, "type" in body) == ("ErrInternalServer", True, False)


def test_a_pause_is_hinted_in_body_or_header(portal: Sandbox, call: Call) -> None:
    portal.inject("too_many", retry_after=300)
    assert call("GET", "/account").json()["retry_after"] == 300
    portal.inject("too_many", header="7")
    answer = call("GET", "/account")
    assert answer.headers["Retry-After"] == "7"
    assert "retry_after" not in answer.json()


def test_a_redirect_is_followed_by_those_who_follow(portal: Sandbox, call: Call) -> None:
    portal.inject("redirect", location="https://example.amocrm.ru/api/v4/leads")
    answer = call("GET", "/account")
    assert [one.status_code for one in answer.history] == [302]
    assert answer.url == "https://example.amocrm.ru/api/v4/leads"


def test_latency_passes_on_the_clock(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    portal.inject("latency", seconds=3)
    before = clock.monotonic()
    call("GET", "/account", timeout=(1, 3))
    assert clock.monotonic() - before == 3


@pytest.mark.parametrize("timeout", [2.5, (10, 2.5)])
def test_an_answer_later_than_the_timeout_is_a_read_timeout(
    portal: Sandbox, clock: ManualClock, call: Call, timeout: Any
) -> None:
    portal.inject("latency", seconds=3)
    before = clock.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout, match="timed out"):
        create(call, timeout=timeout)
    assert clock.monotonic() - before == 2.5
    assert len(portal.leads()) == 1


def test_a_trickle_takes_a_byte_at_a_time(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    portal.inject("trickle", seconds=2, pad=10)
    answer = call("GET", "/account", stream=True, timeout=5)
    before = clock.monotonic()
    assert answer.raw.read1(100) == b" "
    assert clock.monotonic() - before == 2
    assert answer.raw.read(20).strip().startswith(b'{"id')
    assert clock.monotonic() - before == 42
    answer.close()


def test_a_trickle_slower_than_the_timeout_breaks_off(portal: Sandbox, call: Call) -> None:
    portal.inject("trickle", seconds=6)
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        call("GET", "/account", timeout=5)


def test_a_huge_body_is_made_as_it_is_read(portal: Sandbox, call: Call) -> None:
    portal.inject("huge", size=10**12)
    answer = call("GET", "/account", stream=True)
    assert answer.headers["Content-Length"] == str(10**12)
    assert answer.raw.read(10) == b" " * 10
    answer.close()
    portal.inject("huge", size=200_000)
    assert len(call("GET", "/account").content) == 200_000


def test_a_strike_picks_method_path_and_number(portal: Sandbox, call: Call) -> None:
    portal.inject("server_error", method="post", path="/api/v4/leads", times=2)
    portal.inject("forbidden", path="/api/v4/*/custom_fields")
    assert call("GET", "/leads").status_code == 204
    assert call("POST", "/contacts", json=[{}]).status_code == 200
    assert [create(call).status_code for _ in range(3)] == [502, 502, 200]
    assert [call("GET", "/leads/custom_fields").status_code for _ in range(2)] == [403, 200]


def test_a_fault_may_pick_heavy_writes_only(portal: Sandbox, call: Call) -> None:
    portal.inject("server_error", method="POST", times=2, more_than=2, status=504)
    sizes = (1, 3, 2, 3, 3)
    answers = [call("POST", "/leads", json=[{"name": "x"}] * size).status_code for size in sizes]
    assert answers == [200, 504, 200, 504, 200]
    portal.inject("server_error", more_than=1)
    assert call("GET", "/leads").status_code == 200
    assert call("PATCH", "/leads/1", json={"price": 1}).status_code == 404


def test_strikes_come_in_the_order_they_were_called(portal: Sandbox, call: Call) -> None:
    portal.inject("server_error", status=503)
    portal.inject("server_error", status=504)
    assert [call("GET", "/account").status_code for _ in range(3)] == [503, 504, 200]


@pytest.mark.parametrize(
    ("fault", "options"), [("rain", {}), ("lost_after", {"status": 1}), ("html", {"size": 1})]
)
def test_an_unknown_fault_or_option_is_an_error(
    portal: Sandbox, fault: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"no fault is named|takes no option"):
        portal.inject(fault, **options)


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (FaultPlan(server_error=1), 502),
        (FaultPlan(too_many=1, retry_after=5), 429),
        (FaultPlan(html=1), 200),
        (FaultPlan(trickle=1), 200),
    ],
)
def test_certain_weather(portal: Sandbox, call: Call, faults: FaultPlan, status: int) -> None:
    portal.faults = faults
    assert call("GET", "/account").status_code == status
    assert portal.log[-1].fault != ""


@pytest.mark.parametrize("name", ["lost_before", "lost_after", "half_body"])
def test_certain_losses(portal: Sandbox, call: Call, name: str) -> None:
    portal.faults = FaultPlan(**{name: 1})
    with pytest.raises(requests.exceptions.RequestException):
        call("GET", "/account")


def test_weather_spares_the_consent_page(portal: Sandbox, session: requests.Session) -> None:
    portal.faults = FaultPlan(lost_before=1)
    assert session.get("https://www.amocrm.ru/oauth").status_code == 400


def fates_drawn(seed: int) -> list[str]:
    faults = FaultPlan(server_error=0.3, too_many=0.2, html=0.1)
    portal = Sandbox(clock=ManualClock(), rps=None, seed=seed, faults=faults)
    with portal.session() as session:
        for _ in range(200):
            session.get("https://example.amocrm.ru/api/v4/account")
    return [one.fault for one in portal.log]


def test_the_same_seed_draws_the_same_weather() -> None:
    first = fates_drawn(1)
    assert first == fates_drawn(1)
    assert first != fates_drawn(2)
    assert 40 < first.count("server_error") < 80
    assert 60 < first.count("") < 100


def test_latency_and_jitter_lie_on_the_way(clock: ManualClock) -> None:
    faults = FaultPlan(latency=0.2, jitter=0.1)
    portal = Sandbox(clock=clock, rps=None, faults=faults)
    ways: list[float] = []
    with portal.session() as session:
        for _ in range(50):
            before = clock.monotonic()
            session.get("https://example.amocrm.ru/api/v4/account")
            ways.append(portal.log[-1].at - before)
            assert clock.monotonic() - before == pytest.approx(ways[-1] + 0.1)
    assert 0.1 <= min(ways) < max(ways) <= 0.2
