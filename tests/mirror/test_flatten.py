from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm.bulk.pages import ShapeError
from amocrm.mirror.flatten.cells import json_text, settle
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.tables.columns import Rows
from amocrm.mirror.tables.definitions import TABLES
from tests.hostile import cases

LEAD: dict[str, Any] = {
    "id": 7001, "name": "Order", "price": 1500, "responsible_user_id": 5, "group_id": 0,
    "status_id": 101, "pipeline_id": 10, "loss_reason_id": None, "created_by": 5, "updated_by": 0,
    "created_at": 1700000000, "updated_at": 1700000001, "closed_at": None, "is_deleted": False,
    "custom_fields_values": [
        {"field_id": 900, "field_type": "select",
         "values": [{"value": "north", "enum_id": 17, "enum_code": "N"}]},
    ],
    "account_id": 1,
    "_embedded": {
        "tags": [{"id": 61, "name": "vip", "color": "DDEBB5"}],
        "companies": [{"id": 44}],
        "contacts": [{"id": 31, "is_main": False}, {"id": 33, "is_main": True}],
        "catalog_elements": [
            {"id": 77, "metadata": {"quantity": 2.5, "catalog_id": 5, "price_id": None}}
        ],
    },
}  # fmt: skip


def read(rows: Rows, table: str) -> list[dict[str, Any]]:
    return [dict(zip(TABLES[table].names, row, strict=True)) for row in rows[table]]


def test_a_lead() -> None:
    rows = flatten("leads", [LEAD], 1)
    (lead,) = read(rows, "leads")
    assert lead == {
        "account_id": 1, "id": 7001, "name": "Order", "price": 1500, "responsible_user_id": 5,
        "group_id": 0, "pipeline_id": 10, "status_id": 101, "loss_reason_id": None,
        "source_id": None, "created_by": 5, "created_at": 1700000000, "updated_by": 0,
        "updated_at": 1700000001, "closed_at": None, "score": None, "labor_cost": None,
        "main_contact_id": 33, "company_id": 44, "deleted_at": None, "raw": LEAD,
    }  # fmt: skip
    assert rows["field_values"] == [(1, "leads", 7001, 900, 0, "north", None, None, 17, "N")]
    assert rows["entity_tags"] == [(1, "leads", 7001, 61, "vip", "DDEBB5")]
    assert rows["links"] == [
        (1, "leads", 7001, "contacts", 31, False, None, None, None),
        (1, "leads", 7001, "contacts", 33, True, None, None, None),
        (1, "leads", 7001, "companies", 44, None, None, None, None),
        (1, "leads", 7001, "catalog_elements", 77, None, 2.5, 5, None),
    ]


def test_the_exact_price_is_taken_where_there_is_one() -> None:
    rows = flatten("leads", [{**LEAD, "price_with_minor_units": 1500.25}], 1)
    assert read(rows, "leads")[0]["price"] == 1500.25


def test_a_link_stands_once() -> None:
    company = {"id": 44, "_embedded": {"contacts": [{"id": 31}], "leads": [{"id": 7001}]}}
    assert flatten("companies", [company], 1)["links"] == []
    contact = {"id": 31, "_embedded": {"companies": [{"id": 44}], "leads": [{"id": 7001}]}}
    found = flatten("contacts", [contact], 1)
    assert [row[:5] for row in found["links"]] == [(1, "contacts", 31, "companies", 44)]
    assert read(found, "contacts")[0]["company_id"] == 44


VALUES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    # the field's type, a value, and: text, number, time, enum_id, enum_code
    ("text", {"value": "abc"}, ("abc", None, None, None, None)),
    ("numeric", {"value": "1.5"}, ("1.5", 1.5, None, None, None)),
    ("numeric", {"value": "many"}, ("many", None, None, None, None)),
    ("monetary", {"value": "10,50"}, ("10,50", 10.5, None, None, None)),
    ("price", {"value": 100}, ("100", 100.0, None, None, None)),
    ("checkbox", {"value": True}, ("true", 1.0, None, None, None)),
    ("date", {"value": 1577836800}, ("1577836800", None, 1577836800, None, None)),
    ("date", {"value": "2020-01-01T03:00:00+03:00"},
     ("2020-01-01T03:00:00+03:00", None, 1577836800, None, None)),
    ("date", {"value": 10**17}, (str(10**17), None, None, None, None)),
    ("birthday", {"value": -86400}, ("-86400", None, -86400, None, None)),
    ("multitext", {"value": "+7900", "enum_id": 1, "enum_code": "WORK"},
     ("+7900", None, None, 1, "WORK")),
    ("legal_entity", {"value": {"name": "Лютик"}}, ('{"name":"Лютик"}', None, None, None, None)),
    ("chained_list", {"catalog_id": 5, "catalog_element_id": 77},
     ('{"catalog_id":5,"catalog_element_id":77}', None, None, None, None)),
    ("text", {"value": None}, (None, None, None, None, None)),
    ("text", {"value": "a\0b\ud800"}, ("a\ufffdb?", None, None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "cells"), VALUES)
def test_a_value(kind: str, value: dict[str, Any], cells: tuple[Any, ...]) -> None:
    field = {"field_id": 900, "field_type": kind, "values": [value]}
    rows = flatten("leads", [{"id": 1, "custom_fields_values": [field]}], 1)
    assert rows["field_values"] == [(1, "leads", 1, 900, 0, *cells)]


def test_values_of_one_field_are_numbered() -> None:
    field = {"field_id": 3, "field_type": "multitext", "values": [{"value": "a"}, {"value": "b"}]}
    rows = flatten("contacts", [{"id": 1, "custom_fields_values": [field, field]}], 1)
    assert [(row[4], row[5]) for row in rows["field_values"]] == [
        (0, "a"), (1, "b"), (2, "a"), (3, "b"),
    ]  # fmt: skip


def test_a_move() -> None:
    event = {
        "id": "01h1", "type": "lead_status_changed", "entity_id": 7001, "entity_type": "lead",
        "created_by": 5, "created_at": 1700000000,
        "value_after": [{"lead_status": {"id": 142, "pipeline_id": 10}}],
        "value_before": [{"lead_status": {"id": 101, "pipeline_id": 10}}],
    }  # fmt: skip
    other = {**event, "id": "01h2", "type": "lead_added", "value_after": [{"note": {"id": 1}}]}
    rows = flatten("events", [event, other], 1)
    assert rows["status_history"] == [(1, "01h1", 7001, 10, 101, 10, 142, 1700000000, 5)]
    assert rows["events"] == [
        (1, "01h1", "lead_status_changed", "lead", 7001, 5, 1700000000, event),
        (1, "01h2", "lead_added", "lead", 7001, 5, 1700000000, other),
    ]


def test_a_call_is_a_note_and_a_call() -> None:
    note = {
        "id": 502, "entity_id": 7001, "note_type": "call_in", "created_at": 1700000000,
        "params": {"uniq": "c-1", "duration": "60", "phone": "+79990000000", "call_status": 4},
    }  # fmt: skip
    rows = flatten("notes", [note, {"id": 503, "note_type": "common"}], 1, of="leads")
    assert [one["id"] for one in read(rows, "notes")] == [502, 503]
    (call,) = read(rows, "calls")
    assert call["note_id"] == 502
    assert call["entity_type"] == "leads"
    assert (call["direction"], call["phone"], call["duration"]) == ("in", "+79990000000", 60)


@pytest.mark.parametrize(
    ("result", "text"), [([], None), ({"text": "done"}, "done"), (None, None), ("odd", None)]
)
def test_a_task_s_result(result: Any, text: str | None) -> None:
    rows = flatten("tasks", [{"id": 71, "result": result}], 1)
    assert read(rows, "tasks")[0]["result"] == text


def test_stages_and_choices_come_with_their_owners() -> None:
    stage = {"id": 142, "name": "Won", "sort": 10000, "type": 0, "pipeline_id": 10}
    rows = flatten("pipelines", [{"id": 10, "_embedded": {"statuses": [stage]}}], 1)
    assert [(one["pipeline_id"], one["id"]) for one in read(rows, "statuses")] == [(10, 142)]
    choice = {"id": 17, "value": "north", "sort": 1, "code": None}
    for choices in ([choice], {"3": choice}):
        rows = flatten("fields", [{"id": 900, "enums": choices}], 1, of="catalogs/5")
        assert [(one["entity_type"], one["catalog_id"]) for one in read(rows, "fields")] == [
            ("catalogs", 5)
        ]
        assert rows["enums"] == [(1, 900, 17, None, "north", None, 1, None)]


@pytest.mark.parametrize("item", [{}, {"id": None}, {"id": "7"}, {"id": True}, None, 5])
def test_an_item_without_an_id_is_refused(item: Any) -> None:
    for kind in ("leads", "tasks", "users", "transactions"):
        with pytest.raises(ShapeError):
            flatten(kind, [item], 1)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "value", "values", "enum_id", "field_id", "field_type", "tags", "contacts",
                 "companies", "metadata", "quantity", "text", "lead_status", "statuses", "is_main"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
MEMBERS = st.sampled_from(
    sorted(
        {one.source.split(".")[0] for table in TABLES.values() for one in table.columns}
        | {"custom_fields_values", "value_before", "value_after", "enums", "nested"}
    )
)
KINDS = st.sampled_from(
    ["leads", "contacts", "customers", "catalog_elements", "events", "notes", "tasks", "users",
     "pipelines", "fields", "transactions"]
)  # fmt: skip


@cases
@given(KINDS, st.lists(st.dictionaries(MEMBERS, JSON_VALUES, max_size=8), max_size=3))
def test_whatever_the_api_returns_becomes_rows_that_databases_take(
    kind: str, items: list[dict[str, Any]]
) -> None:
    for number, item in enumerate(items):
        item["id"] = str(number) if kind == "events" else number
    rows = flatten(kind, items, 1, of="leads")
    main = "fields" if kind == "fields" else kind
    assert len(rows[main]) == len(items)
    for name, found in rows.items():
        table = TABLES[name]
        assert settle(table, found) is found, "settled already"
        keys = [tuple(row[table.places[part]] for part in table.key) for row in found]
        if kind not in ("pipelines", "fields"):
            assert len(set(keys)) == len(keys)
        for row in found:
            for column, value in zip(table.columns, row, strict=True):
                if column.type == "json":
                    json.loads(json_text(value).encode(), parse_constant=pytest.fail)
                elif isinstance(value, str):
                    assert "\0" not in value
                    value.encode("ascii" if column.type == "code" else "utf-8")
