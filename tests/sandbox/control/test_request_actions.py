"""The log of requests: the second's count, the owner, one request whole and without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import FaultPlan, ManualClock, Sandbox
from amocrm.sandbox.http.masking import mask_text
from tests.sandbox.control.conftest import ORIGIN, refusal

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]
API = Callable[..., requests.Response]


def test_actions_are_in_no_log_and_count_for_no_limit(
    portal: Sandbox, get: Call, post: Call
) -> None:
    portal.faults = FaultPlan(lost_before=1.0, latency=5.0)
    before = portal.clock.monotonic()
    for _ in range(20):
        get("accounts")
        post("deliver")
    assert (portal.log, portal.rate_limiter.scopes) == ([], {})
    assert portal.clock.monotonic() == before


def test_a_request_is_listed_with_the_count_of_its_second(
    portal: Sandbox, call: API, get: Call, clock: ManualClock
) -> None:
    for _ in range(9):
        call("GET", "/account")
    clock.advance(2)
    call("GET", "/leads")
    listed = get("requests")["requests"]
    counts = [(one["in_second"], one["limit"], one["verdict"], one["status"]) for one in listed]
    assert counts[6:] == [
        (7, 7, "pass", 200),
        (8, 7, "too many", 429),
        (9, 7, "too many", 429),
        (1, 7, "pass", 200),
    ]
    last = listed[-1]
    assert last["client_id"] == portal.integration.client_id
    assert last["user_id"] == portal.account().admin.id
    assert last["size"] > 1000
    assert [one["number"] for one in get("requests", after=8)["requests"]] == [9, 10]
    assert [one["number"] for one in get("requests", limit=2)["requests"]] == [9, 10]
    assert get("requests", after=10)["requests"] == []


def test_the_account_s_own_limit_is_counted_where_it_is_nearer(portal: Sandbox) -> None:
    """Fifty of an account: eight integrations with seven requests each come to it."""
    with portal.session() as session:
        for _ in range(8):
            one = portal.add_integration()
            token = portal.issue_long_lived(integration=one)
            for _ in range(7):
                session.get(
                    f"{ORIGIN}/api/v4/account", headers={"Authorization": f"Bearer {token}"}
                )
    last = portal.log[-1]
    assert (last.verdict, last.in_second, last.limit) == ("too many", 56, 50)


def test_without_a_limit_the_second_is_counted_all_the_same(portal: Sandbox, call: API) -> None:
    portal.rate_limiter.rps = None
    for _ in range(3):
        call("GET", "/account")
    assert (portal.log[-1].in_second, portal.log[-1].limit) == (3, None)


def test_the_duration_has_the_latency(portal: Sandbox, call: API) -> None:
    portal.faults = FaultPlan(latency=0.5)
    portal.inject("latency", seconds=2.0)
    call("GET", "/account")
    assert portal.log[0].duration == pytest.approx(2.5)


def test_one_request_is_shown_whole(portal: Sandbox, call: API, get: Call) -> None:
    call("POST", "/leads", json=[{"name": "Имя", "price": 5}])
    (seen,) = portal.log
    shown = get(f"requests/{seen.number}")
    assert shown["headers"]["authorization"] == "Bearer"
    assert shown["body"] == {
        "text": '[{"name": "\\u0418\\u043c\\u044f", "price": 5}]', "size": 44, "is_whole": True,
    }  # fmt: skip
    assert '"id":' in shown["answer"]["body"]["text"]
    assert shown["answer"]["headers"]["content-type"] == "application/hal+json"


def test_no_secret_is_shown(portal: Sandbox, session: requests.Session, get: Call) -> None:
    code, one = portal.issue_code(), portal.integration
    sent = {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
    }
    grant = {"grant_type": "authorization_code", "code": code}
    pair = session.post(f"{ORIGIN}/oauth2/access_token", json={**sent, **grant}).json()
    again = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    second = session.post(f"{ORIGIN}/oauth2/access_token", data={**sent, **again}).json()
    api = {"Authorization": f"Bearer {second['access_token']}", "Cookie": f"a={code}"}
    session.post(f"{ORIGIN}/api/v4/leads", json=[{"name": second["access_token"]}], headers=api)
    session.get(f"{ORIGIN}/oauth", params={"client_id": one.client_id, "code": code})
    form = {"client_id": one.client_id, "decision": "agree"}
    session.post("https://www.amocrm.ru/oauth", data=form, allow_redirects=False)
    shown = "".join(str(get(f"requests/{one.number}")) for one in portal.log)
    tokens = [*pair.values(), *second.values()]
    secrets = [code, one.client_secret, *(text for text in tokens if len(str(text)) > 20)]
    assert len(secrets) == 6
    for secret in secrets:
        assert secret not in shown
        assert secret not in str(get("requests"))
    assert "(secret)" in shown


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"client_secret":"a\\"b","x":1}', '{"client_secret":"(secret)","x":1}'),
        ('{"refresh_token": "cut', '{"refresh_token": "(secret)"'),
        ("a=1&code=abc&b=2", "a=1&code=(secret)&b=2"),
        ("code=abc", "code=(secret)"),
        ("http://a/?code=x y", "http://a/?code=(secret) y"),
        ('{"field_code": "PHONE", "code": "EMAIL"}', '{"field_code": "PHONE", "code": "EMAIL"}'),
        ("see eyJhbGci.eyJzdWIi.c2ln end", "see (secret) end"),
        ("", ""),
    ],
)
def test_secrets_are_masked_in_any_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_what_is_kept_of_bodies_has_an_end(portal: Sandbox, call: API, get: Call) -> None:
    portal.rate_limiter.rps = None
    call("POST", "/leads", data="x" * 200_000)
    call("POST", "/leads", data=b"\x00\xff" * 10)
    first, second = (get(f"requests/{one.number}") for one in portal.log)
    assert (len(first["body"]["text"]), first["body"]["size"]) == (65536, 200_000)
    assert not first["body"]["is_whole"]
    assert second["body"]["text"] == "(20 bytes)"
    for _ in range(256):
        call("GET", "/account")
    assert len(portal.log) == 258
    assert get("requests/1")["answer"] is None
    assert get("requests/258")["answer"] is not None


def test_an_unknown_request_is_404(ask: Ask) -> None:
    for number in (1, 5, 10**17):
        line = f"number: there is no request {number}"
        assert refusal(ask("GET", f"requests/{number}")) == (404, line)
    assert refusal(ask("GET", "requests/0")) == (400, "number must be at least 1, not 0")


def test_counters_are_told(call: API, get: Call) -> None:
    call("GET", "/account")
    call("GET", "/nowhere")
    told = get("counters")
    assert (told["counters"]["requests"], told["busiest_second"]) == (2, 2)
