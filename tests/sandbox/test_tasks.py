"""Tasks (reference 4.13, 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]

TASK = {"text": "Call", "complete_till": 1700086399}


def make(call: Call, **more: Any) -> int:
    answer = call("POST", "/tasks", json=[{**TASK, **more}])
    assert answer.status_code == 200, answer.text
    return int(answer.json()["_embedded"]["tasks"][0]["id"])


def ids(answer: requests.Response) -> list[int]:
    if answer.status_code == 204:
        return []
    return [one["id"] for one in answer.json()["_embedded"]["tasks"]]


def kinds(call: Call) -> list[str]:
    answer = call("GET", "/events?filter[entity]=task")
    return [one["type"] for one in answer.json()["_embedded"]["events"]]


def test_a_task_goes_round(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    lead = portal.add("leads", {})
    answer = call(
        "POST", "/tasks", json=[{**TASK, "entity_id": lead, "entity_type": "leads"}, TASK]
    )
    first, second = answer.json()["_embedded"]["tasks"]
    assert (set(first), second["request_id"]) == ({"id", "request_id", "_links"}, "1")
    user, now = portal.account().admin.id, int(clock.time())
    at = f"/tasks/{first['id']}"
    assert call("GET", at).json() == {
        "id": first["id"], "created_by": user, "updated_by": user, "created_at": now,
        "updated_at": now, "responsible_user_id": user, "group_id": 0, "entity_id": lead,
        "entity_type": "leads", "duration": 0, "is_completed": False, "task_type_id": 1,
        "text": "Call", "result": [], "complete_till": 1700086399,
        "account_id": portal.account().id,
        "_links": {"self": {"href": f"https://example.amocrm.ru/api/v4{at}"}},
    }  # fmt: skip
    clock.advance(5)
    body = {"is_completed": True, "result": {"text": "done"}}
    answer = call("PATCH", at, json=body)
    assert (set(answer.json()), answer.json()["request_id"], answer.json()["updated_at"]) == (
        {"id", "updated_at", "request_id", "_links"}, "0", now + 5,
    )  # fmt: skip
    assert body.items() <= call("GET", at).json().items()
    bare = call("GET", f"/tasks/{second['id']}").json()
    assert (bare["entity_id"], bare["entity_type"]) == (None, None)
    assert call("GET", "/tasks/1").status_code == 204
    assert call("PATCH", "/tasks/1", json=body).status_code == 404
    assert call("DELETE", at).status_code == 405


@pytest.mark.parametrize(
    ("model", "code", "path"),
    [
        ({"complete_till": 5}, "FieldMissing", "text"),
        ({"text": "a"}, "FieldMissing", "complete_till"),
        ({**TASK, "text": ""}, "NotBlank", "text"),
        ({**TASK, "text": None}, "NotNullable", "text"),
        ({**TASK, "task_type_id": 3}, "NotSupportedChoice", "task_type_id"),
        ({**TASK, "duration": -1}, "TooLow", "duration"),
        ({**TASK, "entity_id": 7001}, "FieldMissing", "entity_type"),
        ({**TASK, "entity_type": "leads"}, "FieldMissing", "entity_id"),
        ({**TASK, "entity_type": "tasks", "entity_id": 1}, "NotSupportedChoice", "entity_type"),
        ({**TASK, "entity_type": "leads", "entity_id": 1}, "NotSupportedChoice", "entity_id"),
        ({**TASK, "result": "done"}, "InvalidType", "result"),
        ({**TASK, "result": {"text": None}}, "NotNullable", "result.text"),
        ({**TASK, "responsible_user_id": 1}, "NotSupportedChoice", "responsible_user_id"),
        ({**TASK, "group": 1}, "FieldNotExpected", "group"),
    ],
)
def test_a_bad_task_is_refused(
    call: Call, refused: Refused, model: dict[str, Any], code: str, path: str
) -> None:
    assert (code, path) in refused(call("POST", "/tasks", json=[model]))
    assert call("GET", "/tasks").status_code == 204


def test_a_batch_change_echoes_the_index(call: Call) -> None:
    one, two = make(call), make(call)
    answer = call(
        "PATCH", "/tasks", json=[{"id": two, "text": "b"}, {"id": one, "request_id": "r"}]
    )
    items = answer.json()["_embedded"]["tasks"]
    assert [(item["id"], item["request_id"]) for item in items] == [(two, "0"), (one, "r")]
    assert call("PATCH", "/tasks", json=[{"text": "b"}]).status_code == 400


def test_the_nearest_open_task_stands_at_its_entity(portal: Sandbox, call: Call) -> None:
    lead, other = portal.add("leads", {}), portal.add("leads", {})
    near = make(call, entity_id=lead, entity_type="leads", complete_till=10)
    make(call, entity_id=lead, entity_type="leads", complete_till=20)

    def closest(number: int) -> Any:
        return call("GET", f"/leads/{number}").json()["closest_task_at"]

    assert closest(lead) == 10
    call("PATCH", f"/tasks/{near}", json={"is_completed": True})
    assert closest(lead) == 20
    call("PATCH", f"/tasks/{near}", json={"is_completed": False, "entity_id": other})
    assert (closest(lead), closest(other)) == (20, 10)
    call("PATCH", f"/tasks/{near}", json={"entity_id": lead})
    assert (closest(lead), closest(other)) == (10, None)


def test_filters_and_orders(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    lead = portal.add("leads", {"status_id": 142, "pipeline_id": 11})
    one = make(call, entity_id=lead, entity_type="leads", complete_till=9)
    clock.advance(10)
    two = make(call, task_type_id=2, responsible_user_id=503, complete_till=5)
    call("PATCH", f"/tasks/{two}", json={"is_completed": True})
    wanted = {
        f"filter[id]={two}": [two],
        "filter[responsible_user_id][]=503": [two],
        "filter[created_by]=501": [one, two],
        "filter[task_type]=1": [one],
        "filter[task_type_id][]=2": [two],
        "filter[is_completed]=1": [two],
        "filter[is_completed]=0": [one],
        "filter[entity_type]=leads": [one],
        f"filter[entity_type]=leads&filter[entity_id][]={lead}": [one],
        "filter[entity_type]=contacts": [],
        "filter[updated_at]=1700000009": [two],
        "filter[updated_at]=1700000010": [],
        "filter[updated_at][from]=1700000010": [two],
        "filter[lead_statuses][0][pipeline_id]=11&filter[lead_statuses][0][status_id]=142": [one],
        "filter[lead_statuses][0][status_id]=143": [],
        "order[complete_till]=asc": [two, one],
        "order[created_at]=desc": [two, one],
        "order[id]=desc": [two, one],
    }
    assert {query: ids(call("GET", f"/tasks?{query}")) for query in wanted} == wanted


def test_an_entity_filter_does_not_need_the_type(portal: Sandbox, call: Call) -> None:
    lead, contact = portal.add("leads", {}), portal.add("contacts", {})
    wanted = make(call, entity_id=lead, entity_type="leads")
    make(call, entity_id=contact, entity_type="contacts")
    assert ids(call("GET", f"/tasks?filter[entity_id]={lead}")) == [wanted]


def test_what_happens_to_a_task_is_told(call: Call) -> None:
    number = make(call)
    call("PATCH", f"/tasks/{number}", json={"text": "b", "complete_till": 7, "task_type_id": 2})
    call("PATCH", f"/tasks/{number}", json={"responsible_user_id": 503})
    call("PATCH", f"/tasks/{number}", json={"is_completed": True, "result": {"text": "x"}})
    call("PATCH", f"/tasks/{number}", json={"is_completed": True, "result": {"text": "x"}})
    assert kinds(call) == [
        *("task_added", "task_text_changed", "task_deadline_changed", "task_type_changed"),
        *("entity_responsible_changed", "task_completed", "task_result_added"),
    ]
    events = call("GET", "/events?filter[type]=task_text_changed").json()["_embedded"]["events"]
    assert (events[0]["value_after"], events[0]["value_before"]) == (
        [{"task": {"text": "b"}}], [{"task": {"text": "Call"}}],
    )  # fmt: skip
