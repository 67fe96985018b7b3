"""One module per resource of the API, each with its entries of the table."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.entity_types import ENTITY_TYPES, EntityType
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import Filter, as_text, in_range, many, number, span, texts
from amocrm.sandbox.engine.listing import Wish
from amocrm.sandbox.engine.validate import check_members
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.engine.view import show
from amocrm.sandbox.http.answer import Json, is_object


def entity_row(entity_type: EntityType) -> Collection:
    """Return the entry of a family of entities."""
    changed = ("id", "name", "updated_at") if entity_type.patch_shows_name else ("id", "updated_at")

    def check(
        operation: Operation, model: Entity, entity: Entity | None, faults: ValidationErrors
    ) -> None:
        nested = entity_type.nested if entity is None else frozenset({"tags"})
        check_members(model, entity_type, operation.account, faults, nested)

    def make(operation: Operation, model: Entity) -> Entity:
        return operation.call.writer.create(entity_type, model)

    def change(operation: Operation, entity: Entity, model: Entity) -> None:
        operation.call.writer.update(entity_type, entity, model)

    def shown(operation: Operation, entity: Entity, wish: Wish) -> Entity:
        return show(operation.account, entity_type, entity, wish.withs, operation.call.root)

    return Collection(
        path=f"/{entity_type.name}",
        key=entity_type.name,
        verbs={
            "list": Verb(),
            "one": Verb(),
            "create": Verb(shape=("id",)),
            # Assumed (reference 3.1, 12.3): echoed when sent; the published example shows none.
            "change": Verb(shape=changed, echo="sent"),
            "change_one": Verb(shape=changed, echo="no"),
        },
        keys=entity_type.keys,
        create=entity_type.create,
        patch=entity_type.patch,
        filters=_filters(entity_type),
        orders=entity_type.orders,
        check=check,
        make=make,
        change=change,
        show=shown,
        select=_select,
    )


def _filters(entity_type: EntityType) -> Mapping[str, Filter]:
    filters = {name: many(name) for name in (*entity_type.numbers, "name")}
    filters |= {name: span(name) for name in entity_type.ranges}
    filters["custom_fields_values"] = _has_values
    if entity_type.name == "leads":
        filters["statuses"] = _in_stages
    return filters


def _select(operation: Operation, found: list[Entity], wish: Wish) -> list[Entity]:
    deleted = "only_deleted" in wish.withs
    found = [one for one in found if bool(one["is_deleted"]) is deleted]
    query = wish.tree.get("query")
    if isinstance(query, str) and query:
        found = [one for one in found if _mentions(one, query.casefold())]
    return found


def _in_stages(lead: Entity, wanted: Json) -> bool:
    stages = wanted.values() if is_object(wanted) else ()
    here = {"pipeline_id": str(lead["pipeline_id"]), "status_id": str(lead["status_id"])}
    return any(
        all(here.get(name) == str(value) for name, value in stage.items())
        for stage in stages
        if is_object(stage)
    )


def _has_values(entity: Entity, wanted: Json) -> bool:
    # What is no object names no field, and is ignored.
    return not is_object(wanted) or all(_has_value(entity, *one) for one in wanted.items())


def _has_value(entity: Entity, field_id: str, wanted: Json) -> bool:
    items = entity["custom_fields_values"] or ()
    values = [
        value for item in items if str(item["field_id"]) == field_id for value in item["values"]
    ]
    if is_object(wanted) and {"from", "to"} & set(wanted):
        return any(in_range(number(value["value"]), wanted) for value in values)
    return any(_filter_text(value) in texts(wanted) for value in values)


def _filter_text(value: Entity) -> str:
    return str(value["enum_id"]) if "enum_id" in value else as_text(value.get("value"))


def _mentions(entity: Entity, query: str) -> bool:
    words = [entity["name"], entity.get("price"), entity["id"]]
    for item in entity["custom_fields_values"] or ():
        words += [value.get("value") for value in item["values"]]
    return any(query in str(word).casefold() for word in words if word is not None)


ROWS = tuple(entity_row(ENTITY_TYPES[name]) for name in ("leads", "contacts", "companies"))
