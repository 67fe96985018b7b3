"""Contacts and companies inside the model of a lead (reference 4.3, 4.4)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.validate import check_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json, is_array, is_object
from amocrm.sandbox.values.field_values import MAX_PER_ENTITY


def check_other(items: Json, other: str, account: Account, faults: ValidationErrors) -> None:
    """Check what stands in `_embedded`: one entity at most, by id or as a model."""
    at = f"_embedded.{other}"
    if not is_array(items):
        faults.wrong_type(at, "array")
        return
    if len(items) > 1:
        faults.add("TooHigh", at, "This collection should contain 1 element or less.")
    for number, item in enumerate(items):
        here = f"{at}.{number}"
        if is_object(item) and "id" in item:
            if faults.is_kind(item["id"], "int", f"{here}.id"):
                _check_known(item["id"], other, account, faults, here)
            continue
        table = ENTITY_TYPES[other]
        inner = check_model(item, table, account, table=table.create, nested=frozenset({"tags"}))
        for fault in inner.found:
            path = f"{here}.{fault['path']}".rstrip(".")
            faults.add(fault["code"], path, fault["detail"])
        if is_object(item):
            check_count(item, here + ".", faults)


def _check_known(
    number: int, other: str, account: Account, faults: ValidationErrors, at: str
) -> None:
    if number not in account.entities[other]:
        faults.no_choice(f"{at}.id")


def check_count(model: Entity, at: str, faults: ValidationErrors) -> None:
    """Check that a model has no more custom field values than one call takes."""
    values = model.get("custom_fields_values")
    if is_array(values) and len(values) > MAX_PER_ENTITY:
        detail = f"This collection should contain {MAX_PER_ENTITY} elements or less."
        faults.add("TooHigh", f"{at}custom_fields_values", detail)


def make_other(call: Call, items: list[Entity], other: str) -> int | None:
    """Find or make the entity of `_embedded`; return its id."""
    for item in items:
        if "id" in item:
            return int(item["id"])
        call.counters[f"created.{other}"] += 1
        return int(call.writer.create(ENTITY_TYPES[other], item)["id"])
    return None
