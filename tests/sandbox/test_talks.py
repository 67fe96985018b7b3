"""Talks, calls, subscriptions, currencies (reference 4.22, 4.23, 4.28, 4.30)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]
CALL: dict[str, Any] = {
    "direction": "inbound",
    "duration": 30,
    "source": "pbx",
    "phone": "+7 (999) 000-00-00",
}


def faults(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    errors = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


def phoned(portal: Sandbox, entity_type: str, phone: str = "89990000000") -> int:
    values = [{"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}]
    return portal.add(entity_type, {"name": "Ann", "custom_fields_values": values})


def test_a_talk_is_read_and_closed(call: Call, portal: Sandbox) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    made = {"contact_id": contact, "entity_id": lead, "entity_type": "lead", "chat_id": "c"}
    number = portal.add("talks", made)
    talk = call("GET", f"/talks/{number}").json()
    assert set(talk) == {
        *("talk_id", "created_at", "updated_at", "rate", "contact_id", "chat_id", "entity_id"),
        *("entity_type", "is_in_work", "is_read", "origin", "missed_at", "account_id"),
        *("_links", "_embedded"),
    }
    assert (talk["talk_id"], talk["is_in_work"]) == (number, True)
    assert [one["id"] for one in talk["_embedded"]["contacts"]] == [contact]
    assert [one["id"] for one in talk["_embedded"]["leads"]] == [lead]
    assert talk["_embedded"]["customers"] == []
    path = f"/talks/{number}/close"
    wrongs: list[Any] = [[True], {"force_close": 1}, {"more": True}]
    for wrong in wrongs:
        assert call("POST", path, json=wrong).status_code == 400
    done = call("POST", path, json={"force_close": True})
    assert (done.status_code, done.content) == (202, b"")
    assert call("GET", f"/talks/{number}").json()["is_in_work"] is False
    assert call("POST", path).status_code == 422


def test_a_talk_is_closed_without_a_body(call: Call, portal: Sandbox) -> None:
    bodies: list[dict[str, Any]] = [{}, {"json": {}}]
    for body in bodies:
        number = portal.add("talks", {})
        assert call("POST", f"/talks/{number}/close", **body).status_code == 202


def test_unknown_talks_and_the_list(call: Call) -> None:
    assert call("GET", "/talks/5").status_code == 404
    assert call("POST", "/talks/5/close").status_code == 404
    assert call("GET", "/talks").status_code == 404  # Kommo only


def test_kommo_lists_talks() -> None:
    portal = Sandbox(("shop.kommo.com",))
    number = portal.add("talks", {})
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.session() as session:
        body = session.get("https://shop.kommo.com/api/v4/talks", headers=headers).json()
    assert [one["talk_id"] for one in body["_embedded"]["talks"]] == [number]


@pytest.mark.parametrize("entity_type", ["contacts", "companies"])
def test_a_call_becomes_a_note_at_whom_the_phone_finds(
    call: Call, portal: Sandbox, entity_type: str
) -> None:
    number = phoned(portal, entity_type)
    extra = {"uniq": "c-1", "link": "https://pbx.example/1.mp3", "call_status": 4}
    answer = call("POST", "/calls", json=[{**CALL, **extra, "request_id": "r"}])
    body = answer.json()
    assert (body["_total_items"], body["errors"]) == (1, [])
    (item,) = body["_embedded"]["calls"]
    assert set(item) == {
        *("id", "entity_id", "entity_type", "account_id", "request_id", "_embedded"),
    }
    kind = {"contacts": "contact", "companies": "company"}[entity_type]
    assert (item["entity_id"], item["entity_type"], item["request_id"]) == (number, kind, "r")
    note = call("GET", f"/{entity_type}/notes/{item['id']}").json()
    assert (note["note_type"], note["params"]["duration"]) == ("call_in", 30)
    assert note["params"]["phone"] == CALL["phone"]
    events = call("GET", "/events").json()["_embedded"]["events"]
    assert "incoming_call" in [one["type"] for one in events]


def test_one_open_lead_takes_the_call(call: Call, portal: Sandbox) -> None:
    contact = phoned(portal, "contacts")

    def where() -> tuple[str, int]:
        (item,) = call("POST", "/calls", json=[CALL]).json()["_embedded"]["calls"]
        return item["entity_type"], item["entity_id"]

    nested = {"contacts": [{"id": contact}]}
    portal.add("leads", {"status_id": 142, "_embedded": nested})
    assert where() == ("contact", contact)
    lead = portal.add("leads", {"_embedded": nested})
    assert where() == ("lead", lead)
    portal.add("leads", {"_embedded": nested})
    assert where() == ("contact", contact)


def test_one_customer_takes_the_call_if_there_is_no_lead(call: Call, portal: Sandbox) -> None:
    contact, customer = phoned(portal, "contacts"), portal.add("customers", {"name": "a"})
    portal.account().ties.tie("customers", customer, "contacts", contact)
    (item,) = call("POST", "/calls", json=[CALL]).json()["_embedded"]["calls"]
    assert (item["entity_type"], item["entity_id"]) == ("customer", customer)
    portal.add("leads", {"_embedded": {"contacts": [{"id": contact}]}})
    (item,) = call("POST", "/calls", json=[CALL]).json()["_embedded"]["calls"]
    assert item["entity_type"] == "contact"


def test_a_call_that_finds_nobody_is_not_stored(call: Call, portal: Sandbox) -> None:
    phoned(portal, "contacts")
    models = [{**CALL, "phone": "+79990000001"}, CALL]
    answer = call("POST", "/calls", json=models)
    body = answer.json()
    assert (answer.status_code, body["_total_items"]) == (200, 1)
    assert [one["request_id"] for one in body["errors"]] == ["0"]
    assert [one["request_id"] for one in body["_embedded"]["calls"]] == ["1"]


@pytest.mark.parametrize("who", ["id", "text", "name", "stranger", "none"])
def test_the_responsible_is_an_id_or_a_name(call: Call, portal: Sandbox, who: str) -> None:
    phoned(portal, "contacts")
    ann, bob = portal.account().users.values()
    named = {"id": bob.id, "text": str(bob.id), "name": bob.name, "stranger": "Zoe", "none": None}
    (item,) = call("POST", "/calls", json=[{**CALL, "call_responsible": named[who]}]).json()[
        "_embedded"
    ]["calls"]
    note = call("GET", f"/contacts/notes/{item['id']}").json()
    assert note["created_by"] == (ann if who in ("stranger", "none") else bob).id


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"direction": None}, ("FieldMissing", "direction")),
        ({"duration": None}, ("FieldMissing", "duration")),
        ({"source": None}, ("FieldMissing", "source")),
        ({"phone": None}, ("FieldMissing", "phone")),
        ({"direction": "upwards"}, ("NotSupportedChoice", "direction")),
        ({"duration": "30"}, ("InvalidType", "duration")),
        ({"duration": -1}, ("TooLow", "duration")),
        ({"call_status": 0}, ("TooLow", "call_status")),
        ({"call_status": 9}, ("TooHigh", "call_status")),
        ({"call_responsible": 5}, ("NotSupportedChoice", "call_responsible")),
        ({"call_responsible": []}, ("InvalidType", "call_responsible")),
        ({"weather": "fine"}, ("FieldNotExpected", "weather")),
    ],
)
def test_calls_are_checked(call: Call, change: dict[str, Any], fault: tuple[str, str]) -> None:
    model = {name: one for name, one in {**CALL, **change}.items() if one is not None}
    assert faults(call("POST", "/calls", json=[model])) == [fault]


@pytest.mark.parametrize("status", [1, 8])
def test_calls_know_eight_results(portal: Sandbox, call: Call, status: int) -> None:
    phoned(portal, "contacts")
    model = {**CALL, "duration": 0, "call_status": status}
    assert call("POST", "/calls", json=[model]).status_code == 200


@pytest.mark.parametrize("entity_type", ["leads", "customers"])
def test_subscriptions_are_read(call: Call, portal: Sandbox, entity_type: str) -> None:
    number = portal.add(entity_type, {"name": "a"})
    body = call("GET", f"/{entity_type}/{number}/subscriptions").json()
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (1, 1, 1)
    admin = portal.account().admin.id
    assert body["_embedded"]["subscriptions"] == [{"subscriber_id": admin, "type": "user"}]
    assert call("GET", f"/{entity_type}/5/subscriptions").status_code == 404
    portal.account().shelf(entity_type)[number]["responsible_user_id"] = 0
    assert call("GET", f"/{entity_type}/{number}/subscriptions").status_code == 204
    assert call("POST", f"/{entity_type}/{number}/subscriptions", json=[{}]).status_code == 405


def test_currencies_are_read(call: Call) -> None:
    body = call("GET", "/currencies", params={"limit": 2}).json()
    assert [set(one) for one in body["_embedded"]["currencies"]] == [{"code"}, {"code"}]
    assert "next" in body["_links"]
