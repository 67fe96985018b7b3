"""One module per resource of the API, each with its entries of the table."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.entity_types import ENTITY_TYPES, EntityType
from amocrm.sandbox.data.state import LOST, Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import (
    Filter,
    check_stages,
    is_in_stages,
    many,
    numbers,
    span,
)
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.validate import check_members
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.engine.view import show
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.field_filters import check_field_filters, has_values, mentions


def entity_row(entity_type: EntityType) -> Collection:
    """Return the entry of one kind of entity."""
    changed = ("id", "name", "updated_at") if entity_type.patch_shows_name else ("id", "updated_at")

    def check(
        operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
    ) -> None:
        check_members(model, entity_type, operation.account, errors)

    def make(operation: Operation, model: Entity) -> Entity:
        return operation.call.writer.create(entity_type, model)

    def change(operation: Operation, entity: Entity, model: Entity) -> None:
        operation.call.writer.update(entity_type, entity, model)

    def shown(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
        return show(operation.account, entity_type, entity, listing.withs, operation.call.root)

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
        admit=_admit_leads if entity_type.name == "leads" else None,
        change=change,
        show=shown,
        select=_select,
    )


_NOT_LOST = "Loss reason can be specified only for lost lead"


def _admit_leads(operation: Operation, models: list[tuple[Entity | None, Entity]]) -> None:
    refuse_loss_reasons(models)


def refuse_loss_reasons(models: list[tuple[Entity | None, Entity]]) -> None:
    """Refuse a loss reason of a lead that is not lost; recorded from real accounts.

    Raises:
        ProblemError: 400; a new lead is named by its place. Assumed (reference 4.2): the latter.
    """
    errors = {
        str(lead["id"] if lead is not None else place): _NOT_LOST
        for place, (lead, model) in enumerate(models)
        if model.get("loss_reason_id")
        and model["loss_reason_id"] != (lead or {}).get("loss_reason_id")
        and model.get("status_id", (lead or {}).get("status_id")) != LOST
    }
    if errors:
        raise ProblemError(400, "Invalid request body", errors=errors)


def _filters(entity_type: EntityType) -> Mapping[str, Filter]:
    filters = {"name": many("name"), **{name: numbers(name) for name in entity_type.numbers}}
    filters |= {name: span(name) for name in entity_type.ranges}
    if entity_type.name == "leads":
        filters["statuses"] = Filter(is_in_stages, check_stages)
    return filters


def _select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
    deleted = "only_deleted" in listing.withs
    found = [one for one in found if bool(one["is_deleted"]) is deleted]
    query = listing.tree.get("query")
    if isinstance(query, str) and query:
        found = [one for one in found if mentions(one, query, operation.account.phone_search)]
    filters: Json = listing.tree.get("filter")
    wanted = filters.get("custom_fields_values") if is_object(filters) else None
    if wanted is not None:
        check_field_filters(wanted, operation.account.fields[operation.row.key])
        found = [one for one in found if has_values(one, wanted)]
    return found


ROWS = tuple(entity_row(ENTITY_TYPES[name]) for name in ("leads", "contacts", "companies"))
