"""Customers, their mode, bonus points and transactions (reference 4.18, 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]


def created(call: Call, path: str, model: Any, key: str) -> int:
    return int(call("POST", path, json=[model]).json()["_embedded"][key][0]["id"])


def faults(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    errors = answer.json()["validation-errors"]
    return [(error["code"], error["path"]) for one in errors for error in one["errors"]]


@pytest.fixture
def periodic(call: Call) -> None:
    call("PATCH", "/customers/mode", json={"mode": "periodicity", "is_enabled": True})


@pytest.fixture
def customer(call: Call) -> int:
    return created(call, "/customers", {"name": "Regular"}, "customers")


def test_a_customer_goes_round(call: Call, portal: Sandbox, clock: ManualClock) -> None:
    segment = call("POST", "/customers/segments", json={"name": "Gold"}).json()["id"]
    model = {
        "name": "Regular",
        "next_price": 500,
        "next_date": 1700600000,
        "periodicity": 30,
        "tags_to_add": [{"name": "vip"}],
        "_embedded": {"segments": [{"id": segment}]},
        "request_id": "r",
    }
    answer = call("POST", "/customers", json=[model])
    (short,) = answer.json()["_embedded"]["customers"]
    assert (set(short), short["request_id"]) == ({"id", "request_id", "_links"}, "r")
    read = call("GET", f"/customers/{short['id']}").json()
    assert set(read) == {
        *("id", "name", "next_price", "next_date", "responsible_user_id", "status_id"),
        *("periodicity", "created_by", "updated_by", "created_at", "updated_at"),
        *("closest_task_at", "is_deleted", "custom_fields_values", "ltv", "purchases_count"),
        *("average_check", "account_id", "_links", "_embedded"),
    }
    assert (read["next_price"], read["next_date"], read["periodicity"]) == (500, 1700600000, 30)
    at = f"https://example.amocrm.ru/api/v4/customers/segments/{segment}"
    assert read["_embedded"]["segments"] == [{"id": segment, "_links": {"self": {"href": at}}}]
    assert [tag["name"] for tag in read["_embedded"]["tags"]] == ["vip"]
    clock.advance(10)
    changed = call("PATCH", "/customers", json=[{"id": short["id"], "name": "Rare"}]).json()
    (item,) = changed["_embedded"]["customers"]
    assert set(item) == {"id", "updated_at", "request_id", "_links"}
    one = call("PATCH", f"/customers/{short['id']}", json={"_embedded": {"segments": []}}).json()
    assert set(one) == {"id", "updated_at", "request_id", "_links"}
    read = call("GET", f"/customers/{short['id']}").json()
    assert (read["name"], read["_embedded"]["segments"]) == ("Rare", [])
    assert read["updated_at"] == read["created_at"] + 10


def test_unknown_customers(call: Call) -> None:
    assert call("GET", "/customers").status_code == 204
    assert call("GET", "/customers/5").status_code == 204
    assert call("PATCH", "/customers/5", json={"name": "a"}).status_code == 404
    wrong = call("PATCH", "/customers", json=[{"id": 5, "name": "a"}])
    assert faults(wrong) == [("NotSupportedChoice", "id")]


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ({}, ("FieldMissing", "name")),
        ({"name": ""}, ("NotBlank", "name")),
        ({"name": "x" * 256}, ("TooLong", "name")),
        ({"name": "a", "next_price": "5"}, ("InvalidType", "next_price")),
        ({"name": "a", "periodicity": -1}, ("TooLow", "periodicity")),
        ({"name": "a", "status_id": 301}, ("FieldNotExpected", "status_id")),
        ({"name": "a", "ltw": 5}, ("FieldNotExpected", "ltw")),
        ({"name": "a", "_embedded": {"segments": [{"id": 5}]}},
         ("NotSupportedChoice", "_embedded.segments.0.id")),
        ({"name": "a", "_embedded": {"leads": []}}, ("FieldNotExpected", "_embedded.leads")),
        ({"name": "a", "responsible_user_id": 5}, ("NotSupportedChoice", "responsible_user_id")),
        ({"name": "a", "custom_fields_values": [{"field_id": 5, "values": []}]},
         ("NotSupportedChoice", "custom_fields_values.0.field_id")),
    ],
)  # fmt: skip
def test_customers_are_checked(call: Call, model: Any, fault: tuple[str, str]) -> None:
    assert faults(call("POST", "/customers", json=[model])) == [fault]


def test_a_name_may_have_255_characters(call: Call) -> None:
    assert call("POST", "/customers", json=[{"name": "x" * 255}]).status_code == 200


def test_customers_are_filtered(call: Call) -> None:
    first = created(
        call, "/customers", {"name": "a", "next_price": 5, "next_date": 100}, "customers"
    )
    second = created(call, "/customers", {"name": "b", "next_price": 9}, "customers")

    def found(**params: Any) -> list[int]:
        answer = call("GET", "/customers", params=params)
        if answer.status_code == 204:
            return []
        return [one["id"] for one in answer.json()["_embedded"]["customers"]]

    assert found() == [first, second]
    assert found(**{"filter[name]": "b"}) == [second]
    assert found(**{"filter[next_price][from]": 6}) == [second]
    assert found(**{"filter[next_price][to]": 5}) == [first]
    assert found(**{"filter[next_date][from]": 100, "filter[next_date][to]": 100}) == [first]
    assert found(**{"filter[id][]": [first, second]}) == [first, second]
    assert found(**{"filter[status_id]": 301}) == []
    assert found(query="b") == [second]


def test_the_mode_is_changed_and_told(call: Call) -> None:
    answer = call("PATCH", "/customers/mode", json={"mode": "periodicity", "is_enabled": True})
    body = answer.json()
    assert (body["mode"], body["is_enabled"]) == ("periodicity", True)
    assert call("GET", "/account").json()["customers_mode"] == "periodicity"
    call("PATCH", "/customers/mode", json={"mode": "segments", "is_enabled": False})
    assert call("GET", "/account").json()["customers_mode"] == "disabled"
    for path in ("/customers", "/customers/5", "/customers/transactions", "/customers/segments"):
        assert call("GET", path).status_code == 402
    assert call("POST", "/customers", json=[{"name": "a"}]).status_code == 402


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"mode": "segments"},
        {"is_enabled": True},
        {"mode": "dynamic", "is_enabled": True},
        {"mode": "segments", "is_enabled": 1},
    ],
)
def test_the_mode_is_checked(call: Call, model: Any) -> None:
    assert call("PATCH", "/customers/mode", json=model).status_code == 400


def test_a_plan_without_customers_answers_402(call: Call, portal: Sandbox) -> None:
    portal.account().customers_mode = "unavailable"
    model = {"mode": "segments", "is_enabled": True}
    assert call("PATCH", "/customers/mode", json=model).status_code == 402
    assert call("GET", "/customers").status_code == 402


@pytest.mark.usefixtures("periodic")
def test_in_periodicity_mode_a_date_is_needed_and_a_status_known(call: Call) -> None:
    assert faults(call("POST", "/customers", json=[{"name": "a"}])) == [
        ("FieldMissing", "next_date")
    ]
    statuses = call("GET", "/customers/statuses").json()["_embedded"]["statuses"]
    usual = next(one["id"] for one in statuses if one["is_default"])
    number = created(call, "/customers", {"name": "a", "next_date": 5}, "customers")
    assert call("GET", f"/customers/{number}").json()["status_id"] == usual
    wrong = call("PATCH", f"/customers/{number}", json={"status_id": 5})
    assert faults(wrong) == [("NotSupportedChoice", "status_id")]
    other = statuses[-1]["id"]
    assert call("PATCH", f"/customers/{number}", json={"status_id": other}).status_code == 200
    found = call("GET", "/customers", params={"filter[status_id][]": other}).json()
    assert found["_embedded"]["customers"][0]["id"] == number
    events = call("GET", "/events").json()["_embedded"]["events"]
    assert "customer_status_changed" in [one["type"] for one in events]


def test_bonus_points_are_earned_and_redeemed(call: Call, customer: int) -> None:
    path = f"/customers/{customer}/bonus_points"
    assert call("POST", path, json={"earn": 534}).json() == {"bonus_points": 534}
    assert call("POST", path, json={"redeem": 534}).json() == {"bonus_points": 0}
    assert faults(call("POST", path, json={"redeem": 1})) == [("TooHigh", "redeem")]
    assert faults(call("POST", path, json={"earn": 1, "redeem": 1})) == [
        ("FieldNotExpected", "redeem")
    ]
    for wrong in ({}, {"earn": "5"}, {"earn": 0}, {"points": 5}):
        assert call("POST", path, json=wrong).status_code == 400
    assert call("POST", "/customers/5/bonus_points", json={"earn": 1}).status_code == 404


@pytest.mark.parametrize("under", ["/customers/{}/transactions", "/customers/transactions"])
def test_a_transaction_goes_round(call: Call, customer: int, portal: Sandbox, under: str) -> None:
    portal.account().shelf("elements")[77] = {"id": 77, "catalog_id": 5}
    element = {"id": 77, "metadata": {"catalog_id": 5, "quantity": 2}}
    model = {
        "price": 500,
        "comment": "first",
        "completed_at": 1700000000,
        "next_price": 900,
        "next_date": 1700600000,
        "_embedded": {"catalog_elements": [element]},
    }
    path = f"/customers/{customer}/transactions"
    (short,) = call("POST", path, json=[model]).json()["_embedded"]["transactions"]
    assert set(short) == {"id", "customer_id", "request_id", "_links"}
    assert (short["customer_id"], short["request_id"]) == (customer, "0")
    (listed,) = call("GET", under.format(customer)).json()["_embedded"]["transactions"]
    read = call("GET", f"{under.format(customer)}/{short['id']}").json()
    assert listed == read
    assert set(read) == {
        *("id", "price", "comment", "completed_at", "customer_id", "created_by", "updated_by"),
        *("created_at", "updated_at", "is_deleted", "account_id", "_links", "_embedded"),
    }
    assert read["_embedded"] == {"customer": {"id": customer}, "catalog_elements": [element]}
    owner = call("GET", f"/customers/{customer}").json()
    assert (owner["next_price"], owner["next_date"]) == (900, 1700600000)
    call("POST", path, json=[{"price": 100}])
    owner = call("GET", f"/customers/{customer}").json()
    assert (owner["ltv"], owner["purchases_count"], owner["average_check"]) == (600, 2, 300)
    gone = call("DELETE", f"{under.format(customer)}/{short['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", f"{under.format(customer)}/{short['id']}").status_code == 404
    assert call("DELETE", f"{under.format(customer)}/{short['id']}").status_code == 404
    owner = call("GET", f"/customers/{customer}").json()
    assert (owner["ltv"], owner["purchases_count"]) == (100, 1)


def test_transactions_belong_to_their_customer(call: Call, customer: int) -> None:
    other = created(call, "/customers", {"name": "b"}, "customers")
    path = f"/customers/{customer}/transactions"
    number = created(call, path, {"price": 5}, "transactions")
    assert call("GET", f"/customers/{other}/transactions").status_code == 204
    assert call("GET", f"/customers/{other}/transactions/{number}").status_code == 404
    assert call("GET", "/customers/5/transactions").status_code == 404
    found = call("GET", "/customers/transactions", params={"filter[id][]": number}).json()
    assert found["_embedded"]["transactions"][0]["id"] == number
    assert call("POST", "/customers/transactions", json=[{"price": 5}]).status_code == 405


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ({}, ("FieldMissing", "price")),
        ({"price": "5"}, ("InvalidType", "price")),
        ({"price": 5, "customer": 3}, ("FieldNotExpected", "customer")),
        (
            {
                "price": 5,
                "_embedded": {"catalog_elements": [{"id": 1, "metadata": {"catalog_id": 2}}]},
            },
            ("NotSupportedChoice", "_embedded.catalog_elements.0.id"),
        ),
        (
            {"price": 5, "_embedded": {"catalog_elements": [{"id": 1}]}},
            ("FieldMissing", "_embedded.catalog_elements.0.metadata"),
        ),
    ],
)
def test_transactions_are_checked(
    call: Call, customer: int, model: Any, fault: tuple[str, str]
) -> None:
    path = f"/customers/{customer}/transactions"
    assert fault in faults(call("POST", path, json=[model]))


@pytest.mark.parametrize(("value", "status"), [("true", 200), ("false", 200), ("maybe", 400)])
def test_accruing_is_said_with_true_or_false(
    call: Call, customer: int, value: str, status: int
) -> None:
    path = f"/customers/{customer}/transactions?accrue_bonus={value}"
    assert call("POST", path, json=[{"price": 5}]).status_code == status


@pytest.mark.usefixtures("periodic")
def test_statuses_of_customers_go_round(call: Call) -> None:
    body = call("GET", "/customers/statuses").json()
    assert body["_total_items"] == 4
    assert [one["type"] for one in body["_embedded"]["statuses"]] == [4, 1, 2, 3]
    model = {"name": "New", "sort": 5, "color": "#ffdbdb"}
    number = created(call, "/customers/statuses", model, "statuses")
    read = call("GET", f"/customers/statuses/{number}").json()
    assert set(read) == {
        *("id", "name", "sort", "is_default", "conditions", "color", "type", "account_id"),
        "_links",
    }
    assert (read["name"], read["type"], read["color"]) == ("New", 0, "#ffdbdb")
    changed = call("PATCH", f"/customers/statuses/{number}", json={"name": "Newer"}).json()
    assert (changed["name"], changed["request_id"]) == ("Newer", "0")
    assert call("DELETE", f"/customers/statuses/{number}").status_code == 204
    assert call("GET", f"/customers/statuses/{number}").status_code == 404
    system = body["_embedded"]["statuses"][0]["id"]
    assert call("DELETE", f"/customers/statuses/{system}").status_code == 400


@pytest.mark.usefixtures("periodic")
def test_statuses_of_customers_are_checked_and_thirty(call: Call) -> None:
    for model in ({"name": "a"}, {"sort": 1}, {"name": "a", "sort": 1, "color": "#000000"}):
        assert call("POST", "/customers/statuses", json=[model]).status_code == 400
    many = [{"name": f"s{number}", "sort": number} for number in range(27)]
    assert call("POST", "/customers/statuses", json=many).status_code == 422
    assert call("POST", "/customers/statuses", json=many[:26]).status_code == 200
    assert call("POST", "/customers/statuses", json=many[:1]).status_code == 422


def test_statuses_and_segments_depend_on_the_mode(call: Call) -> None:
    assert call("GET", "/customers/statuses").status_code == 422
    assert call("GET", "/customers/statuses/5").status_code == 422
    assert call("GET", "/customers/segments").status_code == 204
    call("PATCH", "/customers/mode", json={"mode": "periodicity", "is_enabled": True})
    assert call("GET", "/customers/statuses").status_code == 200
    assert call("GET", "/customers/segments").status_code == 422


def test_a_segment_goes_round(call: Call, portal: Sandbox) -> None:
    model = {"name": "Gold", "color": "6610f2", "available_products_price_types": [62]}
    made = call("POST", "/customers/segments", json=model)
    segment = made.json()
    assert made.status_code == 200
    assert set(segment) == {
        *("id", "created_at", "updated_at", "account_id", "name", "color", "customers_count"),
        *("available_products_price_types", "custom_fields_values", "_links"),
    }
    assert {name: segment[name] for name in model} == model
    nested = {"segments": [{"id": segment["id"]}]}
    created(call, "/customers", {"name": "a", "_embedded": nested}, "customers")
    body = call("GET", "/customers/segments").json()
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (1, 1, 1)
    assert body["_embedded"]["segments"][0]["customers_count"] == 1
    path = f"/customers/segments/{segment['id']}"
    assert call("PATCH", path, json={"name": "Silver"}).json()["name"] == "Silver"
    assert call("GET", path).json()["name"] == "Silver"
    assert call("DELETE", path).status_code == 204
    assert call("GET", path).status_code == 404
    (left,) = call("GET", "/customers").json()["_embedded"]["customers"]
    assert left["_embedded"]["segments"] == []


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"color": "6610f2"},
        {"name": "a", "color": "6610F2"},
        [{"name": "a"}],
        {"name": 1},
        {"name": "a", "available_products_price_types": ["b"]},
        {"name": "a", "x": 1},
        {"name": "a", "custom_fields_values": [{"field_id": 1, "values": [{"value": "a"}]}]},
    ],
)
def test_segments_are_checked(call: Call, model: Any) -> None:
    assert call("POST", "/customers/segments", json=model).status_code == 400


def test_segments_are_a_hundred(call: Call) -> None:
    for number in range(100):
        answer = call("POST", "/customers/segments", json={"name": f"s{number}"})
        assert answer.status_code == 200
    assert call("POST", "/customers/segments", json={"name": "one more"}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/customers/mode"),
        ("POST", "/customers/statuses"),
        ("PATCH", "/customers/statuses/5"),
        ("DELETE", "/customers/statuses/5"),
        ("POST", "/customers/segments"),
        ("PATCH", "/customers/segments/5"),
        ("DELETE", "/customers/segments/5"),
    ],
)
def test_these_need_an_administrator(
    portal: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived(admin=False)}"}
    url = f"https://example.amocrm.ru/api/v4{path}"
    assert session.request(method, url, headers=headers, json={}).status_code == 403


def test_customers_are_linked_and_have_fields(call: Call, portal: Sandbox, customer: int) -> None:
    contact, company = portal.add("contacts", {}), portal.add("companies", {})
    ends = [
        {"to_entity_id": contact, "to_entity_type": "contacts"},
        {"to_entity_id": company, "to_entity_type": "companies"},
    ]
    assert call("POST", f"/customers/{customer}/link", json=ends).status_code == 200
    plain = call("GET", f"/customers/{customer}").json()["_embedded"]
    assert set(plain) == {"segments", "tags"}
    params = {"with": "contacts,companies,catalog_elements"}
    embedded = call("GET", f"/customers/{customer}", params=params).json()["_embedded"]
    assert [one["id"] for one in embedded["contacts"]] == [contact]
    assert [one["id"] for one in embedded["companies"]] == [company]
    assert embedded["catalog_elements"] == []
    back = call("GET", f"/contacts/{contact}", params={"with": "customers"}).json()
    assert [one["id"] for one in back["_embedded"]["customers"]] == [customer]
    for path, owner in (("/customers", f"/customers/{customer}"), ("/customers/segments", "")):
        field = [{"name": "Level", "type": "text", "code": "LEVEL"}]
        assert call("POST", f"{path}/custom_fields", json=field).status_code == 201
        owner = owner or f"{path}/{call('POST', path, json={'name': 'Gold'}).json()['id']}"
        value = {"field_code": "LEVEL", "values": [{"value": "high"}]}
        assert call("PATCH", owner, json={"custom_fields_values": [value]}).status_code == 200
        (shown,) = call("GET", owner).json()["custom_fields_values"]
        assert shown["values"] == [{"value": "high"}]


def test_customers_have_tags_notes_files_and_tasks(call: Call, customer: int) -> None:
    note = {"note_type": "common", "params": {"text": "a"}}
    assert call("POST", f"/customers/{customer}/notes", json=[note]).status_code == 200
    task = {"text": "a", "complete_till": 5, "entity_id": customer, "entity_type": "customers"}
    assert call("POST", "/tasks", json=[task]).status_code == 200
    assert call("GET", f"/customers/{customer}").json()["closest_task_at"] == 5
    assert call("POST", "/customers/tags", json=[{"name": "a"}]).status_code == 200
    assert call("GET", f"/customers/{customer}/files").status_code == 204
