"""Rows → items that are sent, checked against the account's definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

from amocrm.cli.entity_kinds import EntityKind
from amocrm.cli.importing.cells import read_cell
from amocrm.cli.importing.link_lookup import LinkLookup, Reference
from amocrm.cli.importing.mapping import MappedColumn, Match, is_key, member_of
from amocrm.cli.importing.outcomes import LinkedEntity
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
        links: contacts and companies that the entity is linked to.
    """

    row: int
    data: dict[str, Json]
    keys: ContactKeys | None = None
    error: ConfigurationError | None = None
    links: tuple[LinkedEntity, ...] = ()


class ItemMaker:
    """Makes items of rows.

    Args:
        kind: of the entities.
        targets: what the columns become.
        match: what entities are found by.
        names: of the account.
        lookup: finds the contacts and companies that are linked.
    """

    def __init__(
        self,
        kind: EntityKind,
        targets: Sequence[MappedColumn],
        match: Match | None,
        names: Names,
        lookup: LinkLookup,
    ) -> None:
        self._kind = kind
        self._targets = [one for one in targets if one.purpose not in ("nothing", "link")]
        self._linked = [one for one in targets if one.purpose == "link"]
        self._match = match
        self._names = names
        self._lookup = lookup
        self._links_at_once = links_at_once(kind, match)
        self._rules = rules_of(type(kind.resource), "patch" if match == "id" else "new")

    def make_all(self, rows: Sequence[Row]) -> Iterator[Item]:
        """Yield the items of rows; what they name is looked up together."""
        if self._linked:
            self._lookup.prepare(one for row in rows for one in self._named_by(row))
        return map(self.make, rows)

    def make(self, row: Row) -> Item:
        """Return the item of a row, or why it has none."""
        try:
            data = self._data(row)
            links = self._links(row)
            if links and self._links_at_once:
                data["_embedded"] = _embedded(links)
            return Item(row.number, data, self._keys(row), links=links)
        except ConfigurationError as error:
            return Item(row.number, {}, None, error)

    def _data(self, row: Row) -> dict[str, Json]:
        data: dict[str, Json] = {}
        names: dict[str, str] = {}
        cleared: list[MappedColumn] = []
        fields = self._kind.fields(data)
        for target in self._targets:
            cell = row.cells.get(target.column)
            if cell is None:
                if target.is_cleared and target.column in row.cells:
                    cleared.append(target)
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
        _clear(data, cleared)
        if self._match == "id" and not 0 < data.get("id", 0) < _LARGEST_ID:
            raise ConfigurationError("it has no id")
        check_closed_sets(data, self._rules.closed_sets, self._kind.name)
        return dict(with_plain_numbers(data))

    def _links(self, row: Row) -> tuple[LinkedEntity, ...]:
        found: dict[tuple[str, int], LinkedEntity] = {}
        for target in self._linked:
            with _InColumn(target.column):
                for one in self._references(target, row):
                    number = self._lookup.id_of(one)
                    found.setdefault((one.kind, number), LinkedEntity(*one, number))
        return tuple(found.values())

    def _named_by(self, row: Row) -> Iterator[Reference]:
        for target in self._linked:
            with suppress(ConfigurationError):
                yield from self._references(target, row)

    def _references(self, target: MappedColumn, row: Row) -> list[Reference]:
        cell = row.cells.get(target.column)
        if cell is None:
            return []
        read = read_cell(target.type, cell, self._kind.zone)
        texts = read if isinstance(read, list) else [read.strip()]
        return [Reference(target.name, one) for one in texts if one]

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


def links_at_once(kind: EntityKind, match: Match | None) -> bool:
    """Tell whether entities are created with their links; the others are linked afterwards.

    A lead is, so that what happens when it is created finds its contact.
    """
    return kind.name == "leads" and match is None


def _embedded(links: Iterable[LinkedEntity]) -> dict[str, Json]:
    embedded: dict[str, Json] = {}
    for one in links:
        embedded.setdefault(one.kind, []).append({"id": one.id})
    return embedded


def _clear(data: dict[str, Json], targets: Iterable[MappedColumn]) -> None:
    """Let an item clear fields: a view of its fields cannot, as they are not there."""
    fields: list[Json] = []
    for one in targets:
        if one.field is not None:
            fields.append({"field_id": one.field.id, "values": None})
        else:
            data.setdefault(member_of(one), None)
    if fields:
        data["custom_fields_values"] = [*(data.get("custom_fields_values") or ()), *fields]


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
