"""Statuses and segments of customers, one or the other by mode (reference 4.18, 5.3)."""

from __future__ import annotations

from amocrm.sandbox.data.customer_stages import ORDINARY, customer_statuses
from amocrm.sandbox.data.stages import COLORS
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, Schema
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.entities.customers import need_mode
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.field_values import CUSTOM_FIELDS_VALUES, check_values, write_values

SEGMENT_COLORS = (
    *("10599d", "2176ff", "006acc", "07a0c3", "247ba0", "177e89", "046e8f", "598381", "0c7c59"),
    *("495f41", "00a44b", "08605f", "bf2600", "06d6a0", "e14945", "79b473", "ae003f", "a2ad59"),
    *("cd0f53", "8e936d", "832161", "2e5339", "bf126f", "6f7c12", "ff5376", "dd1c1a", "bb304e"),
    *("631d76", "9d2b32", "4a001f", "b118c8", "6a0f49", "6610f2", "b38a58", "8963ba", "4b3666"),
    *("932f6d", "6b2d5c", "6461a0", "4f517d"),
)
_PRICES = Prop("array", null=True, each="int")


def _statuses(operation: Operation) -> Entities:
    return customer_statuses(operation.account, operation.call.ids)


def _drop_status(operation: Operation, status: Entity) -> None:
    if status["type"] != ORDINARY:
        # Assumed (reference 4.18): refused with 400, which is documented.
        raise ProblemError(400, "A system status cannot be deleted")
    operation.drop(status)


_STATUS: Schema = {"name": NAME, "sort": "int!", "color": Prop("string", choices=COLORS)}

STATUSES = Collection(
    path="/customers/statuses",
    key="statuses",
    verbs={
        "list": Verb(total=True),
        "one": Verb(),
        "create": Verb(shape=("id",), admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=("id", "name", "sort", "is_default", "conditions", "color", "type", "account_id"),
    create=_STATUS,
    defaults={"is_default": False, "conditions": [], "type": ORDINARY, "color": COLORS[0]},
    ids="customer_statuses",
    paged=False,
    unknown=404,
    capacity=30,
    guard=lambda operation: need_mode(operation.account, "periodicity"),
    stored=_statuses,
    drop=_drop_status,
)


def _check_segment(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    check_values(model.get("custom_fields_values") or [], operation.account, "segments", errors)


def _make_segment(operation: Operation, model: Entity) -> Entity:
    segment = operation.make({**model, "custom_fields_values": None})
    _write_values(operation, segment, model)
    return segment


def _change_segment(operation: Operation, segment: Entity, model: Entity) -> None:
    kept = segment["custom_fields_values"]
    operation.change(segment, {**model, "custom_fields_values": kept})
    _write_values(operation, segment, model)


def _write_values(operation: Operation, segment: Entity, model: Entity) -> None:
    if "custom_fields_values" in model:
        values = model["custom_fields_values"] or []
        write_values(values, operation.account, "segments", segment)


def _drop_segment(operation: Operation, segment: Entity) -> None:
    operation.drop(segment)
    for customer in operation.account.shelf("customers").values():
        kept: list[int] = customer["_segments"]
        customer["_segments"] = [one for one in kept if one != segment["id"]]


def _show_segment(operation: Operation, segment: Entity, listing: ListingQuery) -> Entity:
    customers = operation.account.shelf("customers").values()
    count = sum(segment["id"] in one["_segments"] for one in customers)
    return {**operation.show(segment), "customers_count": count}


SEGMENTS = Collection(
    path="/customers/segments",
    key="segments",
    verbs={
        "list": Verb(total=True),
        "one": Verb(),
        "create": Verb(body="object", echo="sent", admin=True),
        "change_one": Verb(echo="sent", admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=(
        *("id", "created_at", "updated_at", "account_id", "name", "color"),
        *("available_products_price_types", "customers_count", "custom_fields_values"),
    ),
    create={
        "name": NAME,
        "color": Prop("string", choices=SEGMENT_COLORS),
        "available_products_price_types": _PRICES,
        "custom_fields_values": CUSTOM_FIELDS_VALUES,
    },
    defaults={
        "color": SEGMENT_COLORS[0],
        "available_products_price_types": None,
        "customers_count": 0,
        "custom_fields_values": None,
    },
    unknown=404,
    capacity=100,
    guard=lambda operation: need_mode(operation.account, "segments"),
    check=_check_segment,
    make=_make_segment,
    change=_change_segment,
    drop=_drop_segment,
    show=_show_segment,
)

ROWS = (STATUSES, SEGMENTS)
