"""Incoming leads: their metadata, and how a lead becomes one (reference 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.state import Entity, linked
from amocrm.sandbox.engine.linking import link
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.writing import Writer

CATEGORIES = ("sip", "mail", "forms", "chats")

METADATA: Mapping[str, Schema] = {
    # Assumed (reference 12.4): of a call all is required that amoCRM's page does not exempt;
    # `uniq` and what follows it are taken as optional.
    "sip": {
        "from": "string!",
        "phone": "scalar!",
        "called_at": "int!",
        "duration": "int!",
        "link": Prop("string", null=True, required=True),
        "service_code": "string!",
        "uniq": "string",
        "call_responsible": "scalar?",
        "is_call_event_needed": "bool",
    },
    "forms": {
        "form_id": "scalar",
        "form_name": "string",
        "form_page": "string",
        "ip": "string",
        "form_sent_at": "int",
        "referer": "string",
        "form_type": "scalar",
        "visitor_uid": "string?",
    },
}
"""`metadata` of the categories that the API makes."""

_AS_TEXT = ("duration", "form_sent_at")
_WRITE_ONLY = ("is_call_event_needed",)


def enter(writer: Writer, category: str, ends: Mapping[str, int | None], item: Entity) -> Entity:
    """Make a lead an incoming one; `ends` are ids of the lead, its contact and company."""
    account = writer.account
    lead = account.shelf("leads")[ends["leads"]]
    stages = account.statuses(lead["pipeline_id"])
    lead |= {"status_id": next(one["id"] for one in stages if one["type"] == 1), "closed_at": None}
    pairs = (("leads", "contacts"), ("leads", "companies"), ("contacts", "companies"))
    for entity_type, other in pairs:
        here, there = ends.get(entity_type), ends.get(other)
        if here is not None and there is not None:
            link(writer.history, entity_type, here, other, there, {})
    contact = account.shelf("contacts").get(ends.get("contacts"))
    if contact is not None:
        contact["is_unsorted"] = True
    # Any text is a uid; this one is as long as the published ones.
    uid = f"{writer.ids.take('unsorted'):012x}"
    made: Entity = {
        "id": uid,
        "uid": uid,
        "source_uid": item.get("source_uid"),
        "source_name": item.get("source_name"),
        "category": category,
        "pipeline_id": lead["pipeline_id"],
        "created_at": item.get("created_at", writer.now),
        "updated_at": writer.now,
        "metadata": _read(item["metadata"]),
        "account_id": account.id,
        "_ends": dict(ends),
        "_outcome": "",
        "_sorted_at": None,
        "_user": writer.user_id,
    }
    account.shelf("unsorted")[uid] = made
    account.changes.add("unsorted", made)
    return made


def _read(metadata: Entity) -> Entity:
    kept = {name: one for name, one in metadata.items() if name not in _WRITE_ONLY}
    return {name: str(one) if name in _AS_TEXT else one for name, one in kept.items()}


def embedded(item: Entity, root: str) -> Entity:
    """Return the lead, the contact and the company of an item, as an answer links them."""
    ends: Mapping[str, int | None] = item["_ends"]
    return {
        name: linked(
            [number for number in [ends.get(name)] if number is not None], f"{root}/{name}"
        )
        for name in ("contacts", "leads", "companies")
    }
