"""Writes batches of one account to the database of a mirror.

A batch is one transaction: rows, deletions, and how far the listings were read. So a process that
is killed leaves whole pages, and the next run goes on after them. Transactions of one account
exclude each other, so that what a batch decides by what it has read is still true when it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from amocrm.errors import ConfigurationError, MirrorError
from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch, Written
from amocrm.mirror.sql.burying import Burying
from amocrm.mirror.sql.forgotten import persons_of, without_forgotten
from amocrm.mirror.sql.merging import CHUNK, Merger
from amocrm.mirror.sql.run_lock import locked
from amocrm.mirror.sql.schema import describe_all
from amocrm.mirror.tables.definitions import TABLES
from amocrm.stores.transactions import DatabaseTransactions

PATIENCE: Final = 300.0
"""Seconds that a batch may take."""

T = TypeVar("T")

_VERSION: Final = 1
_BATCH, _RUN = "batch", "run"
"""Rows of the state that are locked: by each transaction, and by a whole run."""


class Sink:
    """The database of a mirror.

    Args:
        engine: an engine of SQLAlchemy, or a URL; nothing is opened yet.
        prefix: of the names of the tables.

    Raises:
        ConfigurationError: the URL or its driver is wrong, or the database is in memory.
    """

    def __init__(self, engine: sa.Engine | str, prefix: str = "") -> None:
        self.tables = describe_all(prefix)
        self.prefix = prefix
        self.database = DatabaseTransactions(
            engine, raises=MirrorError, tables=self.tables.all, patience=PATIENCE, secret=False
        )
        self._engine = engine

    def __repr__(self) -> str:
        return f"Sink({self.database!r})"

    def close(self) -> None:
        """Close the connections, unless the engine is yours."""
        self.database.close()

    def create_tables(self) -> None:
        """Create missing tables; several processes may do so at the same time.

        Raises:
            ConfigurationError: a table of another program has the name of one of them, or a newer
                version of this library has made them.
        """
        if self.exists():
            return
        self.database.run("look for the tables", self._check_names, is_read=True)
        self.database.create_tables()
        self.save(0, {"version": _VERSION})

    def exists(self) -> bool:
        """Whether the tables are there."""
        return self.database.run("look for the tables", self._is_complete, is_read=True)

    def _is_complete(self, connection: sa.Connection) -> bool:
        if not sa.inspect(connection).has_table(self.tables.state.name):
            return False
        try:
            version = self._read_state(connection, 0).get("version")
        except exc.DBAPIError:
            return False  # It is another program's table, as the next step finds.
        if version not in (None, _VERSION):
            raise ConfigurationError(
                f"another version of amocrm-python made this mirror ({version}, not {_VERSION})",
                hint="upgrade amocrm-python, or mirror into tables with another prefix",
            )
        return version is not None

    def _check_names(self, connection: sa.Connection) -> None:
        inspector = sa.inspect(connection)
        taken = {*inspector.get_table_names(), *inspector.get_view_names()}
        for table in self.tables.all:
            if table.name not in taken:
                continue
            there = {str(one["name"]) for one in inspector.get_columns(table.name)}
            if lacking := [one.name for one in table.columns if one.name not in there]:
                raise ConfigurationError(
                    f"the table {table.name!r} is not the mirror's: it has no {lacking[0]!r}",
                    hint="use another database, or a prefix such as 'amocrm_'",
                )

    @contextmanager
    def running(self, account_id: int) -> Generator[None, None, None]:
        """Keep other runs from mirroring the same account.

        Raises:
            MirrorError: there is another run.
        """
        if missing := {_RUN, _BATCH} - self.load(account_id).keys():
            self.save(account_id, dict.fromkeys(missing, True))
        with locked(self._engine, self.tables.state, _RUN, account_id):
            yield

    def load(self, account_id: int) -> dict[str, Json]:
        """Return how far the listings of an account were read, by name."""
        return self.database.run(
            "read the state", lambda one: self._read_state(one, account_id), is_read=True
        )

    def save(self, account_id: int, state: Mapping[str, Json]) -> None:
        """Replace parts of the state."""
        self.database.run("save the state", lambda one: self._save(one, account_id, state))

    def write(self, account_id: int, batch: Batch) -> Written:
        """Write a batch.

        Raises:
            MirrorError: the database cannot be written; nothing of the batch was, unless the
                connection was lost during the commit. It may be written again.
        """
        return self.alter("write a page", account_id, lambda one: self._write(one, batch))

    def alter(self, what: str, account_id: int, work: Callable[[Merger], T]) -> T:
        """Change the rows of an account in a transaction that excludes its other ones."""

        def run(connection: sa.Connection) -> T:
            if connection.dialect.name == "sqlite":
                # Otherwise old versions stay in the file until their place is used again.
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            state = self.tables.state
            lock = sa.select(state.c.name).where(self._named(account_id, _BATCH))
            connection.execute(lock.with_for_update())
            return work(Merger(connection, self.tables, account_id))

        return self.database.run(what, run)

    def alive(self, account_id: int, table: str, **among: Json) -> set[tuple[Json, ...]]:
        """Return the keys of the rows of a listing that are not marked as deleted.

        Args:
            account_id: of the account.
            table: its name.
            among: values of columns that the rows of the listing have; a list for any of several.
        """
        query = sa.select(*(self.tables.of[table].c[name] for name in TABLES[table].key))
        query = query.where(self._alive(account_id, table, among))
        return self.database.run(
            f"read {table}", lambda one: {tuple(row) for row in one.execute(query)}, is_read=True
        )

    def count_alive(self, account_id: int, table: str, **among: Json) -> int:
        """Return the number of the rows that `alive` would return the keys of."""
        query = sa.select(sa.func.count()).select_from(self.tables.of[table])
        query = query.where(self._alive(account_id, table, among))
        return self.database.run(
            f"count {table}", lambda one: int(one.execute(query).scalar() or 0), is_read=True
        )

    def _alive(
        self, account_id: int, table: str, among: Mapping[str, Json]
    ) -> sa.ColumnElement[bool]:
        columns = self.tables.of[table].c
        conditions = [columns.account_id == account_id, columns.deleted_at.is_(None)]
        for name, value in among.items():
            one = columns[name]
            conditions.append(one.in_(value) if isinstance(value, list) else one == value)
        return sa.and_(*conditions)

    def versions(self, account_id: int, table: str, ids: Sequence[int]) -> dict[int, int]:
        """Return the `updated_at` of those of some entities that there are."""
        target = self.tables.of[table]
        query = sa.select(target.c.id, target.c.updated_at).where(target.c.account_id == account_id)

        def read(connection: sa.Connection) -> dict[int, int]:
            parts = [ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK)]
            return {
                number: updated_at or 0
                for part in parts
                for number, updated_at in connection.execute(query.where(target.c.id.in_(part)))
            }

        return self.database.run(f"read {table}", read, is_read=True)

    def _write(self, merger: Merger, batch: Batch) -> Written:
        merger.now = batch.at
        forgotten = merger.forgotten(persons_of(batch.rows))
        rows = merger.merge(without_forgotten(batch.rows, forgotten))
        burying = Burying(merger)
        deleted, restored = burying.bury(batch.fates)
        for gone in batch.gone:
            deleted += burying.bury_gone(gone)
        self._save(merger.connection, merger.account_id, batch.state)
        return Written(rows, deleted, restored + merger.restored)

    def _read_state(self, connection: sa.Connection, account_id: int) -> dict[str, Json]:
        state = self.tables.state
        query = sa.select(state.c.name, state.c.value).where(state.c.account_id == account_id)
        return {str(name): value for name, value in connection.execute(query)}

    def _save(self, connection: sa.Connection, account_id: int, state: Mapping[str, Json]) -> None:
        table = self.tables.state
        for name, value in state.items():
            there = self._named(account_id, name)
            # Updated first: a row that is deleted and inserted again would lose its lock.
            changed = connection.execute(sa.update(table).where(there).values(value=value))
            if changed.rowcount == 0:
                row = {"account_id": account_id, "name": name, "value": value}
                connection.execute(sa.insert(table).values(row))

    def _named(self, account_id: int, name: str) -> sa.ColumnElement[bool]:
        state = self.tables.state
        return (state.c.account_id == account_id) & (state.c.name == name)
