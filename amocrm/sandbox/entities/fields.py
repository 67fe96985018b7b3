"""Definitions of custom fields (reference 4.14)."""

from __future__ import annotations

from collections.abc import Iterable

from amocrm.sandbox.data.defaults import add_field, numbered_enum
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb
from amocrm.sandbox.engine.filters import many, numbers
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.field_rules import changed_field, check_field, new_field
from amocrm.sandbox.values.field_values import enums_of
from amocrm.sandbox.values.nested import build_nested

PLACES = {
    "/leads": "leads",
    "/contacts": "contacts",
    "/companies": "companies",
    "/customers": "customers",
    "/customers/segments": "segments",
    "/catalogs/<int:catalog_id>": "catalogs",
}
"""Where fields are defined, and for what."""


def entity_type_of(operation: Operation) -> str:
    """Return whose fields a call is about; every list has its own."""
    place = operation.row.path.partition("/custom_fields")[0]
    return (
        f"catalogs/{operation.scope['catalog_id']}"
        if "catalog_id" in operation.scope
        else PLACES[place]
    )


def _stored(operation: Operation) -> Entities:
    return operation.account.fields[entity_type_of(operation)]


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    check_field(model, entity, operation.account, entity_type_of(operation), errors)


def _make(operation: Operation, model: Entity) -> Entity:
    wanted = {name: value for name, value in model.items() if name not in ("request_id", "nested")}
    field = add_field(operation.account, entity_type_of(operation), wanted, operation.call.ids)
    if model["type"] == "category":
        field["nested"] = build_nested(model.get("nested") or [], [], operation.call.ids)
    return field


def _change(operation: Operation, field: Entity, model: Entity) -> None:
    ids = operation.call.ids
    special = ("id", "type", "request_id", "enums", "nested")
    field |= {name: value for name, value in model.items() if name not in special}
    if model.get("enums") is not None:
        known = {one["id"] for one in field["enums"] or ()}
        # An enum without a known id is new; those not sent are deleted (reference 4.14).
        field["enums"] = [
            numbered_enum(one if one.get("id") in known else {**one, "id": None}, place, ids)
            for place, one in enumerate(model["enums"])
        ]
        _drop_values(operation, field)
    if model.get("nested") is not None:
        field["nested"] = build_nested(model["nested"], field["nested"] or [], ids)
        _drop_values(operation, field)


def _drop(operation: Operation, field: Entity) -> None:
    if not field["is_deletable"]:
        raise ProblemError(403, "Forbidden")  # Assumed (reference 4.14): 403 is documented.
    del operation.shelf[field["id"]]
    for entity in _owners(operation.account, entity_type_of(operation)):
        items: list[Json] = entity["custom_fields_values"] or []
        kept = [one for one in items if one["field_id"] != field["id"]]
        entity["custom_fields_values"] = kept or None


def _drop_values(operation: Operation, field: Entity) -> None:
    known = {one["id"] for one in enums_of(field)}
    for entity in _owners(operation.account, entity_type_of(operation)):
        items: list[Json] = entity["custom_fields_values"] or []
        for item in items:
            if item["field_id"] == field["id"]:
                item["values"] = [one for one in item["values"] if one["enum_id"] in known]
        entity["custom_fields_values"] = [one for one in items if one["values"]] or None


def _owners(account: Account, entity_type: str) -> Iterable[Entity]:
    # Elements of other lists are harmless: no two fields of a portal share an id.
    return account.shelf(
        "elements" if entity_type.startswith("catalogs/") else entity_type
    ).values()


def _show(operation: Operation, field: Entity, listing: ListingQuery) -> Entity:
    return {**field, "_links": {"self": {"href": operation.href(field)}}}


def _row(place: str, entity_type: str) -> Collection:
    return Collection(
        path=f"{place}/custom_fields",
        key="custom_fields",
        verbs={
            "list": Verb(total=True),
            "one": Verb(),
            "create": Verb(status=201, total=True, admin=True),
            # 201 is the documented status (reference 12.3).
            "change": Verb(status=201, total=True, admin=True),
            "change_one": Verb(echo="no", admin=True),
            "delete": Verb(status=204, admin=True),
        },
        create=new_field(entity_type),
        patch=changed_field(entity_type),
        fixed=("type",),
        parents={"catalog_id": "catalogs"} if entity_type == "catalogs" else {},
        filters={"id": numbers("id"), "type": many("type")},
        orders=frozenset({"sort", "id"}),
        unknown=404,  # Assumed (reference 4.33): not documented.
        # Segments hold thirty fields (reference 3.5); the others depend on the plan.
        capacity=30 if entity_type == "segments" else None,
        stored=_stored,
        check=_check,
        make=_make,
        change=_change,
        drop=_drop,
        show=_show,
    )


ROWS = tuple(_row(place, entity_type) for place, entity_type in PLACES.items())
