"""What the account's own record says has happened, in the shape of webhooks.

The record is `/events` (reference 4.16, 5.11) and, for edits, the listings by `updated_at`. Each
entry becomes the webhook that amoCRM should have sent, with the names of the wire (reference 6.3),
so that the same handlers understand it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from amocrm.http.messages import Json
from amocrm.webhooks.inbox.inbox import Arrival
from amocrm.webhooks.reconciliation.wire_item import text_of, write_item

TOLERANCE: Final = 5.0
"""Seconds by which a webhook's `updated_at` and the record of the same change may differ."""

LATEST: Final = 6000.0
"""Seconds after a change in which its webhook can arrive: the last repeat comes after 95 minutes
(reference 6.1). A webhook that names no instant counts for a change by its arrival."""


class Recorded(NamedTuple):
    """One change in the account's record.

    Attributes:
        code: the name to subscribe to, such as `status_lead`.
        entity: of the wire: `leads`, `contacts`, `customers`, `task`, `message`, `talk`.
        action: of the wire.
        item: of the wire.
        at: Unix seconds of the change.
        is_edit: it stands for any number of edits up to then.
    """

    code: str
    entity: str
    action: str
    item: dict[str, Json]
    at: int
    is_edit: bool = False


_ACTIONS: Final = {"added": "add", "deleted": "delete", "restored": "restore"}

_WIRE: Final = {"lead": "leads", "contact": "contacts", "company": "contacts"} | {
    "customer": "customers", "task": "task",
}  # fmt: skip

_TASK_EDITS: Final = (
    "task_completed", "task_text_changed", "task_deadline_changed", "task_type_changed",
    "task_result_added",
)  # fmt: skip

_NOTES: Final = (
    "common_note_added", "attachment_note_added", "incoming_call", "outgoing_call", "incoming_sms",
    "outgoing_sms", "service_note_added", "geo_note_added", "site_visit_note_added",
    "message_to_cashier_note_added", "targeting_in_note_added", "targeting_out_note_added",
)  # fmt: skip

_SPECIAL: Final[Mapping[str, str]] = {
    "lead_status_changed": "status_lead",
    "incoming_chat_message": "add_message",
    "outgoing_chat_message": "add_outgoing_message",
    "talk_created": "add_talk",
    **dict.fromkeys(_TASK_EDITS, "update_task"),
}


def event_types(codes: Iterable[str]) -> list[str]:
    """Return the types of `/events` that tell of codes.

    >>> event_types(["status_lead", "delete_contact"])
    ['contact_deleted', 'lead_status_changed']
    """
    wanted = set(codes)
    found = {kind for kind, code in _SPECIAL.items() if code in wanted}
    for entity in _WIRE:
        for past, action in _ACTIONS.items():
            if f"{action}_{entity}" in wanted:
                found.add(f"{entity}_{past}")
        if f"responsible_{entity}" in wanted:
            found.add("entity_responsible_changed")
        if f"note_{entity}" in wanted:
            found.update(_NOTES)
    # Types that the documentation does not have; asking for them would be refused.
    return sorted(found - {"task_restored", "customer_restored"})


def read_event(event: Mapping[str, Json]) -> Recorded | None:
    """Return what an entry of `/events` says; None if no webhook tells of it."""
    kind, entity = str(event.get("type")), str(event.get("entity_type"))
    item: dict[str, Json] = {"id": event.get("entity_id"), "updated_at": event.get("created_at")}
    item["modified_user_id"] = event.get("created_by")
    if entity in ("contact", "company"):
        item["type"] = entity
    code, action = _SPECIAL.get(kind), "update"
    wire = _WIRE.get(entity)
    if code == "status_lead":
        action = "status"
        _set_values(item, event, "lead_status", {"id": "status_id", "pipeline_id": "pipeline_id"})
    elif kind == "entity_responsible_changed" and wire is not None:
        code = f"responsible_{entity}"
        action = "update" if wire in ("contacts", "task") else "responsible"
        _set_values(item, event, "responsible_user", {"id": "responsible_user_id"})
    elif kind in _NOTES and wire is not None:
        code, action = f"note_{entity}", "note"
        note = {"id": _value(event, "value_after", "note").get("id"), "element_id": item.pop("id")}
        item["note"] = {**note, "created_at": event.get("created_at")}
    elif code in ("add_message", "add_outgoing_message", "add_talk"):
        wire, action = ("talk" if code == "add_talk" else "message"), "add"
        message = _value(event, "value_after", "message").get("id")
        item |= {"id": message, "entity_id": item["id"], "entity_type": entity}
    elif wire is not None and code is None:
        action = _ACTIONS.get(kind.removeprefix(f"{entity}_"), "")
        code = f"{action}_{entity}" if action else None
    at = event.get("created_at")
    if code is None or wire is None or not isinstance(at, int):
        return None
    texts = {name: text_of(value) for name, value in item.items()}
    return Recorded(code, wire, action, texts, at)


def read_edit(entity: str, model: Mapping[str, Json]) -> Recorded:
    """Return the webhook of an edit, from an item of a listing; `entity` is `lead`, `task`, ...."""
    item = write_item(entity, model)
    return Recorded(
        f"update_{entity}", _WIRE[entity], "update", item, model["updated_at"], is_edit=True
    )


def with_model(change: Recorded, entity: str, model: Mapping[str, Json]) -> Recorded:
    """Return a change with the rest of the entity, as it is now."""
    return change._replace(item={**write_item(entity, model), **change.item})


def missing(
    recorded: Iterable[Recorded], arrived: Sequence[Arrival], told: set[int]
) -> list[Recorded]:
    """Return the changes of one entity that no webhook has told of, oldest first.

    A webhook tells of one change, the nearest of its code; its id is added to `told`. An edit is
    told of by any later webhook that shows the entity as it was afterwards.
    """
    lost: list[Recorded] = []
    for one in sorted(recorded, key=lambda change: change.at):
        if one.is_edit:
            shows = {one.code, one.code.replace("update_", "add_")}
            if any(each.code in shows and each.instant >= one.at for each in arrived):
                continue
        else:
            free = [each for each in arrived if each.id not in told]
            fitting = [each for each in free if each.code == one.code and _fits(each, one.at)]
            if fitting:
                told.add(min(fitting, key=lambda each: abs(each.instant - one.at)).id)
                continue
        lost.append(one)
    return lost


def _fits(arrival: Arrival, at: int) -> bool:
    if arrival.happened_at is None:
        return at - TOLERANCE <= arrival.received_at <= at + LATEST
    return abs(arrival.happened_at - at) <= TOLERANCE


def _set_values(
    item: dict[str, Json], event: Mapping[str, Json], key: str, names: Mapping[str, str]
) -> None:
    """Copy the values before and after a change, as `old_status_id` and `status_id`."""
    for side, prefix in (("value_after", ""), ("value_before", "old_")):
        values = _value(event, side, key)
        item.update({f"{prefix}{names[name]}": values[name] for name in names if name in values})


def _value(event: Mapping[str, Json], side: str, key: str) -> Mapping[str, Json]:
    values = event.get(side)
    for value in values if isinstance(values, list) else ():
        found = value.get(key) if isinstance(value, dict) else None
        if isinstance(found, dict):
            return found
    return {}
