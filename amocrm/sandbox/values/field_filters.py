"""Filters on custom fields, and the search for words (reference 4.2.1, 3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.filters import (
    as_text,
    check_flags,
    check_integers,
    check_numbers,
    check_range,
    check_texts,
    in_range,
    is_range,
    number,
    texts,
)
from amocrm.sandbox.engine.validation_errors import refuse_query
from amocrm.sandbox.http.answer import Json, is_object

_AT = "filter.custom_fields_values"
_TEXTS = frozenset({"text", "url", "textarea", "streetaddress"})
_CHOICES = frozenset({"select", "multiselect", "radiobutton"})
_DATES = frozenset({"date", "date_time"})
_IN_A_PHONE = frozenset("0123456789+-() .")


def check_field_filters(wanted: Json, fields: Mapping[int, Entity]) -> None:
    """Refuse a malformed filter on custom fields.

    Raises:
        ProblemError: 400: no such field, a type that cannot be filtered, or a value that the type
            does not have. Assumed (reference 4.2.1): how it is refused.
    """
    if not is_object(wanted):
        raise refuse_query("InvalidType", _AT, "object")
    for name, value in wanted.items():
        field, at = fields.get(int(name) if name.isdecimal() else 0), f"{_AT}.{name}"
        if field is None:
            raise refuse_query("NotSupportedChoice", at)
        _check_value(value, str(field["type"]), at)


def _check_value(value: Json, kind: str, at: str) -> None:
    if kind in _DATES and not is_range(value):
        raise refuse_query("InvalidType", at, "object")
    if kind in _DATES or (kind == "numeric" and is_range(value)):
        check_range(value, at)
    elif kind == "numeric":
        check_numbers(value, at)
    elif kind in _CHOICES:
        check_integers(value, at)
    elif kind == "checkbox":
        check_flags(value, at)
    elif kind not in _TEXTS:
        raise refuse_query("NotSupportedChoice", at)  # Other types cannot be filtered.
    else:
        check_texts(value, at)


def has_values(entity: Entity, wanted: Mapping[str, Json]) -> bool:
    """Tell whether an entity passes every filter on custom fields."""
    return all(_has_value(entity, *one) for one in wanted.items())


def _has_value(entity: Entity, field_id: str, wanted: Json) -> bool:
    items = entity["custom_fields_values"] or ()
    values = [
        value for item in items if str(item["field_id"]) == field_id for value in item["values"]
    ]
    if is_range(wanted):
        return any(in_range(number(value["value"]), wanted) for value in values)
    return any(_filter_text(value) in texts(wanted) for value in values)


def _filter_text(value: Entity) -> str:
    return str(value["enum_id"]) if "enum_id" in value else as_text(value.get("value"))


def mentions(entity: Entity, query: str, phone_search: str) -> bool:
    """Tell whether an entity has a text in one of its filled fields."""
    items: list[Entity] = entity["custom_fields_values"] or []
    if phone_search == "digits" and set(query) <= _IN_A_PHONE:
        # Assumed (reference 3.1): phones are compared by their digits.
        phones = [value for one in items if one["field_code"] == "PHONE" for value in one["values"]]
        if digits(query) and any(digits(query) in digits(str(one["value"])) for one in phones):
            return True
    words = [entity["name"], entity.get("price"), entity["id"]]
    words += [value.get("value") for item in items for value in item["values"]]
    return any(query.casefold() in str(one).casefold() for one in words if one is not None)


def digits(phone: str) -> str:
    """Return the digits of a phone number."""
    return "".join(one for one in phone if one.isdecimal())
