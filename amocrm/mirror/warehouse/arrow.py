"""The tables of the mirror as tables of Apache Arrow, made of their definitions.

Each row has two more columns: `mirror_version`, which grows with each page that is read, and
`mirror_deleted`, which marks a row that is to be removed. In a table of children, such as
`field_values`, a removing row stands for all rows of its owner: its own key is `NOBODY`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.mirror.flatten.cells import json_text
from amocrm.mirror.tables.columns import Column, ColumnType, Row, Table

try:
    import pyarrow as arrow
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "warehouses need pyarrow, which is not installed",
        hint="run: pip install 'amocrm-python[warehouse]'",
    ) from missing

VERSION: Final = "mirror_version"
DELETED: Final = "mirror_deleted"

_TYPES: Final[Mapping[ColumnType, Json]] = {
    "id": arrow.int64(),
    "integer": arrow.int64(),
    "money": arrow.decimal128(20, 4),
    "number": arrow.float64(),
    "flag": arrow.bool_(),
    "time": arrow.timestamp("us", tz="UTC"),
    "code": arrow.string(),
    "text": arrow.string(),
    "json": arrow.string(),
}
_NOBODY: Final = -1, ""
"""Parts of keys that no row of the API has: of numbers, and of texts."""


@cache
def schema_of(table: Table) -> Json:
    """Return the schema of a table."""
    fields = [
        arrow.field(one.name, _TYPES[one.type], nullable=one.name not in table.key)
        for one in table.columns
    ]
    return arrow.schema(
        [*fields, arrow.field(VERSION, arrow.int64()), arrow.field(DELETED, arrow.bool_())]
    )


def to_arrow(table: Table, rows: Sequence[Row], version: int, *, deleted: bool = False) -> Json:
    """Return rows as a table of Arrow.

    Args:
        table: their table.
        rows: as `flatten` makes them.
        version: of the page that they were read from.
        deleted: whether they are to be removed.
    """
    cells: Iterable[Sequence[Json]] = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    arrays = [
        _array(column, values, column.name in table.key)
        for column, values in zip(table.columns, cells, strict=True)
    ]
    count = len(rows)
    arrays.append(arrow.array([version] * count, arrow.int64()))
    arrays.append(arrow.array([deleted] * count, arrow.bool_()))
    return arrow.table(arrays, schema=schema_of(table))


def removing_row(table: Table, key: Sequence[Json]) -> Row:
    """Return the row that removes another one, or all of an owner.

    Args:
        table: its table.
        key: of the row, or of the owner, which is the beginning of its children's keys.
    """
    known = dict(zip(table.key, key, strict=False))
    for name in table.key[len(key) :]:
        known[name] = _NOBODY[table.columns[table.places[name]].type == "code"]
    return tuple(known.get(name) for name in table.names)


def _array(column: Column, values: Sequence[Json], is_key: bool) -> Json:
    if column.type in ("text", "code") and not is_key:
        # Not every destination tells an empty text from null: dlt loads both as null in PostgreSQL.
        values = [value or None for value in values]
    convert = _CONVERT.get(column.type)
    if convert is not None:
        return convert(values)
    return arrow.array(values, _TYPES[column.type])


def _money(values: Sequence[Json]) -> Json:
    return arrow.array(values, arrow.float64()).cast(_TYPES["money"])


def _times(values: Sequence[Json]) -> Json:
    return arrow.array(values, arrow.timestamp("s", tz="UTC")).cast(_TYPES["time"])


def _texts(values: Sequence[Json]) -> Json:
    return arrow.array([None if one is None else json_text(one) for one in values], arrow.string())


_CONVERT: Final[Mapping[ColumnType, Callable[[Sequence[Json]], Json]]] = {
    "money": _money,
    "time": _times,
    "json": _texts,
}
