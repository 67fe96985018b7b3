"""What a run asks a warehouse: which rows there are, and how new they are.

Only plain SQL that every warehouse has. Files of Parquet keep all versions of a row, so the latest
one is looked for; where rows are merged there is only one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from typing import Final, Protocol

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.mirror.warehouse.arrow import DELETED, VERSION
from amocrm.mirror.warehouse.tables import ALL, merge_key

_IDS: Final = 400
"""Ids in one query."""


class SQLClient(Protocol):
    """What is used of a client of dlt."""

    def execute_sql(self, sql: str) -> Sequence[Sequence[Json]] | None:
        """Return the rows of a query."""
        ...

    def make_qualified_table_name(self, table_name: str) -> str:
        """Return a table's name with those of its dataset and database."""
        ...

    def escape_column_name(self, column_name: str) -> str:
        """Return a column's name in quotes."""
        ...


class Warehouse:
    """The tables of earlier runs.

    Args:
        connect: opens a client; it is called by one thread at a time.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[SQLClient]]) -> None:
        self._connect = connect
        self._lock = threading.Lock()  # Clients of dlt share connections.

    def keys(self, account_id: int, table: str, among: Mapping[str, Json]) -> set[tuple[Json, ...]]:
        """Return the keys of rows.

        Args:
            account_id: of the account.
            table: its name.
            among: values of columns that the rows have; a list for any of several.
        """
        key = ALL[table].key
        found: set[tuple[Json, ...]] = set()
        for part in _parts(among):
            found |= {tuple(row) for row in self._select(account_id, table, key, part)}
        return found

    def versions(self, account_id: int, table: str, ids: Sequence[int]) -> dict[int, int]:
        """Return the `updated_at` of some entities, by id."""
        found: dict[int, int] = {}
        for part in _parts({"id": list(ids)}):
            for number, at in self._select(account_id, table, ("id", "updated_at"), part):
                found[number] = 0 if at is None else _seconds(at)
        return found

    def _select(
        self, account_id: int, table: str, columns: Sequence[str], among: Mapping[str, Json]
    ) -> list[Sequence[Json]]:
        with self._lock, self._connect() as client:
            quoted = {name: client.escape_column_name(name) for name in ALL[table].names}
            version, deleted = (client.escape_column_name(name) for name in (VERSION, DELETED))
            key = ", ".join(quoted[name] for name in ALL[table].key)
            wanted = ", ".join(quoted[name] for name in columns)
            having = "".join(
                f" AND {quoted[name]} IN ({', '.join(_literal(one) for one in values)})"
                for name, values in among.items()
            )
            rows = client.execute_sql(
                f"SELECT {wanted}, {deleted} FROM (SELECT *, ROW_NUMBER() OVER "
                f"(PARTITION BY {key} ORDER BY {version} DESC) AS place "
                f"FROM {client.make_qualified_table_name(table)} "
                f"WHERE {quoted['account_id']} = {account_id:d}) AS latest "
                f"WHERE place = 1{having}"
            )
        return [row[:-1] for row in rows or () if not row[-1]]


def latest(table: str, relation: str) -> str:
    """Return a query of a table's rows as they are now, for files that keep all versions of a row.

    Args:
        table: its name.
        relation: what holds the versions: a name, or `read_parquet('...')`.

    Raises:
        ConfigurationError: there is no such table.
    """
    if table not in ALL:
        raise ConfigurationError(f"the mirror has no table {table!r}", hint=", ".join(ALL))
    # Rows of one owner were read together, and have one version.
    group = ", ".join(merge_key(ALL[table]) or ALL[table].key)
    columns = ", ".join(ALL[table].names)
    return (
        f"SELECT {columns} FROM (SELECT *, RANK() OVER "
        f"(PARTITION BY {group} ORDER BY {VERSION} DESC) AS place FROM {relation}) AS versions "
        f"WHERE place = 1 AND NOT {DELETED}"
    )


def _parts(among: Mapping[str, Json]) -> list[dict[str, list[Json]]]:
    """Split long lists of values."""
    parts: list[dict[str, list[Json]]] = [{}]
    for name, value in among.items():
        values = value if isinstance(value, list) else [value]
        some = [values[begin : begin + _IDS] for begin in range(0, len(values), _IDS)]
        parts = [{**part, name: one} for part in parts for one in some]
    return parts


def _literal(value: Json) -> str:
    if isinstance(value, int):
        return str(int(value))
    text = str(value).replace("'", "''")
    return f"'{text}'"


def _seconds(value: datetime) -> int:
    aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
    return int(aware.timestamp())
