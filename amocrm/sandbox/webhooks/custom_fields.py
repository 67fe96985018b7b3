"""Values of custom fields in the shapes of webhooks (reference 6.3)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json

_ZONE = timezone(timedelta(hours=3))
"""Zone of every account. Assumed (reference 6.3): days and clock times are those of the account."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_WITH_ENUM = frozenset({"select", "multiselect", "multitext", "category", "smart_address"})


def custom_fields(entity: Entity) -> list[Json]:
    """Return the `custom_fields` of an item."""
    shown: list[Json] = []
    for item in entity["custom_fields_values"] or ():
        field: Entity = {"id": item["field_id"], "name": item["field_name"]}
        field["code"] = item["field_code"]
        field["values"] = _values(item["field_type"], item["values"])
        shown.append(field)
    return shown


def local_time(moment: Json, pattern: str) -> str | None:
    """Return Unix seconds as text in the account's time zone."""
    if moment is None:
        return None
    return (_EPOCH + timedelta(seconds=moment)).astimezone(_ZONE).strftime(pattern)


def _values(kind: str, values: list[Entity]) -> Json:
    if kind == "radiobutton":
        # An object, not a list of one.
        return {"value": values[0]["value"], "enum": values[0]["enum_id"]}
    return [_value(kind, one) for one in values]


def _value(kind: str, item: Entity) -> Json:
    if kind == "chained_list":
        return item  # Assumed (reference 6.3): as it is read.
    value = item["value"]
    if kind in _WITH_ENUM:
        return {"value": value, "enum": item["enum_id"]}
    if kind in ("date", "date_time"):
        return value  # Bare, without a key. Assumed (reference 6.3): with a time of day, too.
    if kind == "birthday":
        return {"value": local_time(value, "%d.%m.%Y")}
    return {"value": value}
