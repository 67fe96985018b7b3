"""The custom fields of an entity as a mapping, to read and to write: `fields["UTM source"]`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, MutableMapping
from datetime import date, tzinfo
from decimal import Decimal
from typing import Final, TypeAlias

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.comparison import same_values, sendable
from amocrm.resources.custom_fields.dates import UTC
from amocrm.resources.custom_fields.definitions import FieldDefinition, Fields, Schema
from amocrm.resources.custom_fields.field_types import read_values, write_values

VALUES: Final = "custom_fields_values"

Key: TypeAlias = int | str


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
        fields: the definitions.
        zone: of the account; UTC if none is given.

    Source: reference 5.13.
    """

    def __init__(
        self, entity: MutableMapping[str, Json], fields: Fields, zone: tzinfo = UTC
    ) -> None:
        self._entity = entity
        self._fields = fields
        self._zone = zone
        self._before: dict[int, Json] = {}

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
        if item is None or not self._are_equal(item["values"], values, field):
            self._put(field, values)

    def __delitem__(self, key: Key) -> None:
        field = self._find(key)
        if self._item(field.id) is None:
            raise KeyError(f"the custom field {field} has no value")
        self._put(field, [])

    def __iter__(self) -> Iterator[Key]:
        known, own = self._fields, self._own()
        for item in self._items():
            number = int(item["field_id"])
            (field,) = known.matches(number) or own.matches(number)
            named = (known.matches(field.name) or own.matches(field.name)) if field.name else []
            yield field.name if named == [field] else number

    def __len__(self) -> int:
        return len(self._items())

    def patch(self) -> list[Json]:
        """Return the smallest `custom_fields_values` that carries what was changed here.

        Empty when nothing was, or when everything has been set back.
        """
        changed: list[Json] = []
        for number, before in self._before.items():
            item = self._item(number)
            after = None if item is None else item["values"]
            if after is not None and before is not None and same_values(before, after):
                continue
            kind = "" if item is None else str(item.get("field_type"))
            changed.append({"field_id": number, "values": sendable(after, kind)})
        return changed

    def raw(self, key: Key) -> list[Json]:
        """Return the `values` of a field as the API has them; empty if it has none."""
        item = self._item(self._find(key).id)
        return [] if item is None else list(copy.deepcopy(item["values"]))

    def _items(self) -> list[Json]:
        """Return the items that have a value; those of no shape we know are left where they are."""
        return [
            one
            for one in self._entity.get(VALUES) or ()
            if isinstance(one, dict)
            and isinstance(one.get("field_id"), int)
            and isinstance(one.get("values"), list)
            and one["values"]
        ]

    def _item(self, number: int) -> Json:
        return next((one for one in self._items() if one["field_id"] == number), None)

    def _written(self, value: Json, field: FieldDefinition) -> list[Json]:
        """Write a value; what it is refused for may be true no more."""
        try:
            return write_values(value, field, self._zone)
        except ConfigurationError:
            newer = self._fields.newer(field)
            if newer == field:
                raise
        return write_values(value, newer, self._zone)

    def _put(self, field: FieldDefinition, values: list[Json]) -> None:
        item = self._item(field.id)
        self._before.setdefault(field.id, None if item is None else item["values"])
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

    def _are_equal(self, before: Json, after: Json, field: FieldDefinition) -> bool:
        """Tell whether two lists are one number or moment, however it is written: 5 and 5.00."""
        old, new = (read_values(one, field, self._zone) for one in (before, after))
        return isinstance(old, (Decimal, date)) and bool(old == new)

    def _find(self, key: Key) -> FieldDefinition:
        """Look a field up; the entity knows some that the definitions do not tell of."""
        found = self._fields.matches(key) or self._own().matches(key)
        return found[0] if len(found) == 1 else self._fields.find(key)

    def _own(self) -> Schema:
        return Schema(
            {"id": one["field_id"], "name": one.get("field_name"),
             "code": one.get("field_code"), "type": one.get("field_type")}
            for one in self._items()
        )  # fmt: skip


def _is_of(item: Json, number: int) -> bool:
    return isinstance(item, dict) and item.get("field_id") == number
