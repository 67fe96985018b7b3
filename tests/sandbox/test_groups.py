"""Fields of every family, and their groups (reference 4.14, 5.14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox.values.field_rules import TYPES

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

EVERYWHERE = {
    *("text", "numeric", "checkbox", "select", "multiselect", "date", "url", "date_time"),
    *("textarea", "radiobutton", "streetaddress"),
}
PLACES = {
    "leads": (
        "/leads",
        {
            *("smart_address", "birthday", "legal_entity", "tracking_data", "chained_list"),
            *("monetary", "file"),
        },
    ),
    "contacts": (
        "/contacts",
        {"multitext", "smart_address", "birthday", "legal_entity", "monetary", "file"},
    ),
    "companies": (
        "/companies",
        {"smart_address", "birthday", "legal_entity", "monetary", "file"},
    ),
    "customers": ("/customers", {"chained_list", "monetary", "file"}),
    "segments": ("/customers/segments", set[str]()),
    "catalogs": (
        "/catalogs/100001",
        {"price", "category", "items", "linked_entity", "supplier", "payer", "file"},
    ),
}
NEEDS: dict[str, dict[str, Any]] = {
    "monetary": {"currency": "RUB"},
    "chained_list": {"chained_lists": [{"title": "t", "catalog_id": 100001}]},
    "linked_entity": {"search_in": "contacts_and_companies"},
    **{key: {"enums": [{"value": "a"}]} for key in ("select", "multiselect", "radiobutton")},
}


@pytest.fixture(autouse=True)
def a_list(call: Call) -> None:
    (made,) = call("POST", "/catalogs", json=[{"name": "c"}]).json()["_embedded"]["catalogs"]
    assert made["id"] == 100001


@pytest.mark.parametrize("entity_type", PLACES)
def test_a_field_of_every_type_is_defined_where_it_exists(call: Call, entity_type: str) -> None:
    place, more = PLACES[entity_type]
    wanted = sorted({one for types in TYPES.values() for one in types})
    made: set[str] = set()
    for kind in wanted:
        model = {"name": kind, "type": kind, **NEEDS.get(kind, {})}
        answer = call("POST", f"{place}/custom_fields", json=[model])
        if answer.status_code == 201:
            (field,) = answer.json()["_embedded"]["custom_fields"]
            made.add(kind)
            assert field["entity_type"] == entity_type
            assert field.get("catalog_id") == (100001 if entity_type == "catalogs" else None)
            read = call("GET", f"{place}/custom_fields/{field['id']}").json()
            assert {**read, "request_id": "0"} == field
    assert made == EVERYWHERE | more


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("/leads", "hidden_statuses", []),
        ("/contacts", "is_api_only", True),
        ("/customers", "required_statuses", []),
        ("/catalogs/100001", "is_required", True),
        ("/catalogs/100001", "settings", {}),
    ],
)
def test_some_properties_belong_to_some_families(
    call: Call, refused: Refused, place: str, name: str, value: Any
) -> None:
    model = {"name": "a", "type": "text", name: value}
    assert call("POST", f"{place}/custom_fields", json=[model]).status_code == 201
    answer = call("POST", "/customers/segments/custom_fields", json=[model])
    assert refused(answer) == [("FieldNotExpected", name)]


@pytest.mark.parametrize(
    ("place", "model", "code", "path"),
    [
        ("/catalogs/100001", {"type": "linked_entity"}, "FieldMissing", "search_in"),
        (
            "/catalogs/100001",
            {"type": "linked_entity", "search_in": "leads"},
            "NotSupportedChoice",
            "search_in",
        ),
        (
            "/leads",
            {"type": "chained_list", "chained_lists": [{"catalog_id": 5}]},
            "NotSupportedChoice",
            "chained_lists.0.catalog_id",
        ),
        (
            "/leads",
            {"type": "chained_list", "chained_lists": [{"catalog_id": 100001}] * 6},
            "TooHigh",
            "chained_lists",
        ),
    ],
)
def test_types_need_what_they_need(
    call: Call, refused: Refused, place: str, model: dict[str, Any], code: str, path: str
) -> None:
    answer = call("POST", f"{place}/custom_fields", json=[{"name": "a", **model}])
    assert refused(answer) == [(code, path)]


def test_a_chain_has_five_lists(call: Call) -> None:
    chain = [{"catalog_id": 100001}] * 5
    model = {"name": "a", "type": "chained_list", "chained_lists": chain}
    assert call("POST", "/leads/custom_fields", json=[model]).status_code == 201


def test_segments_have_thirty_fields(call: Call) -> None:
    at, model = "/customers/segments/custom_fields", {"name": "a", "type": "text"}
    assert call("POST", at, json=[model] * 31).status_code == 422
    assert call("POST", at, json=[model] * 30).status_code == 201
    assert call("POST", at, json=[model]).status_code == 422


def test_an_unknown_list_is_404(call: Call) -> None:
    assert call("GET", "/catalogs/5/custom_fields").status_code == 404
    assert call("GET", "/catalogs/5/custom_fields/groups").status_code == 404


@pytest.mark.parametrize("entity_type", [one for one in PLACES if one != "segments"])
def test_a_group_goes_round(call: Call, entity_type: str) -> None:
    place, _ = PLACES[entity_type]
    at = f"{place}/custom_fields/groups"
    before = call("GET", at).json()
    answer = call("POST", at, json=[{"name": "Extra", "sort": 3, "request_id": "r"}])
    (made,) = answer.json()["_embedded"]["custom_field_groups"]
    assert (answer.status_code, answer.json()["_total_items"]) == (201, 1)
    assert made == {
        "id": made["id"], "name": "Extra", "is_predefined": False, "type": "custom_field_group",
        "entity_type": entity_type, "sort": 3, "request_id": "r",
        "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{at}/{made['id']}"}},
    }  # fmt: skip
    assert made["id"].startswith(f"{entity_type}_1000000")
    assert call("GET", at).json()["_total_items"] == before["_total_items"] + 1
    (field,) = call("POST", f"{place}/custom_fields", json=[{"name": "a", "type": "text"}]).json()[
        "_embedded"
    ]["custom_fields"]
    one = f"{at}/{made['id']}"
    changed = call("PATCH", one, json={"name": "E", "fields": [field["id"]]}).json()
    assert (changed["name"], changed["fields"], changed["request_id"]) == ("E", [field["id"]], "0")
    assert "fields" not in call("GET", one).json()
    assert call("GET", f"{place}/custom_fields/{field['id']}").json()["group_id"] == made["id"]
    assert call("DELETE", one).status_code == 204
    assert call("GET", f"{place}/custom_fields/{field['id']}").json()["group_id"] is None
    for method in ("GET", "PATCH", "DELETE"):
        assert call(method, one, json={"name": "x"}).status_code == 404


def test_predefined_groups_stay(call: Call) -> None:
    shown = call("GET", "/leads/custom_fields/groups").json()
    assert [one["id"] for one in shown["_embedded"]["custom_field_groups"]] == [
        "default", "statistic",
    ]  # fmt: skip
    assert call("DELETE", "/leads/custom_fields/groups/statistic").status_code == 403
    model = {"name": "a", "type": "text", "group_id": "statistic"}
    assert call("POST", "/leads/custom_fields", json=[model]).status_code == 201


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"sort": 1}, "FieldMissing", "name"),
        ({"name": "a"}, "FieldMissing", "sort"),
        ({"name": "", "sort": 1}, "NotBlank", "name"),
        ({"name": "a", "sort": 1, "fields": []}, "FieldNotExpected", "fields"),
    ],
)
def test_a_bad_group_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", "/leads/custom_fields/groups", json=[model])) == [(code, path)]


def test_a_group_takes_fields_that_exist(call: Call, refused: Refused) -> None:
    answer = call("PATCH", "/leads/custom_fields/groups/default", json={"fields": [5]})
    assert refused(answer) == [("NotSupportedChoice", "fields.0")]


def test_only_administrators_write_groups(ordinary: Call) -> None:
    at = "/leads/custom_fields/groups"
    assert ordinary("GET", at).status_code == 200
    for method, path in (("POST", at), ("PATCH", f"{at}/default"), ("DELETE", f"{at}/default")):
        assert ordinary(method, path, json=[{}]).status_code == 403


def test_segments_have_no_groups(call: Call) -> None:
    assert call("GET", "/customers/segments/custom_fields/groups").status_code == 404
