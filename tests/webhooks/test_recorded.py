"""The account's record as webhooks, and which of its changes no webhook has told of."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from amocrm.schema.enums import EventName, WebhookCode
from amocrm.webhooks.inbox.inbox import Arrival
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.reconciliation.recorded import (
    Recorded,
    event_types,
    missing,
    read_edit,
    read_event,
)

AT = 1_700_000_000


def event(type_: str, entity: str, after: Any = (), before: Any = ()) -> dict[str, Any]:
    """An entry of /events (reference 5.11)."""
    return {
        "id": "01h", "type": type_, "entity_id": 7001, "entity_type": entity, "created_by": 5,
        "created_at": AT, "value_after": list(after), "value_before": list(before), "account_id": 1,
    }  # fmt: skip


STAGE = (
    [{"lead_status": {"id": 142, "pipeline_id": 10}}],
    [{"lead_status": {"id": 101, "pipeline_id": 9}}],
)
PERSON = [{"responsible_user": {"id": 8}}], [{"responsible_user": {"id": 9}}]
MESSAGE = [{"message": {"id": "u-1"}}]
NOTE = ([{"note": {"id": 55}}],)


@pytest.mark.parametrize(
    ("entry", "code", "id_", "previous"),
    [
        (event("lead_added", "lead", *NOTE), "add_lead", 7001, {}),
        (event("lead_deleted", "lead"), "delete_lead", 7001, {}),
        (event("lead_restored", "lead"), "restore_lead", 7001, {}),
        (event("lead_status_changed", "lead", *STAGE), "status_lead", 7001,
         {"status_id": 101, "pipeline_id": 9}),
        (event("entity_responsible_changed", "lead", *PERSON), "responsible_lead", 7001,
         {"responsible_user_id": 9}),
        (event("contact_added", "contact"), "add_contact", 7001, {}),
        (event("contact_deleted", "contact"), "delete_contact", 7001, {}),
        (event("entity_responsible_changed", "contact", *PERSON), "responsible_contact", 7001,
         {"responsible_user_id": 9}),
        (event("company_restored", "company"), "restore_company", 7001, {}),
        (event("entity_responsible_changed", "company", *PERSON), "responsible_company", 7001,
         {"responsible_user_id": 9}),
        (event("customer_added", "customer"), "add_customer", 7001, {}),
        (event("customer_deleted", "customer"), "delete_customer", 7001, {}),
        (event("entity_responsible_changed", "customer", *PERSON), "responsible_customer", 7001,
         {"responsible_user_id": 9}),
        (event("task_added", "task"), "add_task", 7001, {}),
        (event("task_deleted", "task"), "delete_task", 7001, {}),
        (event("task_completed", "task"), "update_task", 7001, {}),
        (event("entity_responsible_changed", "task", *PERSON), "responsible_task", 7001,
         {"responsible_user_id": 9}),
        (event("common_note_added", "lead", *NOTE), "note_lead", 7001, {}),
        (event("incoming_call", "company", *NOTE), "note_company", 7001, {}),
        (event("incoming_chat_message", "lead", MESSAGE), "add_message", "u-1", {}),
    ],
)  # fmt: skip
def test_an_entry_becomes_the_webhook_that_should_have_come(
    entry: dict[str, Any], code: str, id_: Any, previous: dict[str, int]
) -> None:
    change = read_event(entry)
    assert change is not None
    assert (change.code, change.at) == (code, AT)
    # The parser is what handlers see: it must find the same code again.
    body = json.dumps({change.entity: {change.action: [change.item]}, "account": {"id": "1"}})
    (read,) = parse(body.encode(), "application/json", kind="account").events
    assert (read.code, read.id, dict(read.previous)) == (code, id_, previous)
    assert read.happened_at == AT
    assert read.account_id == 1
    assert "note" not in read.item or read.item["note"]["id"] == 55


@pytest.mark.parametrize(
    "type_", ["lead_linked", "custom_field_value_changed", "nps_rate_added", ""]
)
def test_an_entry_without_a_webhook_is_left_out(type_: str) -> None:
    assert read_event(event(type_, "lead")) is None


@pytest.mark.parametrize(
    "entry",
    [{}, {"type": None}, {"type": "lead_added", "entity_type": "lead"},
     event("lead_status_changed", "lead", "x", 5 * [None]) | {"created_at": "soon"},
     event("lead_added", "catalog_5"), event("common_note_added", "catalog_5")],
)  # fmt: skip
def test_a_strange_entry_is_left_out(entry: dict[str, Any]) -> None:
    assert read_event(entry) is None


def test_only_documented_types_are_asked_for() -> None:
    known = set(get_args(EventName))
    assert set(event_types(get_args(WebhookCode))) <= known
    assert event_types(["add_unsorted"]) == []


@pytest.mark.parametrize("entity", ["lead", "contact", "company", "customer", "task"])
def test_an_edit_is_read_as_an_update(entity: str) -> None:
    change = read_edit(
        entity, {"id": 7, "name": "A", "updated_at": AT, "updated_by": 5, "_links": {}}
    )
    assert (change.code, change.at, change.is_edit) == (f"update_{entity}", AT, True)
    body = json.dumps({change.entity: {change.action: [change.item]}})
    (read,) = parse(body.encode(), "application/json", kind="account").events
    assert (read.code, read.id, read.happened_at) == (f"update_{entity}", 7, AT)


# What is missing ---------------------------------------------------------------------------------


def change(code: str, at: int, *, is_edit: bool = False) -> Recorded:
    return Recorded(code, "leads", "status", {}, AT + at, is_edit)


def arrival(id_: int, code: str, at: int | None, received: int = 0) -> Arrival:
    return Arrival(id_, code, None if at is None else AT + at, AT + received)


S = "status_lead"


@pytest.mark.parametrize(
    ("recorded", "arrived", "lost"),
    [
        ([change(S, 0)], [], [0]),
        ([change(S, 0)], [arrival(1, S, 0)], []),
        ([change(S, 0)], [arrival(1, "add_lead", 0)], [0]),
        ([change(S, 0)], [arrival(1, S, 5)], []),
        ([change(S, 0)], [arrival(1, S, 6)], [0]),
        # The first of two is lost: the webhook of the second does not tell of it.
        ([change(S, 0), change(S, 3600)], [arrival(1, S, 3600)], [0]),
        ([change(S, 3600), change(S, 0)], [arrival(1, S, 0)], [3600]),
        # Within the tolerance each webhook tells of one change only, the nearest.
        ([change(S, 0), change(S, 3)], [arrival(1, S, 3)], [3]),
        ([change(S, 0), change(S, 3)], [arrival(1, S, 3), arrival(2, S, 0)], []),
        # A deletion names no instant: it counts by its arrival, up to the last repeat.
        ([change("delete_lead", 0)], [arrival(1, "delete_lead", None, 5700)], []),
        ([change("delete_lead", 0)], [arrival(1, "delete_lead", None, 6001)], [0]),
        ([change("delete_lead", 100)], [arrival(1, "delete_lead", None, 0)], [100]),
        # One edit stands for all before it; a creation shows the same state.
        ([change("update_lead", 9, is_edit=True)], [arrival(1, "update_lead", 9)], []),
        ([change("update_lead", 9, is_edit=True)], [arrival(1, "update_lead", 8)], [9]),
        ([change("update_lead", 9, is_edit=True)], [arrival(1, "add_lead", 9)], []),
        ([change("update_lead", 9, is_edit=True)], [arrival(1, S, 9)], [9]),
    ],
)  # fmt: skip
def test_a_change_is_missing_if_no_webhook_tells_of_it(
    recorded: list[Recorded], arrived: list[Arrival], lost: list[int]
) -> None:
    assert [one.at - AT for one in missing(recorded, arrived, set())] == lost


def test_a_webhook_that_told_of_a_change_is_remembered_across_portions() -> None:
    told: set[int] = set()
    arrived = [arrival(1, S, 1)]
    assert missing([change(S, 0)], arrived, told) == []
    assert [one.at for one in missing([change(S, 3)], arrived, told)] == [AT + 3]
