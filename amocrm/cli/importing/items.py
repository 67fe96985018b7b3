"""Rows → items that are sent, checked against the account's definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from amocrm.cli.entity_kinds import EntityKind
from amocrm.cli.importing.cells import read_cell
from amocrm.cli.importing.mapping import Match, Target, is_key
from amocrm.cli.importing.rows import Row
from amocrm.cli.names import Names
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.dates import seconds_of
from amocrm.resources.item_checks import check_closed_sets, with_plain_numbers
from amocrm.resources.item_shapes import rules_of
from amocrm.resources.people.contact_keys import ContactKeys, read_contact_keys

_LARGEST_ID: Final = 10**18


class Item(NamedTuple):
    """A row as it is sent.

    Attributes:
        row: its number.
        data: to create, or to change with its id.
        keys: what it is found by; None if it is not looked for.
        error: why it cannot be sent; then there is no data.
    """

    row: int
    data: dict[str, Json]
    keys: ContactKeys | None = None
    error: ConfigurationError | None = None


class ItemMaker:
    """Makes items of rows.

    Args:
        kind: of the entities.
        targets: what the columns become.
        match: what entities are found by.
        names: of the account.
    """

    def __init__(
        self, kind: EntityKind, targets: Sequence[Target], match: Match | None, names: Names
    ) -> None:
        self._kind = kind
        self._targets = [one for one in targets if one.purpose != "nothing"]
        self._match = match
        self._names = names
        self._rules = rules_of(type(kind.resource), "patch" if match == "id" else "new")

    def make(self, row: Row) -> Item:
        """Return the item of a row, or why it has none."""
        try:
            data = self._data(row)
            return Item(row.number, data, self._keys(row))
        except ConfigurationError as error:
            return Item(row.number, {}, None, error)

    def _data(self, row: Row) -> dict[str, Json]:
        data: dict[str, Json] = {}
        names: dict[str, str] = {}
        fields = self._kind.fields(data)
        for target in self._targets:
            cell = row.cells.get(target.column)
            if cell is None:
                continue
            with _InColumn(target.column):
                value = read_cell(target.type, cell, self._kind.zone)
                if target.field is not None:
                    fields[target.field.id] = value
                elif target.purpose == "tags":
                    data["tags_to_add"] = [{"name": one} for one in value]
                elif target.purpose == "name":
                    names[target.name] = value
                else:
                    data[target.name] = _wire(value)
        data |= self._named(names)
        if self._match == "id" and not 0 < data.get("id", 0) < _LARGEST_ID:
            raise ConfigurationError("it has no id")
        check_closed_sets(data, self._rules.closed_sets, self._kind.name)
        return dict(with_plain_numbers(data))

    def _named(self, names: Mapping[str, str]) -> dict[str, Json]:
        """Return the members that names stand for."""
        found: dict[str, Json] = {}
        if "responsible" in names:
            found["responsible_user_id"] = self._names.user_id(names["responsible"])
        if "loss_reason" in names:
            found["loss_reason_id"] = self._names.loss_reason_id(names["loss_reason"])
        if "pipeline" in names:
            found["pipeline_id"] = self._names.pipeline_id(names["pipeline"])
        if "stage" in names:
            found |= self._names.stage(names["stage"], found.get("pipeline_id"))
        return found

    def _keys(self, row: Row) -> ContactKeys | None:
        if self._match not in ("phone", "email"):
            return None
        (target,) = [one for one in self._targets if is_key(one, self._match)]
        cell = row.cells.get(target.column)
        with _InColumn(target.column):
            if cell is None:
                raise ConfigurationError(f"it is empty, and rows are matched by {self._match}")
            texts = read_cell("list", cell, self._kind.zone)
            by_phone = self._match == "phone"
            return read_contact_keys(texts if by_phone else None, None if by_phone else texts)


def _wire(value: Json) -> Json:
    return seconds_of(value) if isinstance(value, datetime) else value


class _InColumn:
    """Lets an error name the column."""

    def __init__(self, column: str) -> None:
        self._column = column

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ConfigurationError):
            raise ConfigurationError(
                f"column {self._column[:60]!r}: {error.args[0]}", hint=error.hint
            ) from None
