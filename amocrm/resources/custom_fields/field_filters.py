"""Filters by custom fields: named by id, code or name, with values as amoCRM reads them.

Source: reference 4.2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from amocrm.http.messages import Json
from amocrm.resources.custom_fields.choices import choice_id
from amocrm.resources.custom_fields.definitions import FieldDefinition
from amocrm.resources.filter_values import (
    Facts,
    FilterValueError,
    read_flag,
    read_number,
    read_numbers,
    read_text,
    read_times,
)


def field_filters(
    value: Json, fields: Callable[[int | str], FieldDefinition], facts: Facts
) -> Json:
    """Return values of custom fields as amoCRM reads them: by id, choices by theirs.

    Args:
        value: by id, code or name.
        fields: finds a field.
        facts: what values need of the account.

    Raises:
        FilterValueError: amoCRM cannot filter by it.
        ConfigurationError: there is no such field or choice.
    """
    read: dict[int, Json] = {}
    for key, one in value.items():
        field = fields(key)
        try:
            read[field.id] = _field_value(field, one, facts)
        except FilterValueError as refused:
            raise FilterValueError(f"the custom field {field}: {refused}") from None
    return read


def _field_value(field: FieldDefinition, value: Json, facts: Facts) -> Json:
    if value is None:
        raise FilterValueError("it is None: leave it out, or give a value")
    if field.type in ("date", "date_time"):
        return read_times(value, facts)
    if field.type == "numeric" and isinstance(value, Mapping):
        return read_numbers(value, facts)
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    values = list(value) if several else [value]
    if not values:
        raise FilterValueError("the list is empty, and amoCRM would return everything")
    if field.type == "numeric":
        return [read_number(one) for one in values]
    if field.type == "checkbox":
        return [read_flag(one, facts) for one in values]
    if field.type in ("text", "url", "textarea", "streetaddress"):
        return [read_text(one, facts) for one in values]
    if field.type in ("select", "multiselect", "radiobutton"):
        return [choice_id(one, field) for one in values]
    raise FilterValueError(f"amoCRM cannot filter by fields of the type {field.type!r}")
