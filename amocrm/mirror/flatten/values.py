"""Rows of the values of custom fields. Source: reference 5.13."""

from __future__ import annotations

from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.flatten.cells import instant, number, text
from amocrm.mirror.tables.columns import Row

_NUMBERS: Final = frozenset({"numeric", "price", "monetary"})
_TIMES: Final = frozenset({"date", "date_time", "birthday"})
_CONVERTED: Final = _NUMBERS | _TIMES | {"checkbox"}


def value_rows(account_id: int, entity_type: str, entity_id: int, fields: Json) -> list[Row]:
    """Return the rows of `custom_fields_values` of one entity."""
    rows: list[Row] = []
    numbers: dict[int, int] = {}
    for field in fields if type(fields) is list else ():
        field_id = field.get("field_id") if type(field) is dict else None
        if type(field_id) is not int:
            continue
        n, values = numbers.get(field_id, 0), field.get("values")
        kind = field.get("field_type")
        is_converted = type(kind) is str and kind in _CONVERTED
        for item in values if type(values) is list else ():
            if type(item) is not dict:
                continue
            value = item.get("value")
            if value is None and "value" not in item and "enum_id" not in item:
                value = item  # A chained list: the names of an element and its list.
            rows.append((
                account_id, entity_type, entity_id, field_id, n,
                value if type(value) is str else text(value),
                _number(kind, value) if is_converted else None,
                instant(value) if is_converted and kind in _TIMES else None,
                item.get("enum_id"), item.get("enum_code"),
            ))  # fmt: skip
            n += 1
        numbers[field_id] = n
    return rows


def _number(kind: Json, value: Json) -> float | None:
    if kind in _NUMBERS:
        return number(value)
    return float(value) if kind == "checkbox" and isinstance(value, bool) else None
