"""Writes and refusals recorded from real accounts, each with its exact status and body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from tests.sandbox.every_write import RIGHTS, World

Call = Callable[..., requests.Response]
ROOT = "https://example.amocrm.ru/api/v4"


@pytest.fixture
def world(portal: Sandbox) -> World:
    return World(portal)


def null(path: str) -> dict[str, str]:
    return {"code": "NotNullable", "path": path, "detail": "This value should not be null."}


def refusal(*errors: dict[str, str]) -> dict[str, Any]:
    return {
        "title": "Bad Request",
        "type": "https://httpstatus.es/400",
        "status": 400,
        "detail": "Request validation failed",
        "validation-errors": [{"request_id": "0", "errors": list(errors)}],
    }


def test_a_link_names_its_own_side_with_null(portal: Sandbox, call: Call) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    model = {
        "entity_type": None, "entity_id": None, "to_entity_type": "contacts",
        "to_entity_id": contact, "metadata": {"is_main": True},
    }  # fmt: skip
    answer = call("POST", f"/leads/{lead}/link", json=[model])
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "_total_items": 1,
            "_links": {"self": {"href": f"{ROOT}/leads/{lead}/links"}},
            "_embedded": {
                "links": [
                    {"entity_id": lead, "entity_type": "leads", "to_entity_id": contact,
                     "to_entity_type": "contacts", "metadata": {"main_contact": True}}
                ]
            },
        },
    )  # fmt: skip


def test_a_wide_link_names_the_type_of_its_own_side(portal: Sandbox, call: Call) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    model = {"entity_id": lead, "entity_type": "leads", "to_entity_id": contact,
             "to_entity_type": "contacts"}  # fmt: skip
    answer = call("POST", "/leads/link", json=[model])
    assert (answer.status_code, portal.leads()[0]["contacts"]) == (200, [contact])


def test_the_end_of_a_link_takes_all_its_metadata(world: World) -> None:
    lead = world.entity("leads")
    catalog, element = world.element()
    metadata = {"quantity": 1, "catalog_id": catalog, "price_id": None}
    model = {"to_entity_id": element, "to_entity_type": "catalog_elements", "metadata": metadata}
    assert world.send("POST", f"/leads/{lead}/link", [model]).status_code == 200
    answer = world.send("POST", f"/leads/{lead}/unlink", [model])
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.send("GET", f"/leads/{lead}/links").status_code == 204


def test_a_field_is_changed_with_its_own_type(call: Call) -> None:
    made = call("POST", "/leads/custom_fields", json=[{"name": "A", "type": "text"}]).json()
    at = f"/leads/custom_fields/{made['_embedded']['custom_fields'][0]['id']}"
    answer = call("PATCH", at, json={"type": "text", "name": "B"})
    assert (answer.status_code, answer.json()["name"]) == (200, "B")
    other = call("PATCH", at, json={"type": "url", "name": "C"})
    detail = "The value you selected is not a valid choice."
    error = {"code": "NotSupportedChoice", "path": "type", "detail": detail}
    assert (other.status_code, other.json()) == (400, refusal(error))


def test_stages_of_a_new_pipeline_have_request_ids(call: Call) -> None:
    stages = [
        {"name": "New", "sort": 10, "request_id": "a"},
        {"id": 142, "name": "Paid", "request_id": "b"},
    ]
    model = {"name": "Second", "sort": 2, "is_main": False, "is_unsorted_on": True,
             "_embedded": {"statuses": stages}}  # fmt: skip
    answer = call("POST", "/leads/pipelines", json=[model])
    (made,) = answer.json()["_embedded"]["pipelines"]
    names = [one["name"] for one in made["_embedded"]["statuses"]]
    assert (answer.status_code, names[1:3]) == (200, ["New", "Paid"])


def test_segments_of_a_customer_are_those_that_were_read(world: World) -> None:
    segment = world.make("/customers/segments", {"name": "Gold", "color": "10599d"})
    shown = {"id": segment["id"], "name": "Gold", "color": "10599d", "request_id": "0"}
    number = world.id("/customers", name="A", _embedded={"segments": [shown]})
    href = f"{ROOT}/customers/segments/{segment['id']}"
    assert world.send("GET", f"/customers/{number}").json()["_embedded"]["segments"] == [
        {"id": segment["id"], "_links": {"self": {"href": href}}}
    ]


def test_a_template_has_no_buttons(call: Call) -> None:
    model = {"name": "A", "content": "B", "buttons": None}
    answer = call("POST", "/chats/templates", json=[model])
    (made,) = answer.json()["_embedded"]["chat_templates"]
    assert (answer.status_code, made["buttons"]) == (200, [])


def test_a_task_has_nothing_embedded(call: Call) -> None:
    model = {"text": "A", "complete_till": 2000000000.0, "_embedded": {}}
    answer = call("POST", "/tasks", json=[model])
    (made,) = answer.json()["_embedded"]["tasks"]
    task = call("GET", f"/tasks/{made['id']}").json()
    assert (answer.status_code, task["complete_till"]) == (200, 2000000000)
    assert isinstance(task["complete_till"], int)


def test_a_price_has_a_fraction(portal: Sandbox, call: Call) -> None:
    answer = call("POST", "/leads", json=[{"price": 99.5}])
    at = f"/leads/{answer.json()['_embedded']['leads'][0]['id']}"
    lead = call("GET", at).json()
    assert (answer.status_code, lead["price"], "price_with_minor_units" in lead) == (200, 99, False)
    portal.account().has_minor_units = True
    lead = call("GET", at).json()
    assert (lead["price"], lead["price_with_minor_units"]) == (99, 99.5)


def test_a_custom_date_is_a_whole_float(call: Call, portal: Sandbox) -> None:
    made = call("POST", "/leads/custom_fields", json=[{"name": "A", "type": "date"}]).json()
    field = made["_embedded"]["custom_fields"][0]["id"]
    value = {"field_id": field, "values": [{"value": 2000000000.0}]}
    assert call("POST", "/leads", json=[{"custom_fields_values": [value]}]).status_code == 200
    assert portal.leads()[0]["custom_fields_values"][0]["values"] == [{"value": 2000000000}]


@pytest.mark.parametrize("name", ["link", "call_result", "call_status"])
def test_null_in_a_call_note_is_refused(portal: Sandbox, call: Call, name: str) -> None:
    lead = portal.add("leads", {})
    params = {"duration": 5, "source": "pbx", "phone": "+7900", name: None}
    note = {"note_type": "call_in", "params": params}
    answer = call("POST", f"/leads/{lead}/notes", json=[note])
    assert (answer.status_code, answer.json()) == (400, refusal(null(f"params.{name}")))


@pytest.mark.parametrize("name", ["link", "call_result", "call_status", "phone", "duration"])
def test_null_in_a_call_is_refused(call: Call, name: str) -> None:
    model = {"direction": "inbound", "duration": 5, "source": "pbx", "phone": "+7900", name: None}
    answer = call("POST", "/calls", json=[model])
    assert (answer.status_code, answer.json()) == (400, refusal(null(name)))


STRANGER = {"direction": "inbound", "duration": 5, "source": "pbx", "phone": "+79990000000"}


def test_a_call_of_a_phone_that_nobody_has_is_refused(world: World) -> None:
    answer = world.send("POST", "/calls", [STRANGER])
    error = {"status": 263, "title": "Entity not found", "detail": "Entity not found"}
    assert (answer.status_code, answer.json()) == (
        400, {"_total_items": 0, "errors": [{**error, "request_id": "0"}]},
    )  # fmt: skip
    known = {**STRANGER, "phone": world.phone(), "request_id": "known"}
    answer = world.send("POST", "/calls", [{**STRANGER, "request_id": "stranger"}, known])
    assert (answer.status_code, answer.json()["_total_items"]) == (200, 1)
    assert answer.json()["errors"] == [{**error, "request_id": "stranger"}]


@pytest.fixture
def reason(world: World) -> int:
    return world.id("/leads/loss_reasons", name="Dear")


def not_lost(*keys: Any) -> dict[str, Any]:
    return {
        "title": "Bad Request",
        "type": "https://httpstatus.es/400",
        "status": 400,
        "detail": "Invalid request body",
        "errors": {str(key): "Loss reason can be specified only for lost lead" for key in keys},
    }


def test_an_open_lead_has_no_loss_reason(world: World, reason: int) -> None:
    one, two = world.entity("leads"), world.entity("leads")
    model = {"loss_reason_id": reason}
    answer = world.send("PATCH", f"/leads/{one}", model)
    assert (answer.status_code, answer.json()) == (400, not_lost(one))
    models = [{"id": one, "name": "A"}, {"id": two, **model}]
    answer = world.send("PATCH", "/leads", models)
    assert (answer.status_code, answer.json()) == (400, not_lost(two))
    assert world.send("GET", f"/leads/{one}").json()["name"] != "A"
    for path in ("/leads", "/leads/complex"):
        answer = world.send("POST", path, [{}, model])
        assert (answer.status_code, answer.json()) == (400, not_lost(1))


def test_a_lost_lead_has_a_loss_reason_until_it_is_opened(world: World, reason: int) -> None:
    number = world.id("/leads", name="A")
    at = f"/leads/{number}"
    assert world.send("PATCH", at, {"status_id": 143, "loss_reason_id": reason}).status_code == 200
    shown = world.send("GET", f"{at}?with=loss_reason").json()
    (loss,) = shown["_embedded"]["loss_reason"]
    assert (shown["loss_reason_id"], loss["id"]) == (reason, reason)
    assert loss["_links"] == {"self": {"href": f"{ROOT}/leads/loss_reasons/{reason}"}}
    opened = {**shown, "status_id": world.ordinary_stage()}
    assert world.send("PATCH", at, opened).status_code == 200
    assert world.send("GET", at).json()["loss_reason_id"] is None


def test_an_unknown_pipeline_has_no_stages(call: Call) -> None:
    body = {
        "title": "Not Found",
        "type": "https://httpstatus.es/404",
        "status": 404,
        "detail": "Pipeline not found",
    }
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/142"), ("PATCH", "/142")):
        answer = call(method, f"/leads/pipelines/0/statuses{path}", json=[{}])
        assert (answer.status_code, answer.json()) == (404, body)


@pytest.mark.parametrize("name", ["created_by", "updated_by", "responsible_user_id"])
def test_an_inactive_user_writes_nothing(call: Call, name: str) -> None:
    assert call("POST", "/users/deactivate", json=[{"id": 503}]).status_code == 204
    answer = call("POST", "/leads", json=[{name: 503}])
    detail = "The value you selected is not a valid choice."
    error = {"code": "NotSupportedChoice", "path": name, "detail": detail}
    assert (answer.status_code, answer.json()) == (400, refusal(error))


def test_nobody_acts_as_an_inactive_user(call: Call) -> None:
    headers = {"X-Context-User-ID": "503"}
    assert call("GET", "/leads", headers=headers).status_code == 204
    call("POST", "/users/deactivate", json=[{"id": 503}])
    assert call("GET", "/leads", headers=headers).status_code == 401


def test_the_source_of_a_lead_is_kept(world: World) -> None:
    pipeline = world.pipeline()
    source = world.id("/sources", name="Shop", external_id="shop-1", pipeline_id=pipeline)
    embedded = {"source": {"external_id": "shop-1", "type": "widget"}}
    for path in ("/leads", "/leads/complex"):
        answer = world.send("POST", path, [{"name": "A", "_embedded": embedded}]).json()
        number = answer[0]["id"] if path.endswith("x") else answer["_embedded"]["leads"][0]["id"]
        lead = world.send("GET", f"/leads/{number}?with=source,source_id").json()
        assert (lead["pipeline_id"], lead["source_id"]) == (pipeline, source)
        assert lead["_embedded"]["source"] == {
            "id": source, "name": "Shop", "_links": {"self": {"href": f"{ROOT}/sources/{source}"}},
        }  # fmt: skip
    chosen = {"pipeline_id": world.account.main_pipeline["id"], "_embedded": embedded}
    number = world.id("/leads", **chosen)
    assert world.send("GET", f"/leads/{number}").json()["pipeline_id"] == chosen["pipeline_id"]
    unknown = world.id("/leads", _embedded={"source": {"external_id": "none"}})
    lead = world.send("GET", f"/leads/{unknown}?with=source,source_id").json()
    assert (lead["source_id"], "source" in lead["_embedded"]) == (None, False)


def denied(world: World) -> list[dict[str, Any]]:
    return [
        {
            "entity_type": "leads",
            "pipeline_id": pipeline,
            "status_id": world.account.statuses(int(pipeline))[0]["id"],
            "rights": {"view": "D", "edit": "D", "delete": "D"},
        }
        for pipeline in world.account.pipelines
    ]


def test_without_stage_rights_the_unsorted_stages_are_denied(world: World) -> None:
    world.pipeline()
    rights = {**RIGHTS, "status_rights": None}
    role = world.id("/roles", name="A", rights=rights)
    user = world.id(
        "/users", name="Bob", email="bob2@example.com", password="aA1aA1", rights=rights
    )
    for path in (f"/roles/{role}", f"/users/{user}"):
        assert world.send("GET", path).json()["rights"]["status_rights"] == denied(world)
    admin = world.send("GET", f"/users/{world.account.admin.id}").json()
    assert admin["rights"]["status_rights"] is None


def test_what_came_in_is_linked(world: World) -> None:
    embedded = {"leads": [{"name": "A"}], "contacts": [{"name": "B"}]}
    form = {"source_name": "S", "source_uid": "u", "metadata": {}, "_embedded": embedded}
    answer = world.send("POST", "/leads/unsorted/forms", [form]).json()
    (item,) = answer["_embedded"]["unsorted"]
    (lead,), (contact,) = item["_embedded"]["leads"], item["_embedded"]["contacts"]
    assert lead["_links"] == {"self": {"href": f"{ROOT}/leads/{lead['id']}"}}
    assert contact["_links"] == {"self": {"href": f"{ROOT}/contacts/{contact['id']}"}}
    read = world.send("GET", f"/leads/unsorted/{item['uid']}").json()
    accepted = world.send("POST", f"/leads/unsorted/{item['uid']}/accept", {}).json()
    assert read["_embedded"] == accepted["_embedded"] == item["_embedded"]
    assert answer["_total_items"] == 1


@pytest.mark.parametrize("path", ["/users", "/roles"])
def test_new_users_and_roles_are_counted(world: World, path: str) -> None:
    model: dict[str, Any] = {"name": "A", "rights": RIGHTS}
    if path == "/users":
        model |= {"email": "a@example.com", "password": "aA1aA1"}
    assert world.send("POST", path, [model]).json()["_total_items"] == 1


@pytest.mark.parametrize("path", ["//api/v4/account", "/api//v4/account", "/api/v4//account"])
def test_slashes_are_merged(portal: Sandbox, session: requests.Session, path: str) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    answer = session.get(f"https://example.amocrm.ru{path}", headers=headers)
    assert answer.json()["_links"] == {"self": {"href": f"{ROOT}/account"}}
    assert portal.log[-1].path == "/api/v4/account"


def test_a_batch_is_an_object_of_models(portal: Sandbox, call: Call) -> None:
    answer = call("POST", "/leads", json={"5": {"name": "A"}, "x": {"name": "B"}})
    assert answer.status_code == 200
    assert [one["name"] for one in portal.leads()] == ["A", "B"]
    refused = call("POST", "/leads", json={"name": "A", "price": 5})
    detail = "This value should be of type array."
    error = {"code": "InvalidType", "path": "", "detail": detail}
    assert (refused.status_code, refused.json()) == (400, refusal(error))


def test_an_object_is_a_list_in_one_lead(portal: Sandbox, call: Call) -> None:
    body = json.dumps([{"tags_to_add": {"3": {"name": "a"}, "1": {"name": "b"}}, "_embedded": []}])
    answer = call("POST", "/leads", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, portal.leads()[0]["tags"]) == (200, ["a", "b"])
