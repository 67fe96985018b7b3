"""Elements of lists (reference 4.10)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import numbers
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, Schema
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.field_values import CUSTOM_FIELDS_VALUES, check_values, write_values

_WRITE: Schema = {
    "custom_fields_values": CUSTOM_FIELDS_VALUES,
    "created_by": "user",
    "updated_by": "user",
    "created_at": "int",
    "updated_at": "int",
    "currency_id": "int?",
}


def _entity_type(operation: Operation) -> str:
    return f"catalogs/{operation.scope['catalog_id']}"


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    catalog = operation.account.shelf("catalogs")[operation.scope["catalog_id"]]
    if entity is None and not catalog["can_add_elements"]:
        # Assumed (reference 4.33): 403 is documented, its reason is not.
        raise ProblemError(403, "Forbidden")
    values = model.get("custom_fields_values") or []
    check_values(values, operation.account, _entity_type(operation), errors)
    if entity is None:
        _check_required(operation, values, errors)


def _check_required(operation: Operation, values: list[Entity], errors: ValidationErrors) -> None:
    named = {one.get(key) for one in values for key in ("field_id", "field_code")}
    for field in operation.account.fields[_entity_type(operation)].values():
        if field.get("is_required") and not {field["id"], field["code"]} & (named - {None}):
            # Assumed (reference 4.14): a required field is one that creation needs.
            errors.missing("custom_fields_values")


def _make(operation: Operation, model: Entity) -> Entity:
    element = operation.make({**model, "custom_fields_values": None})
    element["updated_at"] = model.get("updated_at", element["created_at"])
    element["updated_by"] = model.get("updated_by", element["created_by"])
    write_values(
        model.get("custom_fields_values") or [], operation.account, _entity_type(operation), element
    )
    operation.account.changes.add("elements", element)
    return element


def _change(operation: Operation, element: Entity, model: Entity) -> None:
    operation.account.changes.update("elements", element, dict(element))
    plain = {name: one for name, one in model.items() if name != "custom_fields_values"}
    operation.change(element, plain)
    write_values(
        model.get("custom_fields_values") or [], operation.account, _entity_type(operation), element
    )


def _show(operation: Operation, element: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(element)
    for name in ("invoice_link", "supplier_field_values"):
        if name in listing.withs:
            shown[name] = None
    return {**shown, "_embedded": {}}


def _select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
    query = listing.tree.get("query")
    if not isinstance(query, str) or not query:
        return found
    return [one for one in found if _mentions(one, query.casefold())]


def _mentions(element: Entity, query: str) -> bool:
    values = [
        value.get("value")
        for item in element["custom_fields_values"] or ()
        for value in item["values"]
    ]
    return any(query in str(word).casefold() for word in (element["name"], *values))


ELEMENTS = Collection(
    path="/catalogs/<int:catalog_id>/elements",
    key="elements",
    verbs={
        "list": Verb(),
        "one": Verb(),
        "create": Verb(),
        "change": Verb(),
        "change_one": Verb(),
    },
    keys=(
        *("id", "catalog_id", "name", "created_by", "updated_by", "created_at", "updated_at"),
        *("is_deleted", "currency_id", "custom_fields_values", "account_id"),
    ),
    with_keys=("invoice_link", "supplier_field_values"),
    embeds=("warning",),
    create={"name": NAME, **_WRITE},
    patch={"name": Prop("string", filled=True, longest=255), **_WRITE},
    parents={"catalog_id": "catalogs"},
    filters={"id": numbers("id")},
    # Assumed (reference 12.3): both forms, `filter[id]` and the official client's `id[]`.
    bare={"id": numbers("id")},
    check=_check,
    make=_make,
    change=_change,
    show=_show,
    select=_select,
)

ROWS = (ELEMENTS,)
