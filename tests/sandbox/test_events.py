"""Events and their types (reference 4.16, 5.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]
Refused = Callable[[requests.Response], list[tuple[str, str]]]


def events(call: Call, query: str = "") -> list[dict[str, Any]]:
    answer = call("GET", f"/events?{query}")
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    return list(answer.json()["_embedded"]["events"])


def kinds(call: Call, query: str = "") -> list[str]:
    return [one["type"] for one in events(call, query)]


def test_a_moved_lead_is_told(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    lead = portal.add("leads", {"name": "Order"})
    before = portal.leads()[0]["status_id"]
    clock.advance(9)
    call("PATCH", f"/leads/{lead}", json={"status_id": 142})
    added, moved = events(call)
    assert (added["type"], set(added["value_after"][0])) == ("lead_added", {"note"})
    root = "https://example.amocrm.ru/api/v4"
    assert moved == {
        "id": moved["id"], "type": "lead_status_changed", "entity_id": lead,
        "entity_type": "lead", "created_by": 501, "created_at": int(clock.time()),
        "value_after": [{"lead_status": {"id": 142, "pipeline_id": 11}}],
        "value_before": [{"lead_status": {"id": before, "pipeline_id": 11}}],
        "account_id": portal.account().id,
        "_links": {"self": {"href": f"{root}/events/{moved['id']}"}},
        "_embedded": {
            "entity": {"id": lead, "_links": {"self": {"href": f"{root}/leads/{lead}"}}}
        },
    }  # fmt: skip
    assert (len(moved["id"]), moved["id"]) == (26, moved["id"].lower())
    assert call("GET", f"/events/{moved['id']}").json() == moved
    assert call("GET", "/events/nonsense").status_code == 204
    named = call("GET", f"/events/{moved['id']}?with=lead_name").json()
    assert named["_embedded"]["entity"]["name"] == "Order"


def test_what_a_write_changes_is_told(portal: Sandbox, call: Call) -> None:
    values = [{"field_code": "UTM_TERM", "values": [{"value": "a"}]}]
    lead = portal.add("leads", {"tags_to_add": [{"name": "new"}]})
    body = {
        "responsible_user_id": 503,
        "custom_fields_values": values,
        "tags_to_add": [{"name": "vip"}],
        "tags_to_delete": [{"name": "new"}],
    }
    call("PATCH", f"/leads/{lead}", json=body)
    call("PATCH", f"/leads/{lead}", json={"name": "x", "custom_fields_values": values})
    told = events(call)
    field = portal.account().field_by_code("leads", "UTM_TERM")
    assert field is not None
    name = f"custom_field_{field['id']}_value_changed"
    assert [one["type"] for one in told] == [
        *("lead_added", "entity_tag_added", "entity_responsible_changed", name),
        *("entity_tag_added", "entity_tag_deleted"),
    ]
    assert told[1]["value_after"] == [{"tag": {"name": "new"}}]
    assert told[2]["value_after"] == [{"responsible_user": {"id": 503}}]
    value = {"field_id": field["id"], "field_type": 22, "enum_id": None, "text": "a"}
    assert (told[3]["value_after"], told[3]["value_before"]) == (
        [{"custom_field_value": value}], [],
    )  # fmt: skip
    assert told[5]["value_before"] == [{"tag": {"name": "new"}}]


@pytest.mark.parametrize(
    ("entity_type", "kind"),
    [("leads", "lead_added"), ("contacts", "contact_added"), ("companies", "company_added")],
)
def test_creations_are_told(call: Call, entity_type: str, kind: str) -> None:
    call("POST", f"/{entity_type}", json=[{}, {}])
    assert kinds(call) == [kind, kind]


def test_the_recycle_bin_is_told(portal: Sandbox, call: Call) -> None:
    portal.trash("contacts", portal.add("contacts", {}))
    assert kinds(call) == ["contact_added", "contact_deleted"]


def test_filters(portal: Sandbox, clock: ManualClock, call: Call) -> None:
    lead = portal.add("leads", {})
    clock.advance(10)
    contact = portal.add("contacts", {})
    call("PATCH", f"/leads/{lead}", json={"status_id": 143, "responsible_user_id": 503})
    first = events(call)[0]["id"]
    moved, given = "lead_status_changed", "entity_responsible_changed"
    stages = "filter[value_after][leads_statuses][0]"
    wanted: dict[str, list[str]] = {
        f"filter[id]={first}": ["lead_added"],
        "filter[created_at]=1700000000": ["contact_added", moved, given],
        "filter[created_at][to]=1700000000": ["lead_added"],
        "filter[created_by]=501,503": ["lead_added", "contact_added", moved, given],
        "filter[created_by][]=503": [],
        "filter[entity]=contact": ["contact_added"],
        "filter[entity][]=contact&filter[entity][]=task": ["contact_added"],
        f"filter[entity]=contact&filter[entity_id][]={contact}": ["contact_added"],
        f"filter[entity]=lead&filter[entity_id]={contact}": [],
        "filter[type]=lead_added,contact_added": ["lead_added", "contact_added"],
        f"filter[type][]={moved}": [moved],
        f"{stages}[pipeline_id]=11&{stages}[status_id]=143": [moved],
        f"{stages}[status_id]=142": [],
        "filter[value_before][responsible_user_id]=501,7": [given],
        "filter[value_after][responsible_user_id]=501": [],
        "filter[value_after][nonsense]=5": ["lead_added", "contact_added", moved, given],
    }
    assert {query: kinds(call, query) for query in wanted} == wanted


def test_field_events_are_asked_for_alone(portal: Sandbox, call: Call, refused: Refused) -> None:
    enums = [{"value": "north"}, {"value": "south"}]
    wanted = [{"name": "R", "type": "select", "enums": enums}]
    field = call("POST", "/leads/custom_fields", json=wanted).json()["_embedded"]["custom_fields"][
        0
    ]
    lead, north = portal.add("leads", {}), field["enums"][0]["id"]
    item = {"field_id": field["id"], "values": [{"enum_id": north}]}
    call("PATCH", f"/leads/{lead}", json={"custom_fields_values": [item]})
    name = f"custom_field_{field['id']}_value_changed"
    assert kinds(call, f"filter[type]={name}") == [name]
    assert kinds(call, "filter[type]=custom_field_value_changed") == [name]
    by_value = "filter[type]=custom_field_value_changed&filter[value_after][value]"
    assert kinds(call, f"{by_value}=north") == [name]
    assert kinds(call, f"{by_value}=south") == []
    values = "filter[value_after][custom_field_values]"
    assert kinds(call, f"filter[type]={name}&{values}={north},1") == [name]
    assert kinds(call, f"filter[type]={name}&{values}=1") == []
    for query, path in (
        (f"filter[type]={name},lead_added", "filter.type"),
        (f"filter[type]=lead_added&{values}=1", "filter.value_after.custom_field_values"),
        ("filter[type]=lead_added&filter[value_after][value]=1", "filter.value_after.value"),
    ):
        assert refused(call("GET", f"/events?{query}")) == [("NotSupportedChoice", path)]


def test_ids_are_ten_at_most_and_need_one_entity(call: Call, refused: Refused) -> None:
    ten, eleven = ",".join("1" * 10), ",".join("1" * 11)
    assert call("GET", f"/events?filter[entity]=lead&filter[entity_id]={ten}").status_code == 204
    for query, error in (
        (f"filter[entity]=lead&filter[entity_id]={eleven}", ("TooHigh", "filter.entity_id")),
        (f"filter[created_by]={eleven}", ("TooHigh", "filter.created_by")),
        ("filter[entity_id]=1", ("FieldMissing", "filter.entity")),
        ("filter[entity]=lead,task&filter[entity_id]=1", ("FieldMissing", "filter.entity")),
    ):
        assert refused(call("GET", f"/events?{query}")) == [error]
    assert call("GET", f"/events?filter[created_by]={ten}").status_code == 204


def test_a_page_holds_a_hundred(portal: Sandbox, call: Call) -> None:
    for _ in range(101):
        portal.add("leads", {})
    assert len(events(call)) == 50
    assert len(events(call, "limit=100")) == 100
    refused = call("GET", "/events?limit=101")
    assert (refused.status_code, refused.json()["detail"]) == (422, "Limit 100 per page")


def test_types_are_listed(call: Call, refused: Refused) -> None:
    body = call("GET", "/events/types").json()
    items = body["_embedded"]["events_types"]
    assert body["_total_items"] == len(items) == len({one["type"] for one in items})
    assert items[0] == {"key": "lead_added", "type": 1, "lang": "Новая сделка"}
    assert items[1]["type"] == 7
    answer = call("GET", "/events/types?language_code=de")
    assert refused(answer) == [("NotSupportedChoice", "language_code")]
    assert call("POST", "/events", json=[{}]).status_code == 405
