"""Notes (reference 4.17, 5.10, 5.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.data.note_types import NOTE_TYPES

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

COMMON = {"note_type": "common", "params": {"text": "hello"}}
PHONE = {"duration": 60, "source": "pbx", "phone": "+7900"}
PARAMS: dict[str, tuple[dict[str, Any], str | None]] = {
    "common": ({"text": "a"}, "common_note_added"),
    "call_in": ({**PHONE, "call_status": 4, "call_responsible": 5}, "incoming_call"),
    "call_out": (
        {**PHONE, "link": "https://pbx.example/1.mp3", "uniq": "u", "call_result": "ok"},
        "outgoing_call",
    ),
    "service_message": ({"service": "Shop", "text": "a"}, "service_note_added"),
    "extended_service_message": ({"service": "Shop", "text": "a"}, "service_note_added"),
    "message_cashier": ({"status": "shown", "text": "a"}, "message_to_cashier_note_added"),
    "geolocation": (
        {"text": "a", "address": "b", "longitude": "1", "latitude": "2"},
        "geo_note_added",
    ),
    "sms_in": ({"text": "a", "phone": "+7900"}, "incoming_sms"),
    "sms_out": ({"text": "a", "phone": "+7900"}, "outgoing_sms"),
    "attachment": ({"file_uuid": "u", "file_name": "scan.png"}, "attachment_note_added"),
    "invoice_paid": ({"text": "a", "service": "s", "icon_url": "i"}, None),
    "bill_paid": ({"text": "a", "service": "s", "icon_url": "i"}, None),
    "targeting_in": ({"service": "s", "campaign": {}, "contacts": []}, "targeting_in_note_added"),
    "targeting_out": ({"service": "s", "campaign": {}, "contacts": []}, "targeting_out_note_added"),
}
READ_ONLY = ("invoice_paid", "bill_paid", "targeting_in", "targeting_out")


@pytest.fixture
def lead(portal: Sandbox) -> int:
    return portal.add("leads", {})


def make(call: Call, lead: int, **more: Any) -> int:
    answer = call("POST", f"/leads/{lead}/notes", json=[{**COMMON, **more}])
    assert answer.status_code == 200, answer.text
    return int(answer.json()["_embedded"]["notes"][0]["id"])


def ids(answer: requests.Response) -> list[int]:
    if answer.status_code == 204:
        return []
    return [one["id"] for one in answer.json()["_embedded"]["notes"]]


def test_every_type_has_its_params() -> None:
    assert set(PARAMS) == set(NOTE_TYPES)


@pytest.mark.parametrize("kind", PARAMS)
def test_a_note_of_every_type_goes_round(call: Call, lead: int, kind: str) -> None:
    params, event = PARAMS[kind]
    number = make(call, lead, note_type=kind, params=params)
    note = call("GET", f"/leads/notes/{number}").json()
    assert (note["note_type"], params.items() <= note["params"].items()) == (kind, True)
    answer = call("GET", f"/events?filter[entity]=lead&filter[entity_id]={lead}")
    told = [one for one in answer.json()["_embedded"]["events"] if one["type"] == event]
    assert [one["value_after"] for one in told] == ([[{"note": {"id": number}}]] if event else [])
    patch = call("PATCH", f"/leads/{lead}/notes/{number}", json={"params": params})
    assert patch.status_code == (400 if kind in READ_ONLY else 200)


def test_a_note_is_read_whole(portal: Sandbox, clock: ManualClock, call: Call, lead: int) -> None:
    number = make(call, lead)
    user, now = portal.account().admin.id, int(clock.time())
    at = f"/leads/{lead}/notes/{number}"
    assert call("GET", at).json() == {
        "id": number, "entity_id": lead, "created_by": user, "updated_by": user,
        "created_at": now, "updated_at": now, "responsible_user_id": user, "group_id": 0,
        "note_type": "common", "params": {"text": "hello"}, "account_id": portal.account().id,
        "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{at}"}},
    }  # fmt: skip
    assert call("GET", "/leads/notes/1").status_code == 204
    assert call("GET", f"/leads/1/notes/{number}").status_code == 404
    assert call("DELETE", at).status_code == 405


def test_an_attachment_says_what_it_is(call: Call, lead: int) -> None:
    number = make(call, lead, note_type="attachment", params=PARAMS["attachment"][0])
    assert call("GET", f"/leads/notes/{number}").json()["params"] == {
        "is_drive_attachment": True, "text": "scan.png", "original_name": "scan.png",
        "file_uuid": "u", "file_name": "scan.png",
    }  # fmt: skip


@pytest.mark.parametrize("entity_type", ["leads", "contacts", "companies"])
def test_both_addresses_hold_the_same_notes(portal: Sandbox, call: Call, entity_type: str) -> None:
    one, two = portal.add(entity_type, {}), portal.add(entity_type, {})
    models = [{**COMMON, "entity_id": two, "request_id": "r"}, {**COMMON, "entity_id": one}]
    made = call("POST", f"/{entity_type}/notes", json=models).json()["_embedded"]["notes"]
    assert [(item["entity_id"], item["request_id"]) for item in made] == [(two, "r"), (one, "1")]
    assert set(made[0]) == {"id", "entity_id", "request_id", "_links"}
    assert ids(call("GET", f"/{entity_type}/notes")) == [item["id"] for item in made]
    assert ids(call("GET", f"/{entity_type}/{one}/notes")) == [made[1]["id"]]
    assert call("GET", f"/{entity_type}/{one}/notes/{made[0]['id']}").status_code == 204


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"note_type": "common"}, "FieldMissing", "params"),
        ({"params": {}}, "FieldMissing", "note_type"),
        ({**COMMON, "note_type": "chat"}, "NotSupportedChoice", "note_type"),
        ({**COMMON, "params": {}}, "FieldMissing", "params.text"),
        ({**COMMON, "params": []}, "FieldMissing", "params.text"),
        ({**COMMON, "params": 5}, "InvalidType", "params"),
        ({**COMMON, "params": None}, "NotNullable", "params"),
        ({**COMMON, "params": {"text": "a", "x": 1}}, "FieldNotExpected", "params.x"),
        ({**COMMON, "element_id": 7001}, "FieldNotExpected", "element_id"),
        ({**COMMON, "created_by": 1}, "NotSupportedChoice", "created_by"),
        (
            {"note_type": "call_in", "params": {**PHONE, "call_status": 9}},
            "NotSupportedChoice",
            "params.call_status",
        ),
        (
            {"note_type": "call_in", "params": {**PHONE, "duration": -1}},
            "TooLow",
            "params.duration",
        ),
        (
            {"note_type": "message_cashier", "params": {"status": "x", "text": "a"}},
            "NotSupportedChoice",
            "params.status",
        ),
    ],
)
def test_a_bad_note_is_refused(
    call: Call, refused: Refused, lead: int, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", f"/leads/{lead}/notes", json=[model])) == [(code, path)]


def test_the_wide_address_needs_an_entity(call: Call, refused: Refused) -> None:
    assert refused(call("POST", "/leads/notes", json=[COMMON])) == [("FieldMissing", "entity_id")]
    answer = call("POST", "/leads/notes", json=[{**COMMON, "entity_id": 1}])
    assert refused(answer) == [("NotSupportedChoice", "entity_id")]
    assert call("POST", "/leads/1/notes", json=[COMMON]).status_code == 404


def test_a_note_is_changed(clock: ManualClock, call: Call, refused: Refused, lead: int) -> None:
    number = make(call, lead)
    clock.advance(3)
    model = {"id": number, "note_type": "common", "params": {"text": "b"}}
    (item,) = call("PATCH", "/leads/notes", json=[model]).json()["_embedded"]["notes"]
    assert (set(item), item["updated_at"]) == (
        {"id", "entity_id", "updated_at", "_links"}, int(clock.time()),
    )  # fmt: skip
    assert call("GET", f"/leads/notes/{number}").json()["params"] == {"text": "b"}
    for wrong, error in (
        ({"note_type": "sms_in"}, ("NotSupportedChoice", "note_type")),
        ({"entity_id": 5}, ("NotSupportedChoice", "entity_id")),
        ({"params": {}}, ("FieldMissing", "params.text")),
        ({"text": "b"}, ("FieldNotExpected", "text")),
    ):
        assert refused(call("PATCH", f"/leads/notes/{number}", json=wrong)) == [error]


def test_a_note_is_pinned_and_unpinned(call: Call, lead: int) -> None:
    number = make(call, lead)

    def pinned() -> bool:
        note = call("GET", f"/leads/notes/{number}?with=is_pinned").json()
        return bool(note["is_pinned"])

    assert pinned() is False
    answer = call("POST", f"/leads/notes/{number}/pin")
    assert (answer.status_code, answer.content, pinned()) == (204, b"", True)
    assert (call("POST", f"/leads/notes/{number}/unpin").status_code, pinned()) == (204, False)
    for word in ("pin", "unpin"):
        assert call("POST", f"/leads/notes/1/{word}").status_code == 404


def test_filters_and_orders(clock: ManualClock, call: Call, lead: int) -> None:
    one = make(call, lead)
    clock.advance(10)
    two = make(call, lead, note_type="sms_in", params=PARAMS["sms_in"][0])
    wanted = {
        f"filter[id][]={one}": [one],
        f"filter[entity_id]={lead}": [one, two],
        "filter[entity_id]=1": [],
        "filter[note_type][]=sms_in": [two],
        "filter[updated_at]=1700000000": [two],
        "filter[updated_at][to]=1700000000": [one],
        "order[updated_at]=desc": [two, one],
        "order[id]=desc": [two, one],
    }
    assert {query: ids(call("GET", f"/leads/notes?{query}")) for query in wanted} == wanted
