"""Warehouses of tests, and what stands in them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm.mirror.tables.definitions import TABLES
from tests.servers import URLS, need

dlt = pytest.importorskip("dlt", reason="dlt is not installed: pip install '.[warehouse]' duckdb")
pytest.importorskip("duckdb")

from amocrm.mirror.dlt import latest  # noqa: E402

KINDS = ["duckdb", "parquet", "postgres"]


class WarehousePlace:
    """A destination of dlt for a mirror."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.folder = folder
        self.dataset = f"t{uuid.uuid4().hex[:10]}"
        self._kind = kind

    def pipeline(self, host: str = "host", name: str = "amocrm") -> Any:
        """Return a pipeline as on some host, with that host's working folder."""
        return dlt.pipeline(
            name,
            destination=self._destination(),
            dataset_name=self.dataset,
            pipelines_dir=str(self.folder / host),
        )

    def _destination(self) -> Any:
        if self._kind == "duckdb":
            return dlt.destinations.duckdb(str(self.folder / "warehouse.duckdb"))
        if self._kind == "parquet":
            return dlt.destinations.filesystem(self.folder.joinpath("lake").as_uri())
        url = sa.make_url(URLS["postgres"]).set(drivername="postgresql")
        if not url.password:
            url = url.set(password="any")  # dlt refuses a database without one.
        return dlt.destinations.postgres(url.render_as_string(hide_password=False))

    @cached_property
    def _schema(self) -> Any:
        return dlt.dataset(self._destination(), self.dataset, "amocrm").schema

    def _client(self) -> Any:
        return dlt.dataset(self._destination(), self.dataset, self._schema).sql_client

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table as it is now, in the order of the keys."""
        with self._client() as client:
            query = latest(table, client.make_qualified_table_name(table))
            with client.execute_query(query) as cursor:
                names = [column[0] for column in cursor.description]
                found = [
                    dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()
                ]
        kept = [{name: row[name] for name in row if name != "raw"} for row in found]
        key = TABLES[table].key if table in TABLES else ("account_id", "kind", "id")
        return sorted(kept, key=lambda row: [row[name] for name in key])

    def raw(self, table: str) -> list[Any]:
        """The column `raw` of a table, decoded."""
        with self._client() as client:
            relation = client.make_qualified_table_name(table)
            query = f"SELECT raw FROM ({latest(table, relation)}) AS one ORDER BY id"
            return [json.loads(row[0]) for row in client.execute_sql(query)]

    def alive(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of all tables, as `Place.alive` gives them."""
        every = {name: self.rows(name) for name in TABLES}
        return {
            name: [row for row in rows if row.get("deleted_at") is None]
            for name, rows in every.items()
        }

    def remove(self) -> None:
        if self._kind == "postgres":
            engine = sa.create_engine(URLS["postgres"], poolclass=sa.pool.NullPool)
            with engine.begin() as connection:
                for name in (self.dataset, f"{self.dataset}_staging"):
                    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def in_warehouse(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of SQL as a warehouse has them: an empty text is null there."""
    return [
        {name: None if value == "" and name not in TABLES[table].key else value
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return int(aware.timestamp())
    return float(value) if isinstance(value, Decimal) else value


@contextmanager
def new_warehouse(kind: str, folder: Path) -> Generator[WarehousePlace, None, None]:
    """Make room for a mirror, and remove it afterwards."""
    if kind == "postgres":
        need("postgres")
        pytest.importorskip("psycopg2")
    place = WarehousePlace(kind, folder)
    try:
        yield place
    finally:
        place.remove()
