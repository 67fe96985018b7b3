"""Definitions of custom fields (reference 4.14, 5.14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]


def test_an_account_begins_with_its_predefined_fields(call: Call) -> None:
    body = call("GET", "/contacts/custom_fields").json()
    fields = body["_embedded"]["custom_fields"]
    phone = next(one for one in fields if one["code"] == "PHONE")
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (3, 1, 1)
    assert set(body["_links"]) == {"self", "last"}
    assert (phone["type"], phone["is_predefined"], phone["is_deletable"]) == (
        "multitext",
        True,
        False,
    )
    assert [one["value"] for one in phone["enums"]] == [
        *("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"),
    ]


@pytest.mark.parametrize(
    ("entity_type", "codes"),
    [("leads", 10), ("contacts", 3), ("companies", 4)],
)
def test_codes_of_predefined_fields(call: Call, entity_type: str, codes: int) -> None:
    fields = call("GET", f"/{entity_type}/custom_fields").json()["_embedded"]["custom_fields"]
    assert len({one["code"] for one in fields}) == codes


def test_fields_are_paged_ordered_and_filtered(call: Call) -> None:
    body = call("GET", "/leads/custom_fields?limit=4&page=2&order[id]=desc").json()
    numbers = [one["id"] for one in body["_embedded"]["custom_fields"]]
    assert (body["_page_count"], len(numbers)) == (3, 4)
    assert numbers == sorted(numbers, reverse=True)
    assert body["_links"]["last"]["href"].endswith("limit=4&page=3")
    one = call("GET", f"/leads/custom_fields?filter[id][]={numbers[0]}").json()
    assert one["_total_items"] == 1
    assert call("GET", "/leads/custom_fields?filter[type][0]=text").status_code == 204


def test_creation_answers_201_with_full_models(call: Call) -> None:
    wanted: dict[str, Any] = {
        "name": "Region",
        "type": "select",
        "sort": 510,
        "enums": [{"value": "north"}, {"value": "south", "sort": 9, "code": "S"}],
        "request_id": "r",
    }
    answer = call("POST", "/leads/custom_fields", json=[wanted, {"name": "T", "type": "text"}])
    made, second = answer.json()["_embedded"]["custom_fields"]
    assert answer.status_code == 201
    assert (made["name"], made["request_id"], second["request_id"]) == ("Region", "r", "1")
    assert [(one["value"], one["sort"], one["code"]) for one in made["enums"]] == [
        ("north", 0, None),
        ("south", 9, "S"),
    ]
    read = call("GET", f"/leads/custom_fields/{made['id']}").json()
    assert {**read, "request_id": "r"} == made


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"type": "text"}, "FieldMissing", "name"),
        ({"name": "a"}, "FieldMissing", "type"),
        ({"name": "", "type": "text"}, "NotBlank", "name"),
        ({"name": "a", "type": "nonsense"}, "NotSupportedChoice", "type"),
        ({"name": "a", "type": "multitext"}, "NotSupportedChoice", "type"),
        ({"name": "a", "type": "select"}, "FieldMissing", "enums"),
        ({"name": "a", "type": "monetary"}, "FieldMissing", "currency"),
        ({"name": "a", "type": "monetary", "currency": "RU"}, "TooShort", "currency"),
        ({"name": "a", "type": "monetary", "currency": "RUBL"}, "TooLong", "currency"),
        ({"name": "a", "type": "text", "group_id": "x"}, "NotSupportedChoice", "group_id"),
        ({"name": "a", "type": "chained_list"}, "FieldMissing", "chained_lists"),
        ({"name": "a", "type": "text", "x": 1}, "FieldNotExpected", "x"),
        ({"name": "a", "type": "text", "is_required": True}, "FieldNotExpected", "is_required"),
        ({"name": "a", "type": "birthday", "remind": "hour"}, "NotSupportedChoice", "remind"),
        ({"name": "a", "type": "select", "enums": [{}]}, "FieldMissing", "enums.0.value"),
        ({"name": "a", "type": "select", "enums": [5]}, "InvalidType", "enums.0"),
        (
            {"name": "a", "type": "text", "required_statuses": [{"pipeline_id": 1}]},
            "FieldMissing",
            "required_statuses.0.status_id",
        ),
        (5, "InvalidType", ""),
    ],
)
def test_a_bad_definition_is_refused(call: Call, model: Any, code: str, path: str) -> None:
    answer = call("POST", "/leads/custom_fields", json=[model])
    (error,) = answer.json()["validation-errors"][0]["errors"]
    assert (answer.status_code, error["code"], error["path"]) == (400, code, path)


def test_a_type_exists_only_where_the_table_says(call: Call) -> None:
    assert call("POST", "/contacts/custom_fields", json=[{"name": "a", "type": "multitext"}]).ok
    for entity_type, kind in (("companies", "multitext"), ("contacts", "tracking_data")):
        answer = call("POST", f"/{entity_type}/custom_fields", json=[{"name": "a", "type": kind}])
        assert answer.status_code == 400


@pytest.fixture
def region(call: Call) -> dict[str, Any]:
    enums = [{"value": "north"}, {"value": "south"}]
    wanted = {"name": "Region", "type": "select", "enums": enums}
    answer = call("POST", "/leads/custom_fields", json=[wanted])
    made: dict[str, Any] = answer.json()["_embedded"]["custom_fields"][0]
    return made


def test_options_that_are_not_sent_vanish_with_their_values(
    portal: Sandbox, call: Call, region: dict[str, Any]
) -> None:
    north, south = region["enums"]
    for option in (north, south):
        item = {"field_id": region["id"], "values": [{"enum_id": option["id"]}]}
        portal.add("leads", {"custom_fields_values": [item]})
    body = {"enums": [{"id": north["id"], "value": "NORTH"}, {"value": "south"}], "name": "R"}
    answer = call("PATCH", f"/leads/custom_fields/{region['id']}", json=body)
    kept, new = answer.json()["enums"]
    assert (answer.status_code, answer.json()["name"]) == (200, "R")
    assert (kept["id"], kept["value"]) == (north["id"], "NORTH")
    assert new["id"] not in (north["id"], south["id"])
    assert [bool(lead["custom_fields_values"]) for lead in portal.leads()] == [True, False]


def test_a_batch_patch_answers_201(call: Call, region: dict[str, Any]) -> None:
    answer = call("PATCH", "/leads/custom_fields", json=[{"id": region["id"], "sort": 7}])
    (changed,) = answer.json()["_embedded"]["custom_fields"]
    assert (answer.status_code, changed["sort"], changed["request_id"]) == (201, 7, "0")
    for model in ({"sort": 7}, {"id": 1}, {"id": region["id"], "type": "text"}, 5):
        assert call("PATCH", "/leads/custom_fields", json=[model]).status_code == 400


def test_a_deleted_field_takes_its_values_along(
    portal: Sandbox, call: Call, region: dict[str, Any]
) -> None:
    item = {"field_id": region["id"], "values": [{"value": "north"}]}
    portal.add("leads", {"custom_fields_values": [item]})
    address = f"/leads/custom_fields/{region['id']}"
    assert call("DELETE", address).status_code == 204
    assert portal.leads()[0]["custom_fields_values"] is None
    for method in ("GET", "DELETE"):
        assert call(method, address).status_code == 404


def test_a_predefined_field_stays(call: Call) -> None:
    number = call("GET", "/contacts/custom_fields").json()["_embedded"]["custom_fields"][0]["id"]
    assert call("DELETE", f"/contacts/custom_fields/{number}").status_code == 403


def test_only_administrators_define_fields(
    portal: Sandbox, session: requests.Session, region: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = "https://example.amocrm.ru/api/v4/leads/custom_fields"
    one = f"{url}/{region['id']}"
    assert session.get(url, headers=headers).status_code == 200
    for method, where in (("POST", url), ("PATCH", url), ("PATCH", one), ("DELETE", one)):
        answer = session.request(method, where, headers=headers, json=[{}])
        assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
