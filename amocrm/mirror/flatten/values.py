"""Rows of the values of custom fields. Source: reference 5.13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.flatten.cells import instant, number, text
from amocrm.mirror.tables.columns import Row

_NUMBERS: Final = frozenset({"numeric", "price", "monetary"})
_TIMES: Final = frozenset({"date", "date_time", "birthday"})


def value_rows(account_id: int, entity_type: str, entity_id: int, fields: Json) -> Iterator[Row]:
    """Yield the rows of `custom_fields_values` of one entity."""
    numbers: dict[int, int] = {}
    for field in fields if isinstance(fields, list) else ():
        field_id = field.get("field_id") if isinstance(field, Mapping) else None
        if type(field_id) is not int:
            continue
        kind, n = field.get("field_type"), numbers.get(field_id, 0)
        values = field.get("values")
        for item in values if isinstance(values, list) else ():
            if not isinstance(item, Mapping):
                continue
            # A chained list has no value, but the names of an element and its list.
            value = item.get("value") if "value" in item or "enum_id" in item else item
            yield (
                account_id, entity_type, entity_id, field_id, n,
                value if type(value) is str else text(value),
                _number(kind, value),
                instant(value) if kind in _TIMES else None,
                item.get("enum_id"), item.get("enum_code"),
            )  # fmt: skip
            n += 1
        numbers[field_id] = n


def _number(kind: Json, value: Json) -> float | None:
    if kind in _NUMBERS:
        return number(value)
    return float(value) if kind == "checkbox" and isinstance(value, bool) else None
