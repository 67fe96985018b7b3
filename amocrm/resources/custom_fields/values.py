"""The custom fields of an entity as a mapping, to read and to write: `fields["UTM source"]`."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import date, tzinfo
from decimal import Decimal
from types import NoneType
from typing import Final, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.choices import Multitext
from amocrm.resources.custom_fields.dates import UTC
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema
from amocrm.resources.custom_fields.field_types import is_same_value, read_values, write_values

VALUES: Final = "custom_fields_values"

Key: TypeAlias = int | str

_DIGITS: Final = 18
_DAY_FIRST: Final = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")


class _Clear:
    """Erases the value of a field. Source: reference 5.13."""

    def __repr__(self) -> str:
        return "CLEAR"

    def __copy__(self) -> _Clear:
        return self

    def __deepcopy__(self, memo: object) -> _Clear:
        return self

    def __reduce__(self) -> str:
        return "CLEAR"


CLEAR: Final = _Clear()
"""Erases a value: `fields["Region"] = CLEAR`, or in any dict of values. None does not, because
what is None is mostly what somebody forgot."""


class CustomFields(MutableMapping[Key, Json]):
    """A view of an entity's custom fields. What is set is set in the entity, too.

    A field is named by its id, code or name; a name in any case. One that exists and has no value
    raises KeyError, as in any mapping, so `get` gives None; one that does not exist is an error
    that names what is like it, wherever it is asked for. It iterates over the names of the fields
    that have a value; over the id where a name is not this field's alone.

    What a value is in Python depends on the type: see `amocrm.resources.custom_fields.field_types`.

    Args:
        entity: a plain dict, such as a lead; its `custom_fields_values` are read and written.
        schema: the definitions, as they were when the view was made. The view sends nothing.
        zone: of the account; UTC if none is given.
        report_outdated: called when the definitions lack a field or a choice, before the error is
            raised: somebody may have added it since.

    Source: reference 5.13.
    """

    def __init__(
        self,
        entity: MutableMapping[str, Json],
        schema: Schema,
        zone: tzinfo = UTC,
        report_outdated: Callable[[], None] = lambda: None,
    ) -> None:
        if not isinstance(entity.get(VALUES), (list, NoneType)):
            raise ConfigurationError(f"{VALUES} of the entity must be a list")
        self._entity = entity
        self._schema = schema
        self._zone = zone
        self._report_outdated = report_outdated

    def __repr__(self) -> str:
        return f"<CustomFields of {len(self)} values>"

    def __getitem__(self, key: Key) -> Json:
        field = self._find(key)
        item = self._item(field.id)
        if item is None:
            raise KeyError(f"the custom field {field} has no value")
        return read_values(item["values"], field, self._zone)

    def __setitem__(self, key: Key, value: Json) -> None:
        field = self._find(key)
        values = [] if value is CLEAR else self._written(value, field)
        item = self._item(field.id)
        if item is None or not is_same_value(item["values"], values, field, self._zone):
            self._put(field, values)

    def __delitem__(self, key: Key) -> None:
        field = self._find(key)
        if self._item(field.id) is None:
            raise KeyError(f"the custom field {field} has no value")
        self._put(field, [])

    def __iter__(self) -> Iterator[Key]:
        for key, _, _ in self._named():
            yield key

    def __len__(self) -> int:
        return len(self._items())

    def raw(self, key: Key) -> list[Json]:
        """Return the `values` of a field as the API has them; empty if it has none."""
        item = self._item(self._find(key).id)
        return [] if item is None else list(copy.deepcopy(item["values"]))

    def plain(self) -> dict[Key, Json]:
        """Return all values in types that JSON and CSV have, by the fields' names.

        Numbers are int or float, dates and times ISO 8601 texts, phones and e-mails their texts,
        and several values are a list.
        """
        found: dict[Key, Json] = {}
        for key, field, item in self._named():
            if key not in found:
                found[key] = _plain(read_values(item["values"], field, self._zone))
        return found

    def _named(self) -> Iterator[tuple[Key, FieldDefinition, Json]]:
        """Yield each item that has a value, with its field and what that is called here."""
        own: Schema | None = None
        for item in self._items():
            number = int(item["field_id"])
            schema, field = self._schema, self._schema.get(number)
            if field is None:
                schema = own = self._own() if own is None else own
                (field,) = own.matches(number)
            named = (
                self._schema.matches(field.name) or schema.matches(field.name) if field.name else []
            )
            yield field.name if named == [field] else number, field, item

    def _items(self) -> list[Json]:
        """Return the items that have a value; those of no shape we know are left where they are."""
        listed = self._entity.get(VALUES)
        if self._is_of_webhook():
            listed = _of_webhook(listed or self._entity.get("custom_fields"), self._schema)
        return [
            one
            for one in listed or ()
            if isinstance(one, dict)
            and isinstance(one.get("field_id"), int)
            and isinstance(one.get("values"), list)
            and one["values"]
        ]

    def _is_of_webhook(self) -> bool:
        """Tell whether the entity has the names of the older API, or only texts."""
        if VALUES not in self._entity:
            return "custom_fields" in self._entity
        listed = self._entity[VALUES] or ()
        return any(isinstance(one, dict) and isinstance(one.get("field_id"), str) for one in listed)

    def _item(self, number: int) -> Json:
        return next((one for one in self._items() if one["field_id"] == number), None)

    def _written(self, value: Json, field: FieldDefinition) -> list[Json]:
        try:
            return write_values(value, field, self._zone)
        except ConfigurationError:
            self._report_outdated()
            raise

    def _put(self, field: FieldDefinition, values: list[Json]) -> None:
        if self._is_of_webhook():
            raise ConfigurationError(
                "this model is of a webhook or of the older API, and cannot be written back",
                hint="read the entity by its id, or edit it",
            )
        item = self._item(field.id)
        names = {"field_name": field.name, "field_code": field.code, "field_type": field.type}
        new = {"field_id": field.id, **names, **(item or {}), "values": values}
        # Nothing is changed within: the list may be that of an older copy of the entity, too.
        kept: list[Json] = []
        for one in self._entity.get(VALUES) or ():
            if not _is_of(one, field.id):
                kept.append(one)
            elif values:
                kept.append(new)
                values = []
        self._entity[VALUES] = [*kept, new] if values else kept or None

    def _find(self, key: Key) -> FieldDefinition:
        """Look a field up; the entity names fields that the definitions may lack."""
        found = self._schema.matches(key) or self._own().matches(key)
        if len(found) == 1:
            return found[0]
        if not found:
            self._report_outdated()
        return self._schema.find(key)

    def _own(self) -> Schema:
        return Schema(
            {"id": one["field_id"], "name": one.get("field_name"),
             "code": one.get("field_code"), "type": one.get("field_type")}
            for one in self._items()
        )  # fmt: skip


def _is_of(item: Json, number: int) -> bool:
    return isinstance(item, dict) and item.get("field_id") == number


def _of_webhook(listed: Json, schema: Schema) -> list[Json]:
    """Read the values of a webhook's item, or of the API's second version. Source: reference 6.3.

    Some vendors of widgets send values as the API has them, but as texts.
    """
    found: list[Json] = []
    for one in listed if isinstance(listed, list) else ():
        item = {key.removeprefix("field_"): part for key, part in _members(one)}
        number = _digits(item.get("id"))
        if number is not None:
            field = schema.get(number)
            values = item.get("values") or []
            # A radiobutton has an object, and some dates a bare text.
            items = values if isinstance(values, list) else [values]
            found.append({
                "field_id": number, "field_name": item.get("name"), "field_code": item.get("code"),
                "values": [_text_value(value, field.type if field else "") for value in items],
            })  # fmt: skip
    return found


def _text_value(item: Json, kind: str) -> Json:
    found = dict(_members(item)) or {"value": item}
    enum = found.pop("enum", None) or found.get("enum_id")
    if enum:
        number = _digits(enum)
        found |= {"enum_code": enum} if number is None else {"enum_id": number}
    if "value" in found:
        found["value"] = _typed(found["value"], kind)
    return found


def _typed(value: Json, kind: str) -> Json:
    """Return a flag or a moment that is given as a text."""
    if kind == "checkbox" and str(value) in ("0", "1"):
        return str(value) == "1"
    if kind in ("date", "birthday", "date_time") and isinstance(value, str):
        day = _DAY_FIRST.fullmatch(value)
        if day:
            return f"{day[3]}-{day[2]}-{day[1]}T00:00:00Z"
        seconds = _digits(value)
        return value if seconds is None else seconds
    return value


def _members(value: Json) -> Iterable[tuple[str, Json]]:
    return value.items() if isinstance(value, dict) else ()


def _digits(value: Json) -> int | None:
    """Return a number that is given as such or as a text of a few digits."""
    text = str(value) if isinstance(value, (int, str)) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _plain(value: Json) -> Json:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Multitext):
        return value.value
    return [_plain(one) for one in value] if isinstance(value, list) else value
