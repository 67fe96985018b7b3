"""The tables of the mirror for SQLAlchemy, made of their definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from amocrm.http.messages import Json
from amocrm.mirror.flatten.cells import json_text
from amocrm.mirror.tables.columns import LONGEST_CODE, Column, ColumnType, Table
from amocrm.mirror.tables.definitions import TABLES
from amocrm.stores.database import describe, exact_text, long_text

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND: Final = timedelta(seconds=1)
_SQLITE_TIME: Final = sqlite.DATETIME(truncate_microseconds=True)  # type: ignore[no-untyped-call]


class UnixTime(sa.types.TypeDecorator[int]):
    """An instant: Unix seconds in Python, in the database a time in UTC that people can read."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[datetime]:
        """Return the database's type: with a time zone where there is one."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SQLITE_TIME)
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        """Turn Unix seconds into a time."""
        return None if value is None else to_time(value, aware=dialect.name == "postgresql")

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Turn a time into Unix seconds."""
        if value is None:
            return None
        return (value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)) // _SECOND


def to_time(seconds: int, *, aware: bool) -> datetime:
    """Return Unix seconds as a time in UTC, with its time zone or without."""
    return (_EPOCH_UTC if aware else _EPOCH) + timedelta(seconds=seconds)


class JSONValue(sa.types.TypeDecorator[Json]):
    """A JSON value: JSONB in PostgreSQL, elsewhere a text."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Json]:
        """Return the database's type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return dialect.type_descriptor(long_text())

    def process_bind_param(self, value: Json, dialect: sa.Dialect) -> Json:
        """Write a value as JSON that databases take."""
        written = None if value is None else json_text(value)
        return written if written is None or dialect.name != "postgresql" else json.loads(written)

    def process_result_value(self, value: Json, dialect: sa.Dialect) -> Json:
        """Read JSON."""
        if value is None or dialect.name == "postgresql":
            return value
        return json.loads(value)


_TYPES: Final[Mapping[ColumnType, sa.types.TypeEngine[Json]]] = {
    "id": sa.BigInteger(),
    "integer": sa.BigInteger(),
    "money": sa.Numeric(20, 4, asdecimal=False),
    "number": sa.Double(),
    "flag": sa.Boolean(),
    "time": UnixTime(),
    "code": exact_text(LONGEST_CODE),
    "text": long_text(),
    "json": JSONValue(),
}


class SQLTables(NamedTuple):
    """The tables of one mirror.

    Attributes:
        of: the tables of `TABLES`, by their names there.
        state: how far each listing was read, by account.
        deletions: the latest event of deletion or restoration of each entity.
        forgotten: persons who were erased, with the instant.
    """

    of: Mapping[str, sa.Table]
    state: sa.Table
    deletions: sa.Table
    forgotten: sa.Table

    @property
    def all(self) -> list[sa.Table]:
        """Every table, the state first."""
        return [self.state, self.deletions, self.forgotten, *self.of.values()]


@lru_cache(maxsize=8)
def describe_all(prefix: str) -> SQLTables:
    """Describe the tables whose names begin with a prefix.

    Descriptions are the same for every database, and take as long as a hundred statements.
    """
    state = describe(
        f"{prefix}mirror_state",
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", exact_text(LONGEST_CODE), primary_key=True),
        sa.Column("value", JSONValue, nullable=False),
    )
    deletions = describe(
        f"{prefix}mirror_deletions",
        *_entity(),
        sa.Column("at", UnixTime, nullable=False),
        sa.Column("event_id", exact_text(LONGEST_CODE), nullable=False),
        sa.Column("is_deleted", sa.Boolean, nullable=False),
    )
    forgotten = describe(
        f"{prefix}mirror_forgotten", *_entity(), sa.Column("at", UnixTime, nullable=False)
    )
    tables = {name: _describe(table, prefix) for name, table in TABLES.items()}
    return SQLTables(tables, state, deletions, forgotten)


def _entity() -> list[sa.Column[Json]]:
    """Return the columns of a key that names an entity."""
    return [
        sa.Column("account_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", exact_text(LONGEST_CODE), primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    ]


def _describe(table: Table, prefix: str) -> sa.Table:
    name = f"{prefix}{table.name}"
    columns = [_column(one, one.name in table.key) for one in table.columns]
    indexes = [sa.Index(f"{name}_{'_'.join(one[1:])}", *one) for one in table.indexes]
    return describe(name, *columns, *indexes)


def _column(column: Column, is_key: bool) -> sa.Column[Json]:
    if is_key:
        return sa.Column(column.name, _TYPES[column.type], primary_key=True, autoincrement=False)
    return sa.Column(column.name, _TYPES[column.type])
