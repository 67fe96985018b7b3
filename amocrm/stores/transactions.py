"""Runs short transactions on a database: each ends in time, and is repeated where that helps.

A transaction is repeated if its connection was lost, if another one inserted the same row, or if
the database chose it to end a deadlock. So its work must be idempotent: a lost connection does not
say whether the commit succeeded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy.dialects import mysql, postgresql, sqlite

from amocrm._support.clock import SystemClock
from amocrm.errors import AmoCRMError
from amocrm.stores.database import Database, describe_error, exc, make_engine, sa

PATIENCE: Final = 1.5
"""Seconds that a transaction may take, if nothing else is said."""

_Result = TypeVar("_Result")
_DEADLOCKS: Final = frozenset({"40P01", "40001", 1213})
"""SQLSTATEs of PostgreSQL, and the number of MySQL and MariaDB."""
_PAUSE: Final = 0.02

_clock: Final = SystemClock()


class Transactions:
    """Runs transactions at READ COMMITTED; on SQLite, as its only writer.

    Args:
        engine: an engine, or a URL; no connection is opened yet.
        raises: class of the errors.
        tables: to create; the first one is looked for if an error may mean that it is missing.

    Raises:
        ConfigurationError: the URL or the driver is wrong, or the database is in memory.
    """

    def __init__(
        self, engine: sa.Engine | str, *, raises: type[AmoCRMError], tables: Sequence[sa.Table]
    ) -> None:
        self._owns_engine = isinstance(engine, str)
        made = make_engine(engine, wait=PATIENCE) if isinstance(engine, str) else engine
        self._database = Database(made, secret=True, after_leak="", raises=raises)
        self._raises = raises
        self._tables = tables

    def __repr__(self) -> str:
        return repr(self._database)

    def create_tables(self) -> None:
        """Create missing tables and indexes; several processes may do so at the same time."""
        with self._errors("create the tables"):
            if self._database.file is not None:
                with self._database.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            for table in self._tables:
                self._database.make(table)

    def close(self) -> None:
        """Close the connections of an engine that was made here; a later call opens new ones."""
        if self._owns_engine:
            self._database.engine.dispose()

    def run(
        self,
        what: str,
        work: Callable[[sa.Connection], _Result],
        *,
        patience: float = PATIENCE,
        is_read: bool = False,
    ) -> _Result:
        """Do some work in one transaction, and commit it.

        Args:
            what: the work, for messages: `could not ...`.
            work: is repeated as a whole.
            patience: seconds that it may take in all.
            is_read: it changes nothing, so that an SQLite database need not be locked for it.

        Raises:
            AmoCRMError: of the class `raises`; nothing was committed, unless the connection was
                lost during the commit.
        """
        deadline = _clock.monotonic() + patience
        was_repeated = False
        with self._errors(what):
            while True:
                try:
                    return self._once(work, deadline, is_read)
                except exc.DBAPIError as error:
                    is_new = error.connection_invalidated or isinstance(error, exc.IntegrityError)
                    if is_new and not was_repeated:
                        was_repeated = True
                    elif not _is_deadlock(error) or _clock.monotonic() >= deadline:
                        raise
                _clock.sleep(random.random() * _PAUSE)

    def _once(
        self, work: Callable[[sa.Connection], _Result], deadline: float, is_read: bool
    ) -> _Result:
        with (
            self._database.connect() as connection,
            self._transaction(connection, deadline, is_read),
        ):
            return work(connection)

    @contextmanager
    def _transaction(
        self, connection: sa.Connection, deadline: float, is_read: bool
    ) -> Generator[None, None, None]:
        if self._database.file is None:
            with connection.begin():
                yield
            return
        # The driver would begin it as a reader, which may not become a writer after others wrote.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        left = max(1, int((deadline - _clock.monotonic()) * 1000))
        connection.exec_driver_sql(f"PRAGMA busy_timeout={left}")
        connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")
        try:
            yield
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            if _is_in_transaction(connection):
                connection.exec_driver_sql("ROLLBACK")
            raise

    @contextmanager
    def _errors(self, what: str) -> Generator[None, None, None]:
        """Raise an error of one line, without values of statements."""
        try:
            yield
        except (exc.SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error) as error:
            hint = self._database.missing(error, self._tables[0])
            raise self._raises(
                f"{self!r} could not {what}: {describe_error(error)}", hint=hint
            ) from None


def insert_or_lock(table: sa.Table, connection: sa.Connection) -> sa.Insert:
    """Return an insertion that locks the row instead if it exists, and leaves it as it is."""
    key = next(iter(table.primary_key)).name
    name = connection.dialect.name
    if name in ("mysql", "mariadb"):
        change = mysql.insert(table)
        return change.on_duplicate_key_update({key: change.inserted[key]})
    if name == "postgresql":
        there = postgresql.insert(table)
        return there.on_conflict_do_update(index_elements=[key], set_={key: there.excluded[key]})
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=[key])


def _is_in_transaction(connection: sa.Connection) -> bool:
    driver = connection.connection.dbapi_connection
    return bool(getattr(driver, "in_transaction", False))


def _is_deadlock(error: exc.DBAPIError) -> bool:
    cause = error.orig
    number = cause.args[0] if cause is not None and cause.args else None
    return getattr(cause, "sqlstate", None) in _DEADLOCKS or number in _DEADLOCKS
