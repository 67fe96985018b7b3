"""Custom field values (reference 5.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox

Call = Callable[..., requests.Response]

TYPES: dict[str, dict[str, Any]] = {
    "text": {},
    "numeric": {},
    "checkbox": {},
    "url": {},
    "date": {},
    "date_time": {},
    "birthday": {},
    "smart_address": {},
    "legal_entity": {},
    "file": {},
    "monetary": {"currency": "RUB"},
    "chained_list": {"chained_lists": [{"title": "t", "catalog_id": 100001}]},
    "select": {"enums": [{"value": "north", "code": "N"}, {"value": "south"}]},
    "radiobutton": {"enums": [{"value": "north"}]},
    "multiselect": {"enums": [{"value": "north"}, {"value": "south"}]},
}
CATALOG = ELEMENT = 100001
CUSTOM = "custom_fields_values.0"


@pytest.fixture
def fields(call: Call) -> dict[str, dict[str, Any]]:
    """One lead field of every type."""
    (catalog,) = call("POST", "/catalogs", json=[{"name": "c"}]).json()["_embedded"]["catalogs"]
    assert catalog["id"] == CATALOG
    call("POST", f"/catalogs/{CATALOG}/elements", json=[{"name": "e"}, {"name": "f"}])
    wanted = [{"name": name, "type": name, **more} for name, more in TYPES.items()]
    answer = call("POST", "/leads/custom_fields", json=wanted)
    return {one["type"]: one for one in answer.json()["_embedded"]["custom_fields"]}


@pytest.fixture
def write(
    portal: Sandbox, call: Call, fields: dict[str, dict[str, Any]]
) -> Callable[[str, list[Any]], requests.Response]:
    def write(kind: str, values: list[Any]) -> requests.Response:
        item = {"field_id": fields[kind]["id"], "values": values}
        return call("POST", "/leads", json=[{"custom_fields_values": [item]}])

    return write


Write = Callable[[str, list[Any]], requests.Response]


@pytest.mark.parametrize(
    ("kind", "values", "stored"),
    [
        ("text", [{"value": "x"}], [{"value": "x"}]),
        ("numeric", [{"value": 1.5}], [{"value": "1.5"}]),
        ("numeric", [{"value": "7"}], [{"value": "7"}]),
        ("monetary", [{"value": "10.50"}], [{"value": "10.50"}]),
        ("checkbox", [{"value": False}], [{"value": False}]),
        ("date", [{"value": 1577836800}], [{"value": 1577836800}]),
        ("date_time", [{"value": "2020-01-01T03:00:00+03:00"}], [{"value": 1577836800}]),
        ("birthday", [{"value": "2020-01-01T00:00:00Z"}], [{"value": 1577836800}]),
        ("legal_entity", [{"value": {"name": "a"}}], [{"value": {"name": "a"}}]),
        (
            "chained_list",
            [{"catalog_id": CATALOG, "catalog_element_id": ELEMENT}],
            [{"catalog_id": CATALOG, "catalog_element_id": ELEMENT}],
        ),
        (
            "smart_address",
            [{"value": "Tula", "enum_code": "city"}, {"value": "RU", "enum_id": 6}],
            [
                {"value": "Tula", "enum_id": 3, "enum_code": "city"},
                {"value": "RU", "enum_id": 6, "enum_code": "country"},
            ],
        ),
    ],
)
def test_a_good_value_is_stored(
    portal: Sandbox, write: Write, kind: str, values: list[Any], stored: list[Any]
) -> None:
    assert write(kind, values).status_code == 200
    (item,) = portal.leads()[0]["custom_fields_values"]
    assert item["values"] == stored
    assert (item["field_type"], item["is_computed"]) == (kind, False)


@pytest.mark.parametrize(
    ("kind", "values", "code", "path"),
    [
        ("text", [{"value": 5}], "InvalidType", ".values.0.value"),
        ("text", [{"value": "x"}, {"value": "y"}], "TooHigh", ".values"),
        ("text", [{}], "FieldMissing", ".values.0.value"),
        ("text", ["x"], "InvalidType", ".values.0"),
        ("text", [{"value": "x", "enum_id": 1}], "FieldNotExpected", ".values.0.enum_id"),
        ("numeric", [{"value": "many"}], "InvalidType", ".values.0.value"),
        ("numeric", [{"value": True}], "InvalidType", ".values.0.value"),
        ("checkbox", [{"value": 1}], "InvalidType", ".values.0.value"),
        ("date", [{"value": "yesterday"}], "InvalidFormat", ".values.0.value"),
        ("date", [{"value": "2020-01-01T00:00:00"}], "InvalidFormat", ".values.0.value"),
        ("date", [{"value": "2020-99-01T00:00:00Z"}], "InvalidFormat", ".values.0.value"),
        ("date", [{"value": True}], "InvalidFormat", ".values.0.value"),
        ("file", [{"value": "x"}], "InvalidType", ".values.0.value"),
        ("select", [{"value": "east"}], "NotSupportedChoice", ".values.0.value"),
        ("select", [{"enum_id": 1}], "NotSupportedChoice", ".values.0.enum_id"),
        ("select", [{"enum_code": "X"}], "NotSupportedChoice", ".values.0.enum_code"),
        ("select", [{}], "FieldMissing", ".values.0.value"),
        ("select", [{"value": "north", "x": 1}], "FieldNotExpected", ".values.0.x"),
        (
            "smart_address",
            [{"value": "x", "enum_id": 7}],
            "NotSupportedChoice",
            ".values.0.enum_id",
        ),
        (
            "chained_list",
            [{"catalog_id": 5, "catalog_element_id": ELEMENT}],
            "NotSupportedChoice",
            ".values.0.catalog_id",
        ),
        (
            "chained_list",
            [{"catalog_id": CATALOG, "catalog_element_id": 5}],
            "NotSupportedChoice",
            ".values.0.catalog_element_id",
        ),
        ("chained_list", [{"catalog_id": CATALOG}], "FieldMissing", ".values.0.catalog_element_id"),
        ("legal_entity", [{"value": {}}], "FieldMissing", ".values.0.value.name"),
        ("legal_entity", [{"value": {"name": ""}}], "NotBlank", ".values.0.value.name"),
        (
            "legal_entity",
            [{"value": {"name": "a", "x": "b"}}],
            "FieldNotExpected",
            ".values.0.value.x",
        ),
        (
            "legal_entity",
            [{"value": {"name": "a", "entity_type": 3}}],
            "NotSupportedChoice",
            ".values.0.value.entity_type",
        ),
        ("file", [{"value": {}}], "FieldMissing", ".values.0.value.file_uuid"),
    ],
)
def test_a_bad_value_is_refused_with_a_path(
    portal: Sandbox, write: Write, kind: str, values: list[Any], code: str, path: str
) -> None:
    answer = write(kind, values)
    (error,) = answer.json()["validation-errors"][0]["errors"]
    assert (error["code"], error["path"]) == (code, CUSTOM + path)
    assert portal.leads() == []


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        (5, "InvalidType", ""),
        ({"values": []}, "FieldMissing", ".field_id"),
        ({"field_id": 1, "values": []}, "NotSupportedChoice", ".field_id"),
        ({"field_id": "x", "values": []}, "InvalidType", ".field_id"),
        ({"field_code": "NONE", "values": []}, "NotSupportedChoice", ".field_code"),
        ({"field_code": "UTM_TERM"}, "FieldMissing", ".values"),
        ({"field_code": "UTM_TERM", "values": 5}, "InvalidType", ".values"),
        ({"field_code": "UTM_TERM", "values": [], "x": 1}, "FieldNotExpected", ".x"),
    ],
)
def test_a_bad_item_is_refused(call: Call, item: Any, code: str, path: str) -> None:
    answer = call("POST", "/leads", json=[{"custom_fields_values": [item]}])
    (error,) = answer.json()["validation-errors"][0]["errors"]
    assert (error["code"], error["path"]) == (code, CUSTOM + path)


@pytest.mark.parametrize("by", ["value", "enum_id", "enum_code"])
def test_an_option_is_named_by_text_id_or_code(
    portal: Sandbox, write: Write, fields: dict[str, dict[str, Any]], by: str
) -> None:
    option = fields["select"]["enums"][0]
    named = {"value": "north", "enum_id": option["id"], "enum_code": "N"}
    assert write("select", [{by: named[by]}]).status_code == 200
    assert portal.leads()[0]["custom_fields_values"][0]["values"] == [named]


def test_several_options_of_a_multiselect(portal: Sandbox, write: Write) -> None:
    assert write("multiselect", [{"value": "south"}, {"value": "north"}]).status_code == 200
    values = portal.leads()[0]["custom_fields_values"][0]["values"]
    assert [one["value"] for one in values] == ["south", "north"]


def test_values_replace_those_of_their_field_and_null_clears(portal: Sandbox, call: Call) -> None:
    def item(code: str, values: Any) -> dict[str, Any]:
        return {"field_code": code, "field_name": "tolerated", "values": values}

    number = portal.add(
        "leads",
        {
            "custom_fields_values": [
                item("UTM_TERM", [{"value": "a"}]),
                item("UTM_SOURCE", [{"value": "b"}]),
            ]
        },
    )

    def patch(*items: dict[str, Any]) -> dict[str, Any]:
        answer = call("PATCH", f"/leads/{number}", json={"custom_fields_values": list(items)})
        assert answer.status_code == 200
        stored = portal.leads()[0]["custom_fields_values"]
        return {one["field_code"]: one["values"][0]["value"] for one in stored or ()}

    assert patch(item("UTM_TERM", [{"value": "c"}])) == {"UTM_SOURCE": "b", "UTM_TERM": "c"}
    assert patch(item("UTM_TERM", None)) == {"UTM_SOURCE": "b"}
    assert patch(item("UTM_SOURCE", [])) == {}
    assert call("GET", f"/leads/{number}").json()["custom_fields_values"] is None


def test_phones_have_kinds_and_work_is_the_default(portal: Sandbox, call: Call) -> None:
    values = [{"value": "+7900"}, {"value": "+7901", "enum_code": "MOB"}]
    model = {"custom_fields_values": [{"field_code": "PHONE", "values": values}]}
    assert call("POST", "/contacts", json=[model]).status_code == 200
    (item,) = portal.contacts()[0]["custom_fields_values"]
    assert [(one["value"], one["enum_code"]) for one in item["values"]] == [
        ("+7900", "WORK"),
        ("+7901", "MOB"),
    ]
    assert (item["field_code"], "is_computed" in item) == ("PHONE", False)
