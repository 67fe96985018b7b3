"""Lists of contacts and companies, and the card of a lead, a contact or a company."""

from __future__ import annotations

import json

from amocrm.sandbox.data.event_types import EVENT_TYPES, LANGUAGES
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.view import tags_of
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.page.paging import page_of
from amocrm.sandbox.page.rendering import day, moment
from amocrm.sandbox.page.views.board import targets
from amocrm.sandbox.page.visit import NoSuchPageError, Visit
from amocrm.sandbox.values.field_filters import mentions

PAGE = 50
MOST_EVENTS = 100
_KINDS = ("leads", "contacts", "companies")
_SHELVES = {single: kind for kind, single in SINGULAR.items()}


def entity_list(visit: Visit, kind: str) -> dict[str, Json]:
    """Return one page of contacts or companies, newest first."""
    account, query = visit.account, visit.query.get("query", "")[:100]
    found = [
        one
        for one in account.entities[kind].values()
        if not one["is_deleted"] and (not query or mentions(one, query, account.phone_search))
    ]
    found.sort(key=lambda one: (one["created_at"], one["id"]), reverse=True)
    shown, paging = page_of(found, visit, PAGE)
    entities = [_row(account, kind, one) for one in shown]
    return {"kind": kind, "found": {**paging, "entities": entities, "query": query}}


def card(visit: Visit, kind: str) -> dict[str, Json]:
    """Return everything about one entity.

    Raises:
        NoSuchPageError: there is none with this id.
    """
    account, number = visit.account, visit.id()
    entity = account.entities[kind].get(number)
    if entity is None:
        raise NoSuchPageError
    history = _history(visit, kind, number)
    shown: Entity = {
        "id": number,
        "kind": kind,
        "single": SINGULAR[kind],
        "name": entity["name"],
        "is_deleted": entity["is_deleted"],
        "facts": _facts(visit, kind, entity),
        "tags": [one["name"] for one in tags_of(account, kind, entity)],
        "fields": [_field(one, visit.language) for one in entity["custom_fields_values"] or ()],
        "links": [_links(account, kind, number, one) for one in (*_KINDS, "catalog_elements")],
        "tasks": _tasks(visit, kind, number),
        "notes": _notes(visit, kind, number),
        "history": history[:MOST_EVENTS],
        "older": max(0, len(history) - MOST_EVENTS),
        "targets": [],
    }
    if kind == "leads":
        pipeline = account.pipelines[entity["pipeline_id"]]
        place = {name: entity[name] for name in ("pipeline_id", "status_id")}
        shown |= {**place, "targets": [] if entity["is_deleted"] else targets(pipeline)}
    return {"card": shown, "heading": entity["name"] or f"№ {number}"}


def values_of(entity: Entity, code: str) -> list[str]:
    """Return the values of a field that has a code."""
    return [
        str(value.get("value", ""))
        for field in entity["custom_fields_values"] or ()
        if field["field_code"] == code
        for value in field["values"]
    ]


def _row(account: Account, kind: str, entity: Entity) -> Entity:
    return {
        "id": entity["id"],
        "name": entity["name"],
        "phone": ", ".join(values_of(entity, "PHONE")),
        "email": ", ".join(values_of(entity, "EMAIL")),
        "leads": len(account.ties.of(kind, entity["id"], "leads")),
        "created_at": entity["created_at"],
    }


def _facts(visit: Visit, kind: str, entity: Entity) -> list[tuple[str, str, Json]]:
    """Return what stands at the top of a card: key, how it is shown, value."""
    facts: list[tuple[str, str, Json]] = []
    if kind == "leads":
        account = visit.account
        pipeline = account.pipelines[entity["pipeline_id"]]
        stages = {one["id"]: one["name"] for one in account.statuses(entity["pipeline_id"])}
        reason = account.shelf("loss_reasons").get(entity["loss_reason_id"])
        facts = [
            ("price", "money", entity["price"]),
            ("stage", "text", stages.get(entity["status_id"], "")),
            ("pipeline", "text", pipeline["name"]),
        ]
        facts += [("loss_reason", "text", reason["name"])] if reason is not None else []
        facts += [("closed", "moment", entity["closed_at"])] if entity["closed_at"] else []
    return [
        *facts,
        ("responsible", "text", visit.user(entity["responsible_user_id"])),
        ("created", "moment", entity["created_at"]),
        ("updated", "moment", entity["updated_at"]),
    ]


def _field(field: Entity, language: str) -> Entity:
    values = [_shown(field["field_type"], one.get("value"), language) for one in field["values"]]
    return {"name": field["field_name"] or str(field["field_id"]), "texts": values}


def _shown(kind: str, value: Json, language: str) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in ("date", "birthday", "date_time") and is_number:
        return (moment if kind == "date_time" else day)(value, language) or str(value)
    if isinstance(value, bool):
        return "✓" if value else "–"
    if is_object(value) or isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _links(account: Account, kind: str, number: int, other: str) -> Entity:
    known = account.shelf("elements" if other == "catalog_elements" else other)
    ids = account.ties.of(kind, number, other) if other != kind else []
    entities = [known[one] for one in ids if one in known]
    return {
        "kind": other,
        "has_page": other in _KINDS,
        "entities": [
            {"id": one["id"], "name": one["name"], "detail": _detail(one)} for one in entities[:50]
        ],
    }


def _detail(entity: Entity) -> str:
    if not entity.get("custom_fields_values"):
        return ""
    return ", ".join([*values_of(entity, "PHONE"), *values_of(entity, "EMAIL")])


def _tasks(visit: Visit, kind: str, number: int) -> list[Entity]:
    now = visit.portal.clock.time()
    found = [
        {
            "text": one["text"],
            "is_completed": one["is_completed"],
            "is_overdue": not one["is_completed"] and one["complete_till"] < now,
            "complete_till": one["complete_till"],
            "user": visit.user(one["responsible_user_id"]),
        }
        for one in visit.account.shelf("tasks").values()
        if one["entity_id"] == number and one["entity_type"] == kind
    ]
    return sorted(found, key=lambda one: (bool(one["is_completed"]), int(one["complete_till"])))


def _notes(visit: Visit, kind: str, number: int) -> list[Entity]:
    found = [
        {
            "type": one["note_type"],
            "text": _text_of(one["params"]),
            "user": visit.user(one["created_by"]),
            "created_at": one["created_at"],
        }
        for one in visit.account.shelf(f"{kind}/notes").values()
        if one["entity_id"] == number
    ]
    return sorted(found, key=lambda one: int(one["created_at"]), reverse=True)


def _text_of(params: Json) -> str:
    if is_object(params) and isinstance(params.get("text"), str):
        return str(params["text"])
    return json.dumps(params, ensure_ascii=False)


def _history(visit: Visit, kind: str, number: int) -> list[Entity]:
    single, column = SINGULAR[kind], LANGUAGES.index(visit.language)
    stages = {
        (pipeline["id"], stage["id"]): stage["name"]
        for pipeline in visit.account.pipelines.values()
        for stage in pipeline["_embedded"]["statuses"]
    }
    found = [
        {
            "name": _event_name(one["type"], column),
            "before": _event_value(visit, one["value_before"], stages),
            "after": _event_value(visit, one["value_after"], stages),
            "user": visit.user(one["created_by"]),
            "created_at": one["created_at"],
            "id": one["id"],
        }
        for one in visit.account.shelf("events").values()
        if one["entity_id"] == number and one["entity_type"] == single
    ]
    return sorted(found, key=lambda one: (int(one["created_at"]), str(one["id"])), reverse=True)


def _event_name(kind: str, column: int) -> str:
    if kind.startswith("custom_field_") and kind.endswith("_value_changed"):
        kind = "custom_field_value_changed"
    names = EVENT_TYPES.get(kind)
    return kind if names is None else names[column]


def _event_value(visit: Visit, values: list[Json], stages: dict[tuple[int, int], str]) -> str:
    return ", ".join(filter(None, (_one_value(visit, one, stages) for one in values)))


def _one_value(visit: Visit, value: Json, stages: dict[tuple[int, int], str]) -> str:
    if not is_object(value):
        return ""
    for name, one in value.items():
        if name == "lead_status":
            return stages.get((one["pipeline_id"], one["id"]), str(one["id"]))
        if name == "tag":
            return str(one["name"])
        if name == "responsible_user":
            return visit.user(one["id"])
        if name == "custom_field_value":
            return str(one["text"])
        if name in ("link", "unlink"):
            kind, number = one["entity"]["type"], one["entity"]["id"]
            linked = visit.account.shelf(_SHELVES.get(kind, "elements")).get(number)
            return str(number if linked is None else linked.get("name") or number)
    return ""
