"""Groups of custom fields (reference 4.14)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.entities.fields import PLACES, entity_type_of
from amocrm.sandbox.http.problem import ProblemError

_FIRST = 10_000_000_000_001


def _stored(operation: Operation) -> Entities:
    return operation.account.shelf(f"groups/{entity_type_of(operation)}")


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    known = operation.account.fields[entity_type_of(operation)]
    for place, number in enumerate(model.get("fields", ())):
        if number not in known:
            errors.no_choice(f"fields.{place}")


def _make(operation: Operation, model: Entity) -> Entity:
    entity_type = entity_type_of(operation)
    kind, ids = entity_type.partition("/")[0], operation.call.ids
    name = f"{kind}_{_FIRST + ids.take('groups')}"
    while name in operation.shelf:  # A schema may have brought it.
        name = f"{kind}_{_FIRST + ids.take('groups')}"
    group = {
        "id": name,
        "name": model["name"],
        "is_predefined": False,
        "type": "custom_field_group",
        "entity_type": kind,
        "sort": model["sort"],
    }
    operation.shelf[group["id"]] = group
    return group


def _change(operation: Operation, group: Entity, model: Entity) -> None:
    group |= {name: one for name, one in model.items() if name in ("name", "sort")}
    for number in model.get("fields", ()):
        operation.account.fields[entity_type_of(operation)][number]["group_id"] = group["id"]


def _drop(operation: Operation, group: Entity) -> None:
    if group["is_predefined"]:
        raise ProblemError(403, "Forbidden")
    operation.drop(group)
    for field in operation.account.fields[entity_type_of(operation)].values():
        if field.get("group_id") == group["id"]:
            field["group_id"] = None  # Assumed (reference 4.14): they go back to no group.


def _show(operation: Operation, group: Entity, listing: ListingQuery) -> Entity:
    shown = {**group, "_links": {"self": {"href": operation.href(group)}}}
    if operation.call.request.method == "PATCH":
        fields = operation.account.fields[entity_type_of(operation)].values()
        shown["fields"] = [one["id"] for one in fields if one.get("group_id") == group["id"]]
    return shown


def _row(place: str) -> Collection:
    return Collection(
        path=f"{place}/custom_fields/groups",
        key="custom_field_groups",
        verbs={
            "list": Verb(total=True),
            "one": Verb(),
            "create": Verb(status=201, total=True, admin=True),
            "change_one": Verb(admin=True),
            "delete": Verb(status=204, admin=True),
        },
        with_keys=("is_predefined", "type", "entity_type"),
        create={"name": NAME, "sort": "int!"},
        patch={
            "name": Prop("string", filled=True, longest=255),
            "sort": "int",
            "fields": Prop("array", each="int"),
        },
        number="<number>",
        parents={"catalog_id": "catalogs"} if "catalog_id" in place else {},
        paged=False,
        unknown=404,
        stored=_stored,
        check=_check,
        make=_make,
        change=_change,
        drop=_drop,
        show=_show,
    )


ROWS = tuple(_row(place) for place, entity_type in PLACES.items() if entity_type != "segments")
