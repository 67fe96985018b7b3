"""Lists, their elements and fields, and products (reference 4.9, 4.10, 4.11, 5.13, 5.15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]


def make(call: Call, kind: str = "regular", **more: Any) -> int:
    answer = call("POST", "/catalogs", json=[{"name": kind, "type": kind, **more}])
    assert answer.status_code == 200, answer.text
    return int(answer.json()["_embedded"]["catalogs"][0]["id"])


def add(call: Call, catalog: int, name: str = "Bike", *values: Any) -> dict[str, Any]:
    model = {"name": name, "custom_fields_values": list(values) or None}
    answer = call("POST", f"/catalogs/{catalog}/elements", json=[model])
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["_embedded"]["elements"][0])


def ids(answer: requests.Response) -> list[int]:
    if answer.status_code == 204:
        return []
    (items,) = answer.json()["_embedded"].values()
    return [one["id"] for one in items]


def test_a_list_goes_round(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    assert call("GET", "/catalogs").status_code == 204
    answer = call("POST", "/catalogs", json=[{"name": "Bikes", "sort": 7}])
    (made,) = answer.json()["_embedded"]["catalogs"]
    user, now = portal.account().admin.id, int(clock.time())
    at = f"/catalogs/{made['id']}"
    assert made == {
        "id": made["id"], "name": "Bikes", "created_by": user, "updated_by": user,
        "created_at": now, "updated_at": now, "sort": 7, "type": "regular",
        "can_add_elements": True, "can_show_in_cards": False, "can_link_multiple": True,
        "can_be_deleted": True, "sdk_widget_code": None, "account_id": portal.account().id,
        "request_id": "0", "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{at}"}},
    }  # fmt: skip
    clock.advance(1)
    changed = call("PATCH", at, json={"name": "B", "can_link_multiple": False}).json()
    assert (changed["name"], changed["request_id"], changed["updated_at"]) == (
        "B", str(made["id"]), now + 1,
    )  # fmt: skip
    batch = call("PATCH", "/catalogs", json=[{"id": made["id"], "sort": 1}])
    assert batch.json()["_embedded"]["catalogs"][0]["sort"] == 1
    assert call("GET", at).json()["can_link_multiple"] is False
    assert call("GET", "/catalogs/1").status_code == 204
    assert call("DELETE", at).status_code == 405


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({}, "FieldMissing", "name"),
        ({"name": ""}, "NotBlank", "name"),
        ({"name": "a", "type": "people"}, "NotSupportedChoice", "type"),
        ({"name": "a", "can_be_removed": True}, "FieldNotExpected", "can_be_removed"),
        ({"name": "a", "can_add_elements": 1}, "InvalidType", "can_add_elements"),
    ],
)
def test_a_bad_list_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert refused(call("POST", "/catalogs", json=[model])) == [(code, path)]


def test_the_type_of_a_list_stays(call: Call, refused: Refused) -> None:
    answer = call("PATCH", f"/catalogs/{make(call)}", json={"type": "invoices"})
    assert refused(answer) == [("NotSupportedChoice", "type")]


def test_an_account_holds_ten_lists(call: Call) -> None:
    assert call("POST", "/catalogs", json=[{"name": "a"}] * 11).status_code == 400
    assert call("POST", "/catalogs", json=[{"name": "a"}] * 10).status_code == 200
    assert call("POST", "/catalogs", json=[{"name": "a"}]).status_code == 400


@pytest.mark.parametrize("kind", ["invoices", "products"])
def test_there_is_one_list_of_these(call: Call, refused: Refused, kind: str) -> None:
    model = {"name": "a", "type": kind}
    error = ("NotSupportedChoice", "type")
    assert refused(call("POST", "/catalogs", json=[model, model])) == [error, error]
    make(call, kind)
    assert refused(call("POST", "/catalogs", json=[model])) == [error]
    assert ids(call("GET", f"/catalogs?type={kind}")) == ids(call("GET", "/catalogs"))
    assert ids(call("GET", "/catalogs?type=regular")) == []


def test_only_administrators_write_lists(ordinary: Call) -> None:
    for method, path in (
        ("POST", "/catalogs"), ("PATCH", "/catalogs"), ("PATCH", "/catalogs/1"),
        ("PATCH", "/catalogs/products/settings"),
    ):  # fmt: skip
        assert ordinary(method, path, json=[{"name": "a"}]).status_code == 403


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("products", {"SKU": "text", "PRICE": "price", "GROUP": "category"}),
        ("invoices", {"BILL_STATUS": "select", "ITEMS": "items", "PAYER": "payer"}),
        ("suppliers", {"SUPPLIER_VAT_ID": "text"}),
        ("regular", {}),
    ],
)
def test_special_lists_have_fields(call: Call, kind: str, codes: dict[str, str]) -> None:
    answer = call("GET", f"/catalogs/{make(call, kind)}/custom_fields")
    if not codes:
        assert answer.status_code == 204
        return
    fields = answer.json()["_embedded"]["custom_fields"]
    assert codes.items() <= {one["code"]: one["type"] for one in fields}.items()
    assert {(one["is_deletable"], one["entity_type"]) for one in fields} == {(False, "catalogs")}
    at = f"/catalogs/{fields[0]['catalog_id']}/custom_fields/{fields[0]['id']}"
    assert call("DELETE", at).status_code == 403


def test_products_are_switched_on(call: Call, refused: Refused) -> None:
    at = "/catalogs/products/settings"
    assert call("GET", at).json() == {"is_enabled": False}
    on = call("PATCH", at, json={"is_enabled": True}).json()
    assert call("PATCH", at, json={"is_enabled": True}).json() == on
    assert call("GET", f"/catalogs/{on['catalog_id']}").json()["type"] == "products"
    assert call("PATCH", at, json={"is_enabled": False}).json() == {**on, "is_enabled": False}
    assert refused(call("PATCH", at, json={"is_enabled": 1})) == [("InvalidType", "is_enabled")]
    assert call("POST", at, json={}).status_code == 405


def test_an_element_goes_round(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    catalog = make(call, "products")
    value = {"field_code": "SKU", "values": [{"value": "b-1"}]}
    made = add(call, catalog, "Bike", value)
    at = f"/catalogs/{catalog}/elements/{made['id']}"
    (item,) = made["custom_fields_values"]
    user, now = portal.account().admin.id, int(clock.time())
    assert made == {
        "id": made["id"], "catalog_id": catalog, "name": "Bike", "created_by": user,
        "updated_by": user, "created_at": now, "updated_at": now, "is_deleted": None,
        "currency_id": None, "custom_fields_values": [item], "account_id": portal.account().id,
        "request_id": "0", "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{at}"}},
        "_embedded": {},
    }  # fmt: skip
    assert (item["field_code"], item["values"], "is_computed" in item) == (
        "SKU", [{"value": "b-1"}], False,
    )  # fmt: skip
    changed = call(
        "PATCH", at, json={"name": "B", "custom_fields_values": [{**value, "values": None}]}
    )
    assert (changed.json()["name"], changed.json()["custom_fields_values"]) == ("B", None)
    batch = call(
        "PATCH", f"/catalogs/{catalog}/elements", json=[{"id": made["id"], "currency_id": 1}]
    )
    assert batch.json()["_embedded"]["elements"][0]["currency_id"] == 1
    assert call("GET", f"{at}?with=invoice_link").json()["invoice_link"] is None
    assert call("GET", f"/catalogs/{catalog}/elements/1").status_code == 204
    assert call("GET", "/catalogs/1/elements").status_code == 404
    assert call("DELETE", at).status_code == 405


def test_a_list_shows_its_own_elements(call: Call) -> None:
    one, two = make(call, "products"), make(call)
    bike = add(call, one, "Bike", {"field_code": "SKU", "values": [{"value": "b-1"}]})["id"]
    car, boat = add(call, one, "Car")["id"], add(call, two, "Boat")["id"]
    wanted = {
        "": [bike, car],
        "query=bik": [bike],
        "query=B-1": [bike],
        "query=boat": [],
        f"filter[id]={car}": [car],
        f"id[]={car}&id[]={boat}": [car],
    }
    at = f"/catalogs/{one}/elements"
    assert {query: ids(call("GET", f"{at}?{query}")) for query in wanted} == wanted
    assert call("PATCH", f"/catalogs/{two}/elements/{bike}", json={"name": "x"}).status_code == 404


def test_a_list_may_be_closed_or_want_a_field(call: Call, refused: Refused) -> None:
    closed, strict = make(call, can_add_elements=False), make(call)
    assert call("POST", f"/catalogs/{closed}/elements", json=[{"name": "a"}]).status_code == 403
    wanted = {"name": "n", "type": "text", "is_required": True, "code": "N"}
    assert call("POST", f"/catalogs/{strict}/custom_fields", json=[wanted]).status_code == 201
    at = f"/catalogs/{strict}/elements"
    assert refused(call("POST", at, json=[{"name": "a"}])) == [
        ("FieldMissing", "custom_fields_values")
    ]
    add(call, strict, "a", {"field_code": "N", "values": [{"value": "x"}]})
    error = ("NotSupportedChoice", "custom_fields_values.0.field_code")
    answer = call(
        "PATCH",
        at,
        json=[{"id": 100001, "custom_fields_values": [{"field_code": "X", "values": []}]}],
    )
    assert refused(answer) == [error]
    assert refused(call("POST", at, json=[{}])) == [
        ("FieldMissing", "name"), ("FieldMissing", "custom_fields_values"),
    ]  # fmt: skip


KINDS: dict[str, dict[str, Any]] = {
    "price": {},
    "category": {
        "nested": [
            {"value": "all", "request_id": "a"},
            {"value": "some", "parent_request_id": "a"},
        ]
    },
    "items": {},
    "linked_entity": {"search_in": "contacts"},
    "supplier": {},
    "payer": {},
}


@pytest.fixture
def catalog(portal: Sandbox, call: Call) -> int:
    """A list with a field of each type that only lists have, a supplier, and a contact."""
    number = make(call)
    wanted = [{"name": kind, "type": kind, "code": kind, **more} for kind, more in KINDS.items()]
    answer = call("POST", f"/catalogs/{number}/custom_fields", json=wanted)
    assert answer.status_code == 201, answer.text
    suppliers = make(call, "suppliers")
    assert add(call, suppliers, "Acme")["id"] == 100001
    assert portal.add("contacts", {"name": "Ann"}) == 30001
    return number


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("price", 100, {"value": "100"}),
        ("items", {"unit_price": 10, "quantity": 3}, {"value": {"total_sum": 30.0}}),
        (
            "items",
            {
                "unit_price": 10,
                "quantity": 3,
                "vat_rate_id": 0,
                "discount": {"type": "percentage", "value": 10},
            },
            {"value": {"total_sum": 27.0, "vat_rate_id": 0}},
        ),
        (
            "items",
            {"unit_price": 10, "quantity": 3, "discount": {"type": "amount", "value": 4}},
            {"value": {"total_sum": 26.0}},
        ),
        ("linked_entity", {"entity_id": 30001, "entity_type": "contacts"}, {"value": {}}),
        (
            "linked_entity",
            {"entity_id": 100001, "entity_type": "catalog_elements", "catalog_id": 100003},
            {"value": {"catalog_id": 100003}},
        ),
        ("supplier", {"entity_id": 100001}, {"value": {"name": "Acme", "entity_id": 100001}}),
        ("payer", {"name": "Ann", "kpp": "1", "type": "legal"}, {"value": {"name": "Ann"}}),
        ("payer", {"entity_type": "contacts", "entity_id": 30001}, {"value": {}}),
    ],
)
def test_a_value_of_each_type_of_lists_goes_round(
    call: Call, catalog: int, kind: str, value: Any, read: dict[str, Any]
) -> None:
    made = add(call, catalog, "e", {"field_code": kind, "values": [{"value": value}]})
    (item,) = made["custom_fields_values"]
    assert item["field_type"] == kind
    shown = item["values"][0]["value"]
    if isinstance(value, dict):
        assert {**value, **read["value"]}.items() <= shown.items()
    else:
        assert item["values"] == [read]


def test_a_category_is_a_choice_of_its_tree(call: Call, refused: Refused, catalog: int) -> None:
    fields = call("GET", f"/catalogs/{catalog}/custom_fields").json()["_embedded"]["custom_fields"]
    field = next(one for one in fields if one["type"] == "category")
    root, leaf = field["nested"]
    assert (root["parent_id"], leaf["parent_id"], leaf["value"]) == (None, root["id"], "some")
    assert set(leaf) == {"id", "parent_id", "value", "sort"}
    made = add(call, catalog, "e", {"field_code": "category", "values": [{"enum_id": leaf["id"]}]})
    value = made["custom_fields_values"][0]["values"]
    assert value == [{"value": "some", "enum_id": leaf["id"], "enum_code": None}]
    at = f"/catalogs/{catalog}/custom_fields/{field['id']}"
    kept = [{"id": root["id"], "value": "ALL"}, {"value": "new", "parent_id": root["id"]}]
    tree = call("PATCH", at, json={"nested": kept}).json()["nested"]
    assert [(one["value"], one["parent_id"]) for one in tree] == [
        ("ALL", None),
        ("new", root["id"]),
    ]
    read = call("GET", f"/catalogs/{catalog}/elements/{made['id']}").json()
    assert read["custom_fields_values"] is None
    (fresh,) = call("PATCH", at, json={"nested": [{"id": 5, "value": "z"}]}).json()["nested"]
    assert fresh["id"] not in (5, root["id"], leaf["id"])
    for wrong, path in (
        ({"value": "x", "parent_request_id": "z"}, "nested.0.parent_request_id"),
        ({"value": "x", "parent_id": 5}, "nested.0.parent_id"),
    ):
        assert refused(call("PATCH", at, json={"nested": [wrong]})) == [
            ("NotSupportedChoice", path)
        ]


@pytest.mark.parametrize(
    ("kind", "value", "code", "path"),
    [
        ("price", "dear", "InvalidType", ""),
        ("category", "none", "NotSupportedChoice", ""),
        ("items", {"x": 1}, "FieldNotExpected", ".x"),
        ("items", {"total": 1}, "FieldNotExpected", ".total"),
        ("items", {"vat_rate_id": 6}, "NotSupportedChoice", ".vat_rate_id"),
        ("items", {"quantity": -1}, "TooLow", ".quantity"),
        (
            "items",
            {"discount": {"type": "gift", "value": 1}},
            "NotSupportedChoice",
            ".discount.type",
        ),
        ("items", {"discount": {"type": "amount"}}, "FieldMissing", ".discount.value"),
        ("linked_entity", {"entity_id": 30001}, "FieldMissing", ".entity_type"),
        ("linked_entity", {"entity_type": "contacts"}, "FieldMissing", ".entity_id"),
        (
            "linked_entity",
            {"entity_type": "contacts", "entity_id": 1},
            "NotSupportedChoice",
            ".entity_id",
        ),
        (
            "linked_entity",
            {"entity_type": "contacts", "entity_id": 30001, "catalog_id": 1},
            "NotSupportedChoice",
            ".catalog_id",
        ),
        (
            "linked_entity",
            {"entity_type": "catalog_elements", "entity_id": 100001},
            "FieldMissing",
            ".catalog_id",
        ),
        (
            "linked_entity",
            {"entity_type": "catalog_elements", "entity_id": 1, "catalog_id": 100003},
            "NotSupportedChoice",
            ".entity_id",
        ),
        ("supplier", {"entity_id": 1}, "NotSupportedChoice", ".entity_id"),
        ("supplier", {}, "FieldMissing", ".entity_id"),
        ("payer", {"entity_id": 30001}, "FieldMissing", ".entity_type"),
        ("payer", {"entity_type": "contacts"}, "FieldMissing", ".entity_id"),
        ("payer", {"entity_type": "contacts", "entity_id": 1}, "NotSupportedChoice", ".entity_id"),
        ("payer", {"type": "x"}, "NotSupportedChoice", ".type"),
    ],
)
def test_a_bad_value_of_lists_is_refused(
    call: Call, refused: Refused, catalog: int, kind: str, value: Any, code: str, path: str
) -> None:
    item = {"field_code": kind, "values": [{"value": value}]}
    model = {"name": "e", "custom_fields_values": [item]}
    answer = call("POST", f"/catalogs/{catalog}/elements", json=[model])
    assert refused(answer) == [(code, f"custom_fields_values.0.values.0.value{path}")]
