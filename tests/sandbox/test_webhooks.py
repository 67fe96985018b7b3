"""Webhooks and widgets (reference 4.20, 4.21)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
HOOK: dict[str, Any] = {"destination": "https://hook.example/in", "settings": ["add_lead"]}


def faults(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    errors = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


def test_a_webhook_goes_round(call: Call) -> None:
    assert call("GET", "/webhooks").status_code == 204
    made = call("POST", "/webhooks", json={**HOOK, "sort": 10})
    hook = made.json()
    assert made.status_code == 201
    assert set(hook) == {
        *("id", "destination", "created_at", "updated_at", "account_id", "created_by", "sort"),
        *("disabled", "settings", "_links"),
    }
    assert (hook["settings"], hook["sort"], hook["disabled"]) == (["add_lead"], 10, False)
    body = call("GET", "/webhooks").json()
    assert (body["_total_items"], "_page" in body) == (1, False)
    assert body["_embedded"]["webhooks"] == [hook]
    gone = call("DELETE", "/webhooks", json={"destination": HOOK["destination"]})
    assert (gone.status_code, gone.content) == (204, b"")
    again = call("DELETE", "/webhooks", json={"destination": HOOK["destination"]})
    assert again.status_code == 404


def test_a_known_address_is_changed_and_switched_on(
    call: Call, portal: Sandbox, clock: ManualClock
) -> None:
    first = call("POST", "/webhooks", json=HOOK).json()
    portal.account().shelf("webhooks")[first["id"]]["disabled"] = True
    clock.advance(5)
    second = call("POST", "/webhooks", json={**HOOK, "settings": ["update_lead", "add_task"]})
    assert second.status_code == 201
    hook = second.json()
    assert (hook["id"], hook["disabled"]) == (first["id"], False)
    assert hook["settings"] == ["update_lead", "add_task"]
    assert hook["updated_at"] == first["updated_at"] + 5


def test_webhooks_are_found_by_their_exact_address(call: Call) -> None:
    call("POST", "/webhooks", json=HOOK)
    call("POST", "/webhooks", json={**HOOK, "destination": "https://hook.example/in2"})
    params = {"filter[destination]": HOOK["destination"]}
    body = call("GET", "/webhooks", params=params).json()
    assert [one["destination"] for one in body["_embedded"]["webhooks"]] == [HOOK["destination"]]
    assert call("GET", "/webhooks", params={"filter[destination]": "x"}).status_code == 204


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ({"settings": ["add_lead"]}, ("FieldMissing", "destination")),
        ({"destination": "https://a.example"}, ("FieldMissing", "settings")),
        ({**HOOK, "destination": "hook"}, ("InvalidFormat", "destination")),
        ({**HOOK, "destination": "ftp://a.example"}, ("InvalidFormat", "destination")),
        ({**HOOK, "settings": []}, ("NotBlank", "settings")),
        ({**HOOK, "settings": "add_lead"}, ("InvalidType", "settings")),
        ({**HOOK, "settings": ["add_cat"]}, ("NotSupportedChoice", "settings.0")),
        ({**HOOK, "enabled": True}, ("FieldNotExpected", "enabled")),
    ],
)
def test_webhooks_are_checked(call: Call, model: Any, fault: tuple[str, str]) -> None:
    assert faults(call("POST", "/webhooks", json=model)) == [fault]


@pytest.mark.parametrize("model", [None, {}, [HOOK], {"destination": 5}, {"id": 5}])
def test_a_deletion_names_the_address(call: Call, model: Any) -> None:
    assert call("DELETE", "/webhooks", json=model).status_code == 400


def test_an_array_is_no_webhook(call: Call) -> None:
    assert call("POST", "/webhooks", json=[HOOK]).status_code == 400


def test_webhooks_are_a_hundred(call: Call) -> None:
    for number in range(100):
        model = {**HOOK, "destination": f"https://hook.example/{number}"}
        assert call("POST", "/webhooks", json=model).status_code == 201
    assert call("POST", "/webhooks", json=HOOK).status_code == 422
    known = {**HOOK, "destination": "https://hook.example/99"}
    assert call("POST", "/webhooks", json=known).status_code == 201


WIDGET = "/widgets/sandbox_widget"


def test_a_widget_goes_round(call: Call) -> None:
    body = call("GET", "/widgets").json()
    assert ("_total_items" in body, body["_page"]) == (False, 1)
    (widget,) = body["_embedded"]["widgets"]
    assert set(widget) == {
        *("id", "code", "version", "rating", "settings_template", "is_lead_source"),
        *("is_work_with_dp", "is_crm_template", "client_uuid", "is_active_in_account"),
        *("pipeline_id", "_links"),
    }
    assert {one["type"] for one in widget["settings_template"]} == {
        *("text", "pass", "custom", "users", "users_lp"),
    }
    assert call("GET", WIDGET).json() == widget
    settings = {
        "login": "ann",
        "phones": {"501": "101"},
        "accounts": {"501": {"login": "a", "password": "b"}},
        "extra": "anything",
    }
    done = call("POST", WIDGET, json=settings)
    assert done.status_code == 200
    assert (done.json()["settings"], done.json()["is_active_in_account"]) == (settings, True)
    gone = call("DELETE", WIDGET)
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", WIDGET).json()["is_active_in_account"] is False
    assert call("DELETE", WIDGET).status_code == 404


def test_settings_are_for_the_own_integration(call: Call, portal: Sandbox) -> None:
    own = portal.integration.client_id
    portal.add("widgets", {"code": "own", "client_uuid": own, "settings": {"a": "b"}})
    portal.add("widgets", {"code": "other", "client_uuid": "x", "settings": {"a": "b"}})
    assert call("GET", "/widgets/own").json()["settings"] == {"a": "b"}
    assert "settings" not in call("GET", "/widgets/other").json()


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ({"password": "a"}, ("FieldMissing", "login")),
        ({"login": 5}, ("InvalidType", "login")),
        ({"login": "a", "color": "red"}, ("FieldNotExpected", "color")),
        ({"login": "a", "phones": "5"}, ("InvalidType", "phones")),
        ({"login": "a", "phones": {"5": 6}}, ("InvalidType", "phones.5")),
        ({"login": "a", "accounts": {"5": "a"}}, ("InvalidType", "accounts.5")),
        (
            {"login": "a", "accounts": {"5": {"login": "a"}}},
            ("FieldMissing", "accounts.5.password"),
        ),
    ],
)
def test_settings_are_checked(call: Call, model: Any, fault: tuple[str, str]) -> None:
    assert faults(call("POST", WIDGET, json=model)) == [fault]


def test_unknown_widgets(call: Call) -> None:
    assert call("GET", "/widgets/no").status_code == 404
    assert call("POST", "/widgets/no", json={"a": "b"}).status_code == 404
    assert call("DELETE", "/widgets/no").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("DELETE", "/webhooks"),
        ("POST", WIDGET),
        ("DELETE", WIDGET),
        ("POST", "/salesbot/1/continue/2"),
    ],
)
def test_these_need_an_administrator(
    portal: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = f"https://example.amocrm.ru/api/v4{path}"
    assert session.request(method, url, headers=headers, json=HOOK).status_code == 403
