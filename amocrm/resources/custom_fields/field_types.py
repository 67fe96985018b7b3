"""Every type of custom field: how its values are read and written.

::

    type                                         in Python
    text, textarea, streetaddress, url,          str
    tracking_data, org_legal_name
    numeric, monetary, price                     Decimal; an int, a float, a text are taken, too
    checkbox                                     bool
    date, birthday                               date
    date_time                                    datetime, in the account's zone
    select, radiobutton, category                str, the choice's text; its code and id, too
    multiselect                                  list of such
    multitext                                    list of Multitext(value, kind); a str, and the
                                                 API's {"value": ..., "enum_code": "MOB"}, too
    smart_address                                dict by line: city, zip, country ...
    legal_entity, items                          list of dicts; one dict, too
    linked_entity, payer                         dict
    supplier                                     dict; the entity's id, too
    file                                         dict; the file's uuid or model, too
    chained_list                                 list of dicts; pairs (catalog, element), too
    any other                                    Raw: the API's own list, untouched

What is not of the expected shape is read as `Raw`, too, and a `Raw` may always be written. Source:
reference 5.13, 5.14.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields import choices, dates
from amocrm.resources.custom_fields.definitions import FieldDefinition, Option

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_WIDEST: Final = 30
"""Digits before and behind the point that a number may have."""

_SEVERAL_FORMS: Final = ("numeric", "monetary", "price", "date", "birthday", "date_time")
"""Types of which one value can be written in several ways."""

COUNTED: Final = ("is_discount_recalculated", "is_total_sum_recalculated", "total_sum")
"""Members of an invoice's item that the server works out, and takes from nobody."""


class Raw(list[Json]):
    """Values as the API has them: `[{"value": ..., "enum_id": ...}]`."""

    def __repr__(self) -> str:
        return f"Raw({super().__repr__()})"


Step: TypeAlias = Callable[[Json, FieldDefinition, tzinfo], Json]


class Kind(NamedTuple):
    """How the values of a type are read and written.

    Attributes:
        takes: what it is written from, in words.
        read: the API's list → Python's value.
        write: Python's value → the API's list.
    """

    takes: str
    read: Step
    write: Step


def read_values(values: Json, field: FieldDefinition, zone: tzinfo) -> Json:
    """Read the `values` of an item; never loses what it does not understand."""
    raw = Raw(copy.deepcopy(values))
    kind = KINDS.get(field.type)
    if kind is None:
        return raw
    try:
        return kind.read(raw, field, zone)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return raw


def write_values(value: Json, field: FieldDefinition, zone: tzinfo) -> list[Json]:
    """Write a value as the `values` of an item; an empty list erases.

    Raises:
        ConfigurationError: it is nothing that a field of this type takes.
    """
    if isinstance(value, Raw):
        return list(copy.deepcopy(value))
    kind = KINDS.get(field.type)
    if kind is None:
        return list(copy.deepcopy(value)) if isinstance(value, list) else [{"value": value}]
    try:
        return list(kind.write(value, field, zone))
    except ConfigurationError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        given = type(value).__name__
    # Not the value itself: it may be a person's data, and messages end up in logs.
    raise ConfigurationError(
        f"the custom field {field} of type {field.type} takes {kind.takes}, not this {given}",
        hint="CLEAR erases it" if value is None else None,
    )


def is_same_value(one: Json, other: Json, field: FieldDefinition, zone: tzinfo) -> bool:
    """Tell whether two lists are one number or one time, written in two ways: 5 and 5.00."""
    if field.type not in _SEVERAL_FORMS:
        return False
    old, new = (read_values(values, field, zone) for values in (one, other))
    return not isinstance(old, Raw) and bool(old == new)


_PHONES: Final = (str, choices.Multitext, Mapping)


def _plain(takes: str, read: Step, write: Step) -> Kind:
    """Return a kind of one value, under the key `value`."""

    def read_one(values: Json, field: FieldDefinition, zone: tzinfo) -> Json:
        (item,) = values
        return read(item["value"], field, zone)

    def write_one(value: Json, field: FieldDefinition, zone: tzinfo) -> Json:
        return [{"value": write(value, field, zone)}]

    return Kind(takes, read_one, write_one)


def _listed(takes: str, single: type | tuple[type, ...], read: Step, write: Step) -> Kind:
    """Return a kind of several items; `single` are the types that are one of them."""

    def read_all(values: Json, field: FieldDefinition, zone: tzinfo) -> Json:
        return [read(item, field, zone) for item in values]

    def write_all(value: Json, field: FieldDefinition, zone: tzinfo) -> Json:
        if type(value) is tuple and single == _PHONES:
            raise TypeError("a text and its kind, or two texts?")
        items = [value] if isinstance(value, single) else list(value)
        return [write(one, field, zone) for one in items]

    return Kind(takes, read_all, write_all)


def _text(value: Json, _field: FieldDefinition, _zone: tzinfo) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _flag(value: Json, _field: FieldDefinition, _zone: tzinfo) -> bool:
    if not isinstance(value, bool):
        raise TypeError("no flag")
    return value


def _read_number(value: Json, _field: FieldDefinition, _zone: tzinfo) -> Decimal:
    text = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise ValueError("no number")
    return Decimal(text)


def _write_number(value: Json, _field: FieldDefinition, _zone: tzinfo) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise TypeError("no number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise ValueError("no number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > _WIDEST:
        raise ValueError("no number to send")
    return format(number, "f")


def _read_date(value: Json, _field: FieldDefinition, zone: tzinfo) -> date:
    return dates.date_at(dates.read_moment(value), zone)


def _write_date(value: Json, _field: FieldDefinition, zone: tzinfo) -> int:
    return dates.write_date(value, zone)


def _read_time(value: Json, _field: FieldDefinition, zone: tzinfo) -> datetime:
    return dates.time_at(dates.read_moment(value), zone)


def _write_time(value: Json, _field: FieldDefinition, zone: tzinfo) -> int:
    return dates.write_time(value, zone)


def _read_choice(values: Json, field: FieldDefinition, _zone: tzinfo) -> str:
    (item,) = values
    return choices.read_choice(item, field)


def _read_choices(item: Json, field: FieldDefinition, _zone: tzinfo) -> str:
    return choices.read_choice(item, field)


def _write_choice(value: Json, field: FieldDefinition, _zone: tzinfo) -> Json:
    return [choices.write_choice(value, field)]


def _write_choices(value: Json, field: FieldDefinition, _zone: tzinfo) -> Json:
    return choices.write_choice(value, field)


def _read_multitext(item: Json, field: FieldDefinition, _zone: tzinfo) -> choices.Multitext:
    return choices.read_multitext(item, field)


def _write_multitext(value: Json, field: FieldDefinition, _zone: tzinfo) -> Json:
    return choices.write_multitext(value, field)


def _read_address(values: Json, field: FieldDefinition, _zone: tzinfo) -> Json:
    return choices.read_address(values, field)


def _write_address(value: Json, field: FieldDefinition, _zone: tzinfo) -> Json:
    return choices.write_address(value, field)


def _object(value: Json, _field: FieldDefinition, _zone: tzinfo) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError("no dict")
    return copy.deepcopy(dict(value))


def _read_object(item: Json, field: FieldDefinition, zone: tzinfo) -> Json:
    return _object(item["value"], field, zone)


def _write_object(value: Json, field: FieldDefinition, zone: tzinfo) -> Json:
    return {"value": _object(value, field, zone)}


def _write_item(value: Json, field: FieldDefinition, zone: tzinfo) -> Json:
    item = _object(value, field, zone)
    return {"value": {key: one for key, one in item.items() if key not in COUNTED}}


def _write_file(value: Json, field: FieldDefinition, zone: tzinfo) -> Json:
    if isinstance(value, Mapping) and "file_uuid" not in value and "uuid" in value:
        return _file_of_model(value)
    return {"file_uuid": value} if isinstance(value, str) else _object(value, field, zone)


def _file_of_model(model: Mapping[str, Json]) -> Json:
    """Name a file by its model, as `drive.upload` and `drive.get` return it."""
    names = {"file_uuid": "uuid", "version_uuid": "version_uuid", "file_name": "name"}
    names["file_size"] = "size"
    return {name: model[one] for name, one in names.items() if model.get(one) is not None}


def _write_supplier(value: Json, _field: FieldDefinition, _zone: tzinfo) -> Json:
    """Name the supplier; reads add its requisites, which are not taken back."""
    number = value if isinstance(value, int) else value["entity_id"]
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("no id")
    return {"entity_id": number}


def _write_link(value: Json, _field: FieldDefinition, _zone: tzinfo) -> Json:
    """Write one of a chained list: its ids, by name or as a pair."""
    keys = ("catalog_id", "catalog_element_id")
    pair = [value[key] for key in keys] if isinstance(value, Mapping) else list(value)
    if len(pair) != 2 or any(isinstance(one, bool) or not isinstance(one, int) for one in pair):
        raise TypeError("no pair of ids")
    return dict(zip(keys, pair, strict=True))


_TEXT: Final = _plain("a text", _text, _text)
_NUMERIC: Final = _plain("a number", _read_number, _write_number)
_CHOICE: Final = Kind("one choice by its text, code or id", _read_choice, _write_choice)
_DATE: Final = _plain("a date or unix seconds", _read_date, _write_date)
_OBJECT: Final = _plain("a dict", _object, _object)

KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("text", "textarea", "streetaddress", "url", "tracking_data"), _TEXT),
    "org_legal_name": _TEXT,
    **dict.fromkeys(("numeric", "monetary", "price"), _NUMERIC),
    "checkbox": _plain("True or False", _flag, _flag),
    **dict.fromkeys(("date", "birthday"), _DATE),
    "date_time": _plain("a datetime or unix seconds", _read_time, _write_time),
    **dict.fromkeys(("select", "radiobutton", "category"), _CHOICE),
    "multiselect": _listed(
        "choices by their texts, codes or ids", (str, int, Option), _read_choices, _write_choices
    ),
    "multitext": _listed(
        "texts, or Multitext(text, kind), in a list", _PHONES,
        _read_multitext, _write_multitext,
    ),
    "smart_address": Kind("a dict of lines", _read_address, _write_address),
    "legal_entity": _listed("a dict or several", Mapping, _read_object, _write_object),
    "items": _listed("a dict or several", Mapping, _read_object, _write_item),
    **dict.fromkeys(("linked_entity", "payer"), _OBJECT),
    "supplier": _plain("an entity's id, or a dict with entity_id", _object, _write_supplier),
    "file": _plain("a file's uuid or a dict", _object, _write_file),
    "chained_list": _listed("dicts or pairs of ids", Mapping, _object, _write_link),
}  # fmt: skip
