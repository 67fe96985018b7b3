"""Whether two lists of values are the same, and which part of a read list a write may hold.

A read tells more than a write has to: of a choice its text, id and code, where one is enough.
Source: reference 5.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.http.messages import Json
from amocrm.resources.custom_fields.field_types import COUNTED

_CHOICES: Final = ("select", "radiobutton", "multiselect", "category")
_NAMES: Final = ("enum_id", "enum_code", "value")


def same_values(before: Json, after: Json) -> bool:
    """Tell whether a list of values says nothing that another, which was read, does not."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    return all(_says_no_more(new, old) for new, old in zip(after, before, strict=True))


def _says_no_more(new: Json, old: Json) -> bool:
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        return same(new, old)
    said = {key: value for key, value in new.items() if value is not None}
    return bool(said) and all(key in old and same(old[key], said[key]) for key in said)


def same(one: Json, other: Json) -> bool:
    """Tell whether two values are equal in JSON, where true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def sendable(values: Json, kind: str) -> Json:
    """Return what a write holds of a list of values; None, which erases, for an empty one."""
    if not isinstance(values, list):
        return values
    return [_sendable(one, kind) for one in values] or None


def _sendable(item: Json, kind: str) -> Json:
    if not isinstance(item, Mapping):
        return item
    said = {key: value for key, value in item.items() if value is not None or key == "value"}
    if kind in _CHOICES:
        key = next((name for name in _NAMES if said.get(name) is not None), None)
        return said if key is None else {key: said[key]}
    if "enum_id" in said and "enum_code" in said:
        del said["enum_id"]
    value = said.get("value")
    if kind == "items" and isinstance(value, Mapping):
        return {"value": {key: one for key, one in value.items() if key not in COUNTED}}
    if kind == "supplier" and isinstance(value, Mapping) and "entity_id" in value:
        return {"value": {"entity_id": value["entity_id"]}}
    return said
