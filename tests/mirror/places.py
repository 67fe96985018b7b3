"""Databases for mirrors, and what stands in them."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from amocrm.mirror.sql.merging import CHILDREN
from amocrm.mirror.sql.schema import describe_all
from amocrm.mirror.tables.definitions import TABLES
from tests.servers import DATABASES, URLS, need

KINDS = ["sqlite", *DATABASES]
VIEWS = ["funnel", "time_in_stage", "utm", "leads_wide"]
"""Each before those that it uses."""


class Place(NamedTuple):
    """A database for a mirror, and the prefix of its tables."""

    url: str
    prefix: str = ""

    def rows(self, table: str, *, raw: bool = False) -> list[dict[str, Any]]:
        """Every row of a table, in the order of the keys."""
        of = describe_all(self.prefix).of[table]
        columns = [one for one in of.columns if raw or one.name != "raw"]
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            query = sa.select(*columns).order_by(*(of.c[name] for name in TABLES[table].key))
            return [dict(row) for row in connection.execute(query).mappings()]

    def one(self, table: str, **values: Any) -> dict[str, Any]:
        """The row that has some values."""
        (row,) = (one for one in self.rows(table) if values.items() <= one.items())
        return row

    def alive(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of all tables, but for deleted ones and what belongs to those."""
        every = {name: self.rows(name) for name in TABLES}
        there = {
            (name, row["account_id"], row["id"])
            for name, rows in every.items()
            for row in rows
            if "deleted_at" in row and name in CHILDREN and row["deleted_at"] is None
        }
        kept: dict[str, list[dict[str, Any]]] = {}
        for name, rows in every.items():
            kept[name] = [
                row
                for row in rows
                if row.get("deleted_at") is None
                and (not TABLES[name].owner or _owner(name, row) in there)
            ]
        return kept


def _owner(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    if table == "calls":
        return "notes", row["account_id"], row["note_id"]
    return row.get("entity_type"), row["account_id"], row.get("entity_id")


@contextmanager
def new_place(kind: str, folder: Path) -> Generator[Place, None, None]:
    """Make room for a mirror, and remove it afterwards."""
    if kind == "sqlite":
        yield Place(f"sqlite:///{folder}/{uuid.uuid4().hex}.db")
        return
    need(kind)
    place = Place(URLS[kind], f"t{uuid.uuid4().hex[:10]}_")
    try:
        yield place
    finally:
        engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            for name in VIEWS:
                connection.exec_driver_sql(f"DROP VIEW IF EXISTS {place.prefix}{name}")
            for table in describe_all(place.prefix).all:
                table.drop(connection, checkfirst=True)
