"""Creating and changing leads, contacts and companies (reference 3.1, 3.3, 4.2, 4.7, 4.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, ProblemError, Sandbox

Call = Callable[..., requests.Response]

ENTITY_TYPES = ("leads", "contacts", "companies")
MISSING = "This field is missing."
NOT_EXPECTED = "This field was not expected."
NO_CHOICE = "The value you selected is not a valid choice."


def errors(answer: requests.Response) -> list[tuple[str, str, str]]:
    """Return (request_id, code, path) of every validation error."""
    body = answer.json()
    assert (answer.status_code, body["title"]) == (400, "Bad Request")
    assert body["detail"] == "Request validation failed"
    return [
        (one["request_id"], error["code"], error["path"])
        for one in body["validation-errors"]
        for error in one["errors"]
    ]


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
def test_creation_answers_short_models_in_order(
    portal: Sandbox, call: Call, entity_type: str
) -> None:
    answer = call("POST", f"/{entity_type}", json=[{"name": "a", "request_id": "x"}, {"name": "b"}])
    items = answer.json()["_embedded"][entity_type]
    root = f"https://example.amocrm.ru/api/v4/{entity_type}"
    assert answer.status_code == 200
    assert answer.json()["_links"] == {"self": {"href": root}}
    assert [one["request_id"] for one in items] == ["x", "1"]
    assert items[1]["id"] == items[0]["id"] + 2
    assert items[0]["_links"] == {"self": {"href": f"{root}/{items[0]['id']}"}}
    assert [one["name"] for one in getattr(portal, entity_type)()] == ["a", "b"]
    assert portal.counters[f"created.{entity_type}"] == 2


def test_a_lead_without_anything_gets_defaults(
    portal: Sandbox, clock: ManualClock, call: Call
) -> None:
    call("POST", "/leads", json=[{}])
    (lead,) = portal.leads()
    account = portal.account()
    assert lead["name"] == f"Сделка #{lead['id']}"
    assert lead["status_id"] == account.statuses(lead["pipeline_id"])[1]["id"]
    assert lead["responsible_user_id"] == lead["created_by"] == account.admin.id
    assert lead["created_at"] == lead["updated_at"] == int(clock.time())
    assert (lead["price"], lead["closed_at"]) == (0, None)


def test_the_author_and_the_times_may_be_given(portal: Sandbox, call: Call) -> None:
    model = {"created_at": 5, "updated_at": 6, "created_by": 0, "updated_by": 503, "price": 7}
    call("POST", "/leads", json=[model])
    (lead,) = portal.leads()
    assert model.items() <= lead.items()


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"name": 5}, "InvalidType", "name"),
        ({"name": None}, "NotNullable", "name"),
        ({"name": "n" * 256}, "TooLong", "name"),
        ({"price": "5"}, "InvalidType", "price"),
        ({"price": True}, "InvalidType", "price"),
        ({"status_id": 1.5}, "InvalidType", "status_id"),
        ({"pryce": 5}, "FieldNotExpected", "pryce"),
        ({"group": 0}, "FieldNotExpected", "group"),
        ({"tags_to_delete": []}, "FieldNotExpected", "tags_to_delete"),
        ({"status_id": 1}, "NotSupportedChoice", "status_id"),
        ({"pipeline_id": 1}, "NotSupportedChoice", "pipeline_id"),
        ({"responsible_user_id": 1}, "NotSupportedChoice", "responsible_user_id"),
        ({"created_by": 1}, "NotSupportedChoice", "created_by"),
        ({"request_id": 5}, "InvalidType", "request_id"),
        ({"tags_to_add": "a"}, "InvalidType", "tags_to_add"),
        ({"tags_to_add": ["a"]}, "InvalidType", "tags_to_add.0"),
        ({"tags_to_add": [{}]}, "FieldMissing", "tags_to_add.0.name"),
        ({"tags_to_add": [{"id": 1}]}, "NotSupportedChoice", "tags_to_add.0.id"),
        ({"_embedded": 5}, "InvalidType", "_embedded"),
        ({"_embedded": ["a"]}, "FieldNotExpected", "_embedded.0"),
        ({"_embedded": {"tags": 5}}, "InvalidType", "_embedded.tags"),
        ({"_embedded": {"nonsense": []}}, "FieldNotExpected", "_embedded.nonsense"),
        ({"_embedded": {"contacts": [5]}}, "InvalidType", "_embedded.contacts.0"),
        ({"_embedded": {"contacts": [{}]}}, "FieldMissing", "_embedded.contacts.0.id"),
        ({"_embedded": {"contacts": [{"id": 1}]}}, "NotSupportedChoice", "_embedded.contacts.0.id"),
        (
            {"_embedded": {"companies": [{"id": 1}]}},
            "NotSupportedChoice",
            "_embedded.companies.0.id",
        ),
        ({"_embedded": {"source": 5}}, "InvalidType", "_embedded.source"),
        ({"custom_fields_values": 5}, "InvalidType", "custom_fields_values"),
    ],
)
def test_a_bad_lead_is_refused_with_a_path(
    portal: Sandbox, call: Call, model: dict[str, Any], code: str, path: str
) -> None:
    answer = call("POST", "/leads", json=[{"name": "good"}, model])
    assert errors(answer) == [("1", code, path)]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert portal.leads() == []


def test_details_follow_the_wording_of_the_reference(call: Call) -> None:
    answer = call("POST", "/leads", json=[{"name": 5, "x": 1, "status_id": 1, "tags_to_add": [{}]}])
    details = {
        one["code"]: one["detail"] for one in answer.json()["validation-errors"][0]["errors"]
    }
    assert details == {
        "InvalidType": "This value should be of type string.",
        "FieldNotExpected": NOT_EXPECTED,
        "NotSupportedChoice": NO_CHOICE,
        "FieldMissing": MISSING,
    }


def test_errors_carry_the_request_id_of_their_model(call: Call) -> None:
    models = [{"name": 1, "request_id": "one"}, {"price": "x", "name": 2}, {}]
    found = errors(call("POST", "/leads", json=models))
    assert set(found) == {
        ("one", "InvalidType", "name"),
        ("1", "InvalidType", "price"),
        ("1", "InvalidType", "name"),
    }


@pytest.mark.parametrize(
    ("body", "kind", "detail"),
    [
        (b"", "application/json", "Request data can not be empty"),
        (b"[]", "application/json", "Request data can not be empty"),
        (b"[{}]", "text/plain", "Request data can not be empty"),
        (b"[{}", "application/json", "Malformed JSON"),
        (b"\xff", "application/json", "Malformed JSON"),
        (b"[NaN]", "application/json", "Malformed JSON"),
        (b'[{"name": "\\ud800"}]', "application/json", "Malformed JSON"),
        (b"[" * 100_000, "application/json", "Malformed JSON"),
        (b"{}", "application/json", "Request data can not be empty"),
        (b'{"name": "a"}', "application/json", "Request validation failed"),
        (b"5", "application/json", "Request validation failed"),
    ],
)
def test_a_body_that_is_no_array_of_models_is_400(
    call: Call, body: bytes, kind: str, detail: str
) -> None:
    answer = call("POST", "/leads", data=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


def test_a_model_that_is_no_object_is_refused(call: Call) -> None:
    assert errors(call("POST", "/leads", json=[5])) == [("0", "InvalidType", "")]
    assert errors(call("PATCH", "/leads", json=[5])) == [("0", "InvalidType", "")]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_batch_holds_250_models(portal: Sandbox, call: Call, method: str) -> None:
    model = {} if method == "POST" else {"id": portal.add("leads", {})}
    assert call(method, "/leads", json=[model] * 250).status_code == 200
    assert call(method, "/leads", json=[model] * 251).status_code == 422


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
def test_a_batch_patch_changes_and_answers_short(
    portal: Sandbox, clock: ManualClock, call: Call, entity_type: str
) -> None:
    one, two = portal.add(entity_type, {"name": "a"}), portal.add(entity_type, {"name": "b"})
    clock.advance(60)
    answer = call(
        "PATCH", f"/{entity_type}", json=[{"id": two, "name": "B"}, {"id": one, "request_id": "r"}]
    )
    items = answer.json()["_embedded"][entity_type]
    assert [item["id"] for item in items] == [two, one]
    assert ["request_id" in item for item in items] == [False, True]
    assert items[0]["updated_at"] == int(clock.time())
    assert items[0].get("name") == (None if entity_type == "leads" else "B")
    assert [entity["name"] for entity in getattr(portal, entity_type)()] == ["a", "B"]


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
def test_an_item_patch_answers_one_bare_model(
    portal: Sandbox, clock: ManualClock, call: Call, entity_type: str
) -> None:
    number = portal.add(entity_type, {"name": "a"})
    clock.advance(60)
    answer = call("PATCH", f"/{entity_type}/{number}", json={"name": "b", "request_id": "r"})
    name = {} if entity_type == "leads" else {"name": "b"}
    assert answer.json() == {
        "id": number,
        **name,
        "updated_at": int(clock.time()),
        "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4/{entity_type}/{number}"}},
    }


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({}, "FieldMissing", "id"),
        ({"id": 1}, "NotSupportedChoice", "id"),
        ({"id": "x"}, "InvalidType", "id"),
        ({"id": 7001, "_embedded": {"customers": []}}, "FieldNotExpected", "_embedded.customers"),
        ({"id": 7001, "visitor_uid": "x"}, "FieldNotExpected", "visitor_uid"),
    ],
)
def test_a_bad_patch_is_refused(
    portal: Sandbox, call: Call, model: dict[str, Any], code: str, path: str
) -> None:
    assert portal.add("leads", {}) == 7001
    assert errors(call("PATCH", "/leads", json=[model])) == [("0", code, path)]


def test_patching_an_item_that_is_not_there_is_404(call: Call) -> None:
    assert call("PATCH", "/leads/1", json={"price": 1}).status_code == 404


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (5, "Request validation failed"),
        ([{}], "Request validation failed"),
        ([], "Request data can not be empty"),
        ({}, "Request data can not be empty"),
    ],
)
def test_an_item_patch_takes_one_object(
    portal: Sandbox, call: Call, body: Any, detail: str
) -> None:
    number = portal.add("leads", {})
    answer = call("PATCH", f"/leads/{number}", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


def test_closing_and_reopening_a_lead(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    number = portal.add("leads", {})
    first = portal.leads()[0]["status_id"]
    clock.advance(60)

    def patch(**model: Any) -> dict[str, Any]:
        assert call("PATCH", f"/leads/{number}", json=model).status_code == 200
        return portal.leads()[0]

    won = patch(status_id=142)
    assert (won["status_id"], won["closed_at"]) == (142, int(clock.time()))
    clock.advance(60)
    assert patch(status_id=143)["closed_at"] == won["closed_at"]
    assert patch(status_id=first)["closed_at"] is None
    assert patch(status_id=142, closed_at=5)["closed_at"] == 5


def test_a_stage_implies_its_pipeline(portal: Sandbox, call: Call) -> None:
    account = portal.account()
    stages = account.statuses(11)
    account.pipelines[99] = {
        **account.pipelines[11],
        "id": 99,
        "is_main": False,
        "_embedded": {
            "statuses": [{**stages[0], "id": 900}, {**stages[1], "id": 901}, *stages[-2:]]
        },
    }
    number = portal.add("leads", {"status_id": 901})
    assert portal.leads()[0]["pipeline_id"] == 99
    call("PATCH", f"/leads/{number}", json={"status_id": 143})
    assert portal.leads()[0]["pipeline_id"] == 99
    call("PATCH", f"/leads/{number}", json={"pipeline_id": 11})
    assert portal.leads()[0]["status_id"] == stages[1]["id"]
    wrong = call("PATCH", f"/leads/{number}", json={"pipeline_id": 11, "status_id": 901})
    assert errors(wrong) == [("0", "NotSupportedChoice", "status_id")]


def test_tags_are_set_added_and_removed(portal: Sandbox, call: Call) -> None:
    model: dict[str, Any] = {
        "tags_to_add": [{"name": "vip"}],
        "_embedded": {"tags": [{"name": "a"}]},
    }
    number = portal.add("leads", model)

    def patch(**model: Any) -> list[str]:
        assert call("PATCH", f"/leads/{number}", json=model).status_code == 200
        tags: list[str] = portal.leads()[0]["tags"]
        return tags

    assert portal.leads()[0]["tags"] == ["a", "vip"]
    assert patch(price=1) == ["a", "vip"]
    assert patch(tags_to_add=[{"name": "VIP"}, {"name": "b"}]) == ["a", "vip", "b"]
    assert patch(tags_to_delete=[{"name": "A"}]) == ["vip", "b"]
    tag = call("GET", f"/leads/{number}").json()["_embedded"]["tags"][0]
    assert tag == {"id": tag["id"], "name": "vip", "color": None}
    assert patch(_embedded={"tags": [{"id": tag["id"]}]}) == ["vip"]
    assert patch(_embedded={"tags": None}) == []


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ({"first_name": "Ann", "last_name": "Lee"}, ("Ann Lee", "Ann", "Lee")),
        ({"first_name": "Ann"}, ("Ann", "Ann", "")),
        ({"name": "Ann Lee"}, ("Ann Lee", "", "")),
        ({"name": "Boss", "last_name": "Lee"}, ("Boss", "", "Lee")),
        ({}, ("", "", "")),
    ],
)
def test_names_of_a_contact(
    portal: Sandbox, call: Call, model: dict[str, str], names: tuple[str, str, str]
) -> None:
    call("POST", "/contacts", json=[model])
    (contact,) = portal.contacts()
    assert (contact["name"], contact["first_name"], contact["last_name"]) == names


@pytest.mark.parametrize("entity_type", ["contacts", "companies"])
def test_contacts_and_companies_are_not_linked_by_their_model(
    portal: Sandbox, call: Call, entity_type: str
) -> None:
    lead = portal.add("leads", {})
    answer = call("POST", f"/{entity_type}", json=[{"_embedded": {"leads": [{"id": lead}]}}])
    assert answer.status_code == 200
    assert portal.leads()[0][entity_type] == []
    answer = call("POST", f"/{entity_type}", json=[{"price": 1}])
    assert errors(answer) == [("0", "FieldNotExpected", "price")]


def test_a_lead_has_one_company(portal: Sandbox, call: Call) -> None:
    companies = [{"id": portal.add("companies", {})} for _ in range(2)]
    answer = call("POST", "/leads", json=[{"_embedded": {"companies": companies}}])
    assert errors(answer) == [("0", "TooHigh", "_embedded.companies")]


def test_what_is_added_by_hand_is_checked_and_copied(portal: Sandbox) -> None:
    model: dict[str, Any] = {"name": "a", "tags_to_add": [{"name": "t"}]}
    portal.add("leads", model)
    model["name"] = "b"
    portal.leads()[0]["name"] = "c"
    assert portal.leads()[0]["name"] == "a"
    with pytest.raises(ProblemError, match="validation"):
        portal.add("leads", {"nonsense": 1})


def test_accounts_do_not_see_one_another(clock: ManualClock) -> None:
    portal = Sandbox(("one", "two"), clock=clock)
    first, second = portal.add("leads", {}, "one"), portal.add("leads", {}, "two")
    assert first != second
    assert [lead["id"] for lead in portal.leads("two")] == [second]
