"""Contacts and companies inside the model of a lead (reference 4.3, 4.4)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validate import check_members
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.values.field_values import MAX_PER_ENTITY

OTHERS: Schema = {
    name: Prop("array", longest=1, inner={**ENTITY_TYPES[name].create, "id": "int"})
    for name in ("contacts", "companies")
}
"""What `_embedded` holds of each: one entity at most, by id or as a model."""

TAGS_ONLY = ENTITY_TYPES["leads"].patch["_embedded"]
"""`_embedded` of a lead whose contact and company are not written in it."""


def check_others(embedded: Entity, account: Account, errors: ValidationErrors) -> None:
    """Check the sound contacts and companies of `_embedded` against the account."""
    for other in OTHERS:
        for number, item in enumerate(embedded.get(other, ())):
            at = f"_embedded.{other}.{number}"
            if "id" in item:
                if item["id"] not in account.shelf(other):
                    errors.no_choice(f"{at}.id")
                continue
            found = ValidationErrors()
            check_members(item, ENTITY_TYPES[other], account, found)
            check_count(item, found)
            errors.include(found, at)


def check_count(model: Entity, errors: ValidationErrors) -> None:
    """Check that a model has no more custom field values than one call takes."""
    if len(model.get("custom_fields_values") or ()) > MAX_PER_ENTITY:
        detail = f"This collection should contain {MAX_PER_ENTITY} elements or less."
        errors.add("TooHigh", "custom_fields_values", detail)


def make_other(call: Call, items: list[Entity], other: str) -> int | None:
    """Find or make the entity of `_embedded`; return its id."""
    for item in items:
        if "id" in item:
            return int(item["id"])
        call.counters[f"created.{other}"] += 1
        return int(call.writer.create(ENTITY_TYPES[other], item)["id"])
    return None
