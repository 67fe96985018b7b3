"""Events and their types, as they are read (reference 4.16, 5.11)."""

from __future__ import annotations

import re

from amocrm.sandbox.data.event_types import EVENT_TYPES, LANGUAGES
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.filters import (
    Filter,
    check_integers,
    check_stages,
    many,
    numbers,
    since,
    texts,
)
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.validation_errors import refuse_query
from amocrm.sandbox.http.answer import Answer, Json, is_object, json_answer
from amocrm.sandbox.values.event_values import VALUE_TYPES, fits

_MOST_IDS = 10
_ENTITY = re.compile(r"lead|contact|company|customer|task|catalog_\d+")
_FIELD_EVENT = re.compile(r"custom_field_\d+_value_changed")
_RESOURCES = {one: entity_type for entity_type, one in SINGULAR.items()}


def list_types(call: Call) -> Answer:
    """Answer `GET /events/types`, in the language of the query, else in that of the user."""
    usual = call.account.users[call.grant.user_id].lang
    language = dict(call.request.pairs()).get("language_code", usual)
    if language not in LANGUAGES:
        raise refuse_query("NotSupportedChoice", "language_code")
    column, known = LANGUAGES.index(language), {"lead_added": 1, "lead_deleted": 7}
    # Assumed (reference 5.11): the other numbers.
    items = [
        {"key": name, "type": known.get(name, 100 + place), "lang": names[column]}
        for place, (name, names) in enumerate(EVENT_TYPES.items())
    ]
    links = {"self": {"href": f"{call.root}/events/types"}}
    return json_answer(
        {"_total_items": len(items), "_links": links, "_embedded": {"events_types": items}}
    )


def _select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
    filters: Json = listing.tree.get("filter")
    wanted = filters if is_object(filters) else {}
    lists = {name: texts(one, commas=True) for name, one in wanted.items() if not _is_deep(one)}
    for name in ("created_by", "entity_id"):
        if len(lists.get(name, ())) > _MOST_IDS:
            raise refuse_query("TooHigh", f"filter.{name}")
    if "entity_id" in wanted and len(lists.get("entity", ())) != 1:
        raise refuse_query("FieldMissing", "filter.entity")
    types = lists.get("type", [])
    if len(types) > 1 and any(_FIELD_EVENT.fullmatch(one) for one in types):
        raise refuse_query("NotSupportedChoice", "filter.type")
    if types:
        found = [one for one in found if _has_type(one, types)]
    for side in ("value_before", "value_after"):
        values = wanted.get(side)
        if values is not None:
            if not is_object(values):
                raise refuse_query("InvalidType", f"filter.{side}", "object")
            _check_values(side, values, types)
            found = [one for one in found if fits(one[side], values)]
    return found


def _is_deep(wanted: Json) -> bool:
    return is_object(wanted) and any(is_object(one) for one in wanted.values())


def _has_type(event: Entity, types: list[str]) -> bool:
    name: str = event["type"]
    # Assumed (reference 4.16): the general name stands for every field.
    general = "custom_field_value_changed" in types and _FIELD_EVENT.fullmatch(name)
    return name in types or bool(general)


def _check_entity(wanted: Json, at: str) -> None:
    if _is_deep(wanted) or not all(_ENTITY.fullmatch(one) for one in texts(wanted, commas=True)):
        raise refuse_query("NotSupportedChoice", at)


def _check_values(side: str, values: dict[str, Json], types: list[str]) -> None:
    for name in ("leads_statuses", "customers_statuses"):
        if name in values:
            check_stages(values[name], f"filter.{side}.{name}")
    if "responsible_user_id" in values:
        check_integers(values["responsible_user_id"], f"filter.{side}.responsible_user_id")
    alone = types[0] if len(types) == 1 else ""
    if "custom_field_values" in values and not _FIELD_EVENT.fullmatch(alone):
        raise refuse_query("NotSupportedChoice", f"filter.{side}.custom_field_values")
    if "value" in values and (not types or not set(types) <= VALUE_TYPES):
        raise refuse_query("NotSupportedChoice", f"filter.{side}.value")


def _show(operation: Operation, event: Entity, listing: ListingQuery) -> Entity:
    kind, number = event.get("_talk", (str(event["entity_type"]), event["entity_id"]))
    entity_type = _RESOURCES.get(kind, "elements")
    at = (
        kind.replace("catalog_", "catalogs/") + "/elements"
        if entity_type == "elements"
        else entity_type
    )
    shown: Entity = {"id": number}
    known = operation.account.shelf(entity_type).get(number, {})
    asked = "catalog_element_name" if entity_type == "elements" else f"{kind}_name"
    if asked in listing.withs and "name" in known:
        shown["name"] = known["name"]
    if entity_type == "elements" and "catalog_name" in listing.withs:
        catalog = operation.account.shelf("catalogs").get(known.get("catalog_id"), {})
        shown["catalog"] = {"id": catalog.get("id"), "name": catalog.get("name")}
    shown["_links"] = {"self": {"href": f"{operation.call.root}/{at}/{number}"}}
    return {**operation.show(event), **_talk(event), "_embedded": {"entity": shown}}


def _talk(event: Entity) -> Entity:
    """Return what a message of a conversation shows: the lead or customer that it is about.

    It is stored, and found by filters, at the contact (reference 4.16).
    """
    if "_talk" not in event:
        return {}
    kind, number = event["_talk"]
    return {
        "entity_type": kind,
        "entity_id": number,
        "linked_talk_contact_id": event["entity_id"],
    }


EVENTS = Collection(
    path="/events",
    key="events",
    verbs={"list": Verb(), "one": Verb()},
    keys=(
        *("id", "type", "entity_id", "entity_type", "created_by", "created_at", "value_after"),
        *("value_before", "account_id"),
    ),
    number="<number>",
    filters={
        "id": many("id", commas=True),
        "created_at": since("created_at"),
        "created_by": numbers("created_by", commas=True),
        "entity": Filter(many("entity_type", commas=True).passes, _check_entity),
        "entity_id": numbers("entity_id", commas=True),
    },
    page=100,
    select=_select,
    show=_show,
)

ROWS = (Route("GET", "/events/types", list_types), EVENTS)
