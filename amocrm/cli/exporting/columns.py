"""The columns of an export: members, linked entities, names beside ids, custom fields by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import tzinfo
from typing import Final, NamedTuple, TypeAlias

from amocrm.cli.cell_types import PREFIX, CellType, field_type, member_type
from amocrm.cli.entity_kinds import EntityKind
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.dates import time_at
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema
from amocrm.resources.custom_fields.values import VALUES
from amocrm.resources.endpoint import near
from amocrm.resources.resource import shape_of

NameOf: TypeAlias = Callable[[str, Json], Json]
"""Returns the name of an id: `name_of("users", 5)`; None if it is not known."""

_HIDDEN: Final = ("_links", "_embedded", VALUES, "request_id")
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("tags", "companies"), "contacts": ("tags", "companies"),
    "companies": ("tags",), "customers": ("tags", "segments"),
}  # fmt: skip
"""What is embedded without being asked for."""

WITH_PARTS: Final = ("contacts", "companies", "leads", "customers", "catalog_elements")
"""What is embedded when `with` names it."""

LINKED: Final[Mapping[str, str]] = {"contact": "contacts", "company": "companies"}
"""Columns of links in an import, each with the kind that is linked."""

NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "responsible_user_id": ("responsible", "users"),
    "created_by": ("author", "users"),
    "updated_by": ("editor", "users"),
    "pipeline_id": ("pipeline", "pipelines"),
    "status_id": ("stage", "stages"),
    "loss_reason_id": ("loss_reason", "loss_reasons"),
    "contacts": ("contact_names", "contacts"),
    "companies": ("company_names", "companies"),
}
"""Columns of ids, each with the column of their names and what they are the ids of."""

_MEANT: Final = ("tags", "segments", *(name for name, _ in NAMED.values()))


class ExportedEntity(NamedTuple):
    """An entity, as the columns read it.

    Attributes:
        item: as the API has it.
        fields: its custom fields' values, by name or id.
        name_of: finds names of ids.
    """

    item: Mapping[str, Json]
    fields: Mapping[int | str, Json]
    name_of: NameOf


class ExportColumn(NamedTuple):
    """A column of an export.

    Attributes:
        name: what stands in the header.
        type: of its cells.
        read: returns the cell of a record.
        names: what its ids are named by, such as `users`; None if it has no names.
        field: its custom field; None if it is of none.
    """

    name: str
    type: CellType
    read: Callable[[ExportedEntity], Json]
    names: str | None = None
    field: FieldDefinition | None = None


def columns_of(kind: EntityKind, with_: Collection[str] = ()) -> list[ExportColumn]:
    """Return all columns of a kind, in their order."""
    shape = shape_of(type(kind.resource), "item")
    plain = [_member(name, shape[name], kind.zone) for name in shape if name not in _HIDDEN]
    wanted = [*_PARTS.get(kind.name, ()), *(name for name in with_ if name in WITH_PARTS)]
    parts = [_part(name) for name in dict.fromkeys(wanted)]
    own: list[ExportColumn] = []
    for column in [*plain, *parts]:
        own.append(column)
        name, names = NAMED.get(column.name, ("", ""))
        if name and (names not in ("stages", "pipelines", "loss_reasons") or kind.name == "leads"):
            own.append(_naming(name, names, column.name))
    # An import would take these columns for something else than the field.
    taken = {column.name.casefold() for column in own} | {*_MEANT, *LINKED, *WITH_PARTS}
    for use in ("new", "patch"):
        taken |= shape_of(type(kind.resource), use).keys()
    return [*own, *_field_columns(kind.schema, taken)]


def choose_columns(
    columns: list[ExportColumn], fields: Iterable[str] | None, names: bool
) -> list[ExportColumn]:
    """Return the columns that are exported.

    Args:
        columns: all of them.
        fields: names in the order of the export; None: all.
        names: take the names beside ids, too, where `fields` is None.

    Raises:
        ConfigurationError: there is no such column; the message suggests one.
    """
    if fields is None:
        return [one for one in columns if one.names is None or names]
    known = {key: one for one in reversed(columns) for key in _keys(one)}
    chosen: dict[str, ExportColumn] = {}
    for name in fields:
        found = known.get(name) or known.get(name.casefold())
        if found is None:
            hint = near(name, [one.name for one in columns])
            raise ConfigurationError(f"there is no column {name!r}", hint=hint)
        chosen[found.name] = found
    if not chosen:
        raise ConfigurationError("no column is named", hint="such as --fields id,name")
    return list(chosen.values())


def cells(columns: Iterable[ExportColumn], record: ExportedEntity) -> list[Json]:
    """Return the cells of a record, each of its column's type or None."""
    return [fit(column.type, column.read(record)) for column in columns]


def fit(kind: CellType, value: Json) -> Json:
    """Return a value as a cell of a type has it; of what does not fit, a text, or None."""
    if value is None:
        return None
    if kind == "flag":
        return bool(value)
    if kind == "integer":
        return int(value) if isinstance(value, (int, float)) else None
    if kind == "number":
        return value if isinstance(value, (int, float)) else None
    if kind == "list":
        return [_text(one) for one in value] if isinstance(value, list) else [_text(value)]
    return value if kind == "json" else _text(value)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _keys(column: ExportColumn) -> set[str]:
    """Return what a column may be called."""
    keys = {column.name, column.name.casefold()}
    if column.field is not None:
        code = column.field.code
        keys |= {code, code.casefold()} if code else set()
        keys |= {f"{PREFIX}{key}" for key in keys} | {f"{PREFIX}{column.field.id}"}
    return keys


def _member(name: str, annotation: str, zone: tzinfo) -> ExportColumn:
    def read(record: ExportedEntity) -> Json:
        return record.item.get(name)

    def read_time(record: ExportedEntity) -> Json:
        return _moment(record.item.get(name), zone)

    cell_type = member_type(name, annotation)
    return ExportColumn(name, cell_type, read_time if cell_type == "time" else read)


def _moment(seconds: Json, zone: tzinfo) -> str | None:
    """Return Unix seconds as an ISO 8601 text; None for none, which the API shows as 0 too."""
    if not isinstance(seconds, int) or not seconds:
        return None
    try:
        return time_at(seconds, zone).isoformat()
    except (OverflowError, ValueError):
        return str(seconds)


def _part(name: str) -> ExportColumn:
    key = "name" if name == "tags" else "id"

    def read(record: ExportedEntity) -> Json:
        parts = record.item.get("_embedded")
        listed = parts.get(name) if isinstance(parts, Mapping) else None
        return [one.get(key) for one in listed or () if isinstance(one, Mapping)] or None

    return ExportColumn(name, "list", read)


def _naming(name: str, names: str, source: str) -> ExportColumn:
    def read(record: ExportedEntity) -> Json:
        found = record.item.get(source)
        key = (record.item.get("pipeline_id"), found) if names == "stages" else found
        return None if found is None else record.name_of(names, key)

    def read_part(record: ExportedEntity) -> Json:
        named = (record.name_of(names, one) for one in _part(source).read(record) or ())
        return [one for one in named if one is not None] or None

    if source in WITH_PARTS:
        return ExportColumn(name, "list", read_part, names)
    return ExportColumn(name, "text", read, names)


def _field_columns(schema: Schema, taken: Collection[str]) -> list[ExportColumn]:
    return [_field_column(field, schema, taken) for field in schema]


def _field_column(field: FieldDefinition, schema: Schema, taken: Collection[str]) -> ExportColumn:
    is_alone = bool(field.name) and schema.matches(field.name) == [field]
    key: int | str = field.name if is_alone else field.id
    is_plain = is_alone and field.name.casefold() not in taken
    name = field.name if is_plain and not field.name.startswith(PREFIX) else f"{PREFIX}{key}"

    def read(record: ExportedEntity) -> Json:
        return record.fields.get(key)

    return ExportColumn(name, field_type(field), read, field=field)
