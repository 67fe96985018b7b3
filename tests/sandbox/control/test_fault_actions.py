"""Illness from outside of Python: switches, certain faults, the rate limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import FaultPlan, HookFaultPlan, Sandbox
from tests.sandbox.control.conftest import refusal

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]
API = Callable[..., requests.Response]


def test_a_storm_begins_and_ends(portal: Sandbox, call: API, post: Call, get: Call) -> None:
    shown = post("faults", too_many=1.0, retry_after=3)
    assert shown["requests"]["too_many"] == 1.0
    stormy = call("GET", "/account")
    assert (stormy.status_code, stormy.json()["retry_after"]) == (429, 3)
    post("faults", too_many=0, forbidden=1)
    blocked = call("GET", "/account")
    assert (blocked.status_code, blocked.headers["Content-Type"][:9]) == (403, "text/html")
    assert get("faults")["requests"]["retry_after"] == 3
    post("faults", retry_after=0)
    assert portal.faults.retry_after is None
    post("faults/clear")
    assert portal.faults == FaultPlan()
    assert call("GET", "/account").status_code == 200


def test_a_certain_fault_hits_what_it_names(call: API, post: Call, get: Call) -> None:
    post(
        "faults/inject", fault="server_error", path="/api/v4/leads", method="get", times=2,
        options={"status": 504},
    )  # fmt: skip
    assert [one["times"] for one in get("faults")["injected"]] == [2]
    statuses = [
        call("GET", path).status_code for path in ("/account", "/leads", "/leads", "/leads")
    ]
    assert statuses == [200, 504, 504, 200]
    assert get("faults")["injected"] == []
    post("faults/inject", fault="too_many", times=5)
    post("faults/clear")
    assert call("GET", "/account").status_code == 200


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "fault is missing"),
        ({"fault": "plague"}, "fault must be one of lost_before"),
        ({"fault": "html", "options": {"colour": 1}}, "options: html takes no option ['colour']"),
        ({"fault": "html", "options": {"times": 9}}, "options: times is a parameter of its own"),
        ({"fault": "html", "options": {"self": 9}}, "options: "),
        ({"fault": "html", "options": [1]}, "options must be a JSON object"),
        ({"fault": "html", "times": 0}, "times must be at least 1, not 0"),
    ],
)
def test_a_wrong_fault_is_refused(ask: Ask, get: Call, values: dict[str, Any], line: str) -> None:
    status, detail = refusal(ask("POST", "faults/inject", **values))
    assert status == 400
    assert detail.startswith(line)
    assert get("faults")["injected"] == []


@pytest.mark.parametrize(
    ("path", "values", "line"),
    [
        ("faults", {"lost_after": 1.5}, "lost_after must be at most 1, not 1.5"),
        ("faults", {"latency": -1}, "latency must be at least 0, not -1"),
        ("faults", {"latency": 1e9}, "latency must be at most 60, not 1000000000.0"),
        ("faults", {"weather": 1}, "there is no parameter 'weather'"),
        ("faults/webhooks", {"lose": 2}, "lose must be at most 1, not 2"),
        ("faults/webhooks/inject", {"fault": "eat"}, "fault must be one of lose"),
        ("rate-limit", {"rps": -1}, "rps must be at least 0, not -1"),
    ],
)
def test_a_wrong_switch_changes_nothing(
    portal: Sandbox, ask: Ask, path: str, values: dict[str, Any], line: str
) -> None:
    status, detail = refusal(ask("POST", path, **values))
    assert (status, detail[: len(line)]) == (400, line)
    assert (portal.faults, portal.webhooks.faults) == (FaultPlan(), HookFaultPlan())


def test_webhooks_are_lost_and_doubled(portal: Sandbox, post: Call, get: Call) -> None:
    post("webhooks", destination="http://127.0.0.1:9/", settings=["add_lead"])
    post("faults/webhooks", lose=1.0)
    post("leads", name="1")
    post("faults/clear")
    shown = post("faults/webhooks/inject", fault="duplicate", code="add_lead")
    assert shown["injected_webhooks"] == [
        {"fault": "duplicate", "code": "add_lead", "url": None, "times": 1}
    ]
    post("leads", name="2")
    states = [(one["state"], one["copy_of"]) for one in get("deliveries")["deliveries"]]
    assert states == [("lost", None), ("waiting", None), ("waiting", 2)]
    post("faults/webhooks/inject", fault="lose", times=5)
    post("faults/clear")
    post("leads", name="3")
    assert get("deliveries")["deliveries"][-1]["state"] == "waiting"


def test_a_delayed_webhook_is_late(portal: Sandbox, post: Call, get: Call) -> None:
    post("webhooks", destination="http://127.0.0.1:9/", settings=["add_lead"])
    post("faults/webhooks/inject", fault="delay", seconds=90)
    post("leads", name="1")
    (delivery,) = get("deliveries")["deliveries"]
    assert delivery["due"] == portal.clock.time() + 90


def test_the_rate_limit_is_changed(portal: Sandbox, call: API, post: Call, get: Call) -> None:
    post("rate-limit", rps=1)
    assert [call("GET", "/account").status_code for _ in range(2)] == [200, 429]
    (scope, *_) = get("rate-limit")["scopes"]
    assert (scope["passed"], scope["refused"], scope["busiest_second"]) == (1, 1, 2)
    assert post("rate-limit", rps=0)["rps"] is None
    assert [call("GET", "/account").status_code for _ in range(9)] == [200] * 9
