"""The tree of a category field (reference 4.14)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity, Ids
from amocrm.sandbox.engine.schema import Schema
from amocrm.sandbox.engine.validation_errors import ValidationErrors

NESTED: Schema = {
    "id": "int",
    "parent_id": "int?",
    "value": "string!",
    "sort": "int",
    "request_id": "string",
    "parent_request_id": "string?",
}


def check_nested(items: list[Entity], errors: ValidationErrors) -> None:
    """Check that every parent is in the same tree; items are sound by themselves."""
    sent = {one.get("request_id") for one in items} - {None}
    ids = {one.get("id") for one in items} - {None}
    for number, one in enumerate(items):
        if one.get("parent_request_id") is not None and one["parent_request_id"] not in sent:
            errors.no_choice(f"nested.{number}.parent_request_id")
        if one.get("parent_id") not in (None, 0, *ids):
            errors.no_choice(f"nested.{number}.parent_id")


def build_nested(wanted: list[Entity], old: list[Entity], ids: Ids) -> list[Entity]:
    """Return the tree; what has no known id is new, what is not sent is gone."""
    known = {one["id"] for one in old}
    numbers = [one["id"] if one.get("id") in known else ids.take("enums") for one in wanted]
    by_request = {
        one["request_id"]: number
        for one, number in zip(wanted, numbers, strict=True)
        if "request_id" in one
    }
    return [
        {
            "id": number,
            "parent_id": by_request.get(one.get("parent_request_id"), one.get("parent_id")),
            "value": one["value"],
            "sort": one.get("sort", place),
        }
        for place, (one, number) in enumerate(zip(wanted, numbers, strict=True))
    ]
