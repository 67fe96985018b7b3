"""Incoming leads: list, create, accept, decline, link (reference 4.4)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import Entity, linked
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Entities, Entry, Operation, Route, Verb
from amocrm.sandbox.engine.embedded import OTHERS, TAGS_ONLY, check_others, make_other
from amocrm.sandbox.engine.filters import many, numbers, since
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.linking import link
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validate import check_members, read_optional
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_batch
from amocrm.sandbox.entities.unsorted_items import CATEGORIES, METADATA, embedded, enter
from amocrm.sandbox.http.answer import Answer, Json, is_object, json_answer
from amocrm.sandbox.http.problem import ProblemError

_LINKABLE = ("chats", "mail")
_TARGETS = ("leads", "customers")
_ADDRESS = "/leads/unsorted"


def _waiting(operation: Operation) -> Entities:
    items = operation.account.shelf("unsorted")
    return {uid: one for uid, one in items.items() if not one["_outcome"]}


def _show(operation: Operation, item: Entity, listing: ListingQuery) -> Entity:
    return {**operation.show(item), "_embedded": embedded(item, operation.call.root)}


def _show_made(operation: Operation, item: Entity, listing: ListingQuery) -> Entity:
    href = f"{operation.call.root}{_ADDRESS}/{item['uid']}"
    short = _short(operation.call, item, "uid", "account_id")
    return {**short, "_links": {"self": {"href": href}}}


def _short(call: Call, item: Entity, *names: str) -> Entity:
    return {**{name: item[name] for name in names}, "_embedded": embedded(item, call.root)}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if model.get("pipeline_id", 0) not in (0, *operation.account.pipelines):
        errors.no_choice("pipeline_id")
    nested = model.get("_embedded", {})
    check_others(nested, operation.account, errors)
    for number, lead in enumerate(nested.get("leads", ())):
        inner = ValidationErrors()
        check_members(lead, ENTITY_TYPES["leads"], operation.account, inner)
        errors.include(inner, f"_embedded.leads.{number}")


def _make(operation: Operation, model: Entity) -> Entity:
    call, nested = operation.call, model.get("_embedded", {})
    wanted: Entity = {**(nested.get("leads") or [{}])[0]}
    if "pipeline_id" in model:
        wanted["pipeline_id"] = model["pipeline_id"]
    lead = call.writer.create(ENTITY_TYPES["leads"], wanted)
    ends: dict[str, int | None] = {"leads": lead["id"]}
    ends |= {other: make_other(call, nested.get(other) or [], other) for other in OTHERS}
    return enter(call.writer, operation.row.path.rpartition("/")[2], ends, model)


def accept(call: Call, number: str) -> Answer:
    """Answer `POST /leads/unsorted/{uid}/accept`."""
    item = _known(call, number)
    model = _body(call, {"user_id": "user", "status_id": "int"})
    stages = call.account.statuses(item["pipeline_id"])
    ordinary = [one["id"] for one in stages if one["type"] == 0]
    if model.get("status_id", ordinary[0]) not in ordinary:
        errors = ValidationErrors()
        errors.no_choice("status_id")
        refuse_batch([model], [errors])
    user = model.get("user_id", call.grant.user_id)
    lead = call.account.shelf("leads")[item["_ends"]["leads"]]
    wanted = {"status_id": model.get("status_id", ordinary[0]), "responsible_user_id": user}
    call.writer.update(ENTITY_TYPES["leads"], lead, wanted)
    _finish(call, item, "accepted")
    return _answer(call, item)


def decline(call: Call, number: str) -> Answer:
    """Answer `DELETE /leads/unsorted/{uid}/decline`: lead and contact go to the recycle bin."""
    item = _known(call, number)
    _body(call, {"user_id": "user"})
    for entity_type in ("leads", "contacts"):
        entity = call.account.shelf(entity_type).get(item["_ends"].get(entity_type))
        if entity is not None:
            entity |= {"is_deleted": True, "updated_at": call.now}
            one = SINGULAR[entity_type]
            call.history.record(f"{one}_deleted", one, entity["id"])
            call.account.changes.delete(entity_type, entity)
    _finish(call, item, "declined")
    return _answer(call, item)


def link_to(call: Call, number: str) -> Answer:
    """Answer `POST /leads/unsorted/{uid}/link`: what came in belongs to a known entity."""
    item = _known(call, number)
    target: Schema = {
        "entity_id": "int!",
        "entity_type": Prop("string", required=True, choices=_TARGETS),
        "metadata": Prop("object", null=True, inner={"contact_id": "int"}),
    }
    model = _body(call, {"link": Prop("object", required=True, inner=target), "user_id": "user"})
    wanted: Entity = model["link"]
    errors = ValidationErrors()
    if item["category"] not in _LINKABLE:
        # Assumed (reference 12.4): chats and mail, as in the official client.
        errors.no_choice("link")
    entity_type, owner = wanted["entity_type"], wanted["entity_id"]
    if owner not in call.account.shelf(entity_type):
        errors.no_choice("link.entity_id")
    contact = (wanted.get("metadata") or {}).get("contact_id")
    if contact is not None and contact not in call.account.shelf("contacts"):
        errors.no_choice("link.metadata.contact_id")
    refuse_batch([model], [errors])
    if contact is not None:
        link(call.history, entity_type, owner, "contacts", contact, {})
    # Assumed (reference 4.4): the lead that came in is not needed any more.
    came = call.account.shelf("leads")[item["_ends"]["leads"]]
    came["is_deleted"] = True
    call.account.changes.delete("leads", came)
    item["_target"] = {entity_type: owner, "contacts": contact}
    _finish(call, item, "accepted")
    return json_answer({"uid": item["uid"], "_embedded": _linked_to(call, wanted)})


def _linked_to(call: Call, wanted: Entity) -> Entity:
    name: str = wanted["entity_type"]
    return {name: linked([wanted["entity_id"]], f"{call.root}/{name}")}


def summary(call: Call) -> Answer:
    """Answer `GET /leads/unsorted/summary`."""
    filters: Json = ListingQuery.whole(call.request).tree.get("filter")
    wanted = filters if is_object(filters) else {}
    found = list(call.account.shelf("unsorted").values())
    for name, test in {**_FILTERS, "created_at": since("created_at")}.items():
        if name in wanted:
            test.check(wanted[name], f"filter.{name}")
            found = [one for one in found if test.passes(one, wanted[name])]
    waiting = [one for one in found if not one["_outcome"]]
    times = [one["_sorted_at"] - one["created_at"] for one in found if one["_outcome"]]
    counts = {
        name: {"total": sum(one["category"] == name for one in waiting)} for name in CATEGORIES
    }
    return json_answer(
        {
            "total": len(waiting),
            "accepted": sum(one["_outcome"] == "accepted" for one in found),
            "declined": sum(one["_outcome"] == "declined" for one in found),
            "average_sort_time": sum(times) // len(times) if times else 0,
            "categories": counts,
        }
    )


def _known(call: Call, number: str) -> Entity:
    item = call.account.shelf("unsorted").get(number)
    if item is None or item["_outcome"]:
        raise ProblemError(
            404, "Not found"
        )  # Assumed (reference 4.4): an item that was accepted or declined is unknown.
    return item


def _body(call: Call, schema: Schema) -> Entity:
    return read_optional(call.request, schema, users=call.account.active_users)


def _finish(call: Call, item: Entity, outcome: str) -> None:
    contact = call.account.shelf("contacts").get(item["_ends"].get("contacts"))
    if contact is not None:
        contact["is_unsorted"] = False
    item |= {"_outcome": outcome, "_sorted_at": call.now, "_sorted_by": call.grant.user_id}
    call.account.changes.delete("unsorted", item)


def _answer(call: Call, item: Entity) -> Answer:
    return json_answer(_short(call, item, "uid", "pipeline_id", "category", "created_at"))


_FILTERS = {
    "uid": many("uid"),
    "category": many("category", choices=CATEGORIES),
    "pipeline_id": numbers("pipeline_id"),
}
_LEAD: Schema = {
    **ENTITY_TYPES["leads"].create,
    "_embedded": TAGS_ONLY,
}
_EMBEDDED: Schema = {"leads": Prop("array", longest=1, inner=_LEAD), **OTHERS}

UNSORTED = Collection(
    path=_ADDRESS,
    key="unsorted",
    verbs={"list": Verb(), "one": Verb()},
    keys=(
        *("uid", "source_uid", "source_name", "category", "pipeline_id", "created_at"),
        *("metadata", "account_id"),
    ),
    number="<number>",
    filters=_FILTERS,
    orders=frozenset({"created_at", "updated_at"}),
    unknown=404,  # Assumed (reference 4.4): 204 or 404.
    stored=_waiting,
    show=_show,
)


def _category(name: str) -> Collection:
    return Collection(
        path=f"{_ADDRESS}/{name}",
        key="unsorted",
        verbs={"create": Verb(total=True)},
        with_keys=("uid", "category"),
        create={
            "source_name": "string!",
            "source_uid": "string!",
            "pipeline_id": "int",
            "created_at": "int",
            "metadata": Prop("object", required=True, inner=METADATA[name]),
            "_embedded": Prop("object", inner=_EMBEDDED),
        },
        check=_check,
        make=_make,
        show=_show_made,
    )


ROWS: tuple[Entry, ...] = (
    UNSORTED,
    *(_category(name) for name in METADATA),
    Route("GET", f"{_ADDRESS}/summary", summary),
    Route("POST", f"{_ADDRESS}/<number>/accept", accept),
    Route("DELETE", f"{_ADDRESS}/<number>/decline", decline),
    Route("POST", f"{_ADDRESS}/<number>/link", link_to),
)
