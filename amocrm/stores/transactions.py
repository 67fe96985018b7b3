"""Runs short transactions on a database: each ends in time, and is repeated where that helps.

A transaction is repeated if its connection was lost, if another one inserted the same row, or if
the database chose it to end a deadlock. So its work must be idempotent: a lost connection does not
say whether the commit succeeded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from sqlalchemy.dialects import mysql, postgresql, sqlite

from amocrm._support.clock import SystemClock
from amocrm._support.fair_lock import FairLock
from amocrm._support.forks import before_fork
from amocrm.errors import AmoCRMError
from amocrm.stores.database import Database, describe_error, event, exc, make_engine, sa, why_lost
from amocrm.stores.time_limits import TimedStep, TimeLimits

SHORT: Final = 0.3
"""Seconds for looking for a missing table after an error."""
NEWS: Final = 2
"""The largest number of repetitions after lost connections and insertions of the same row."""

_Result = TypeVar("_Result")
_DEADLOCKS: Final = frozenset({"40P01", "40001", 1213})
"""SQLSTATEs of PostgreSQL, and the number of MySQL and MariaDB."""
_PAUSE: Final = 0.02

_clock: Final = SystemClock()


class DatabaseTransactions:
    """Runs transactions at READ COMMITTED; on SQLite, as its only writer.

    Args:
        engine: an engine, or a URL; no connection is opened yet.
        raises: class of the errors.
        tables: to create; the first one is looked for if an error may mean that it is missing.
        patience: seconds that a transaction may take, if nothing else is said.
        secret: refuse an SQLite database that other users can read.

    Raises:
        ConfigurationError: the URL or the driver is wrong, or the database is in memory.
    """

    def __init__(
        self,
        engine: sa.Engine | str,
        *,
        raises: type[AmoCRMError],
        tables: Sequence[sa.Table],
        patience: float,
        secret: bool = True,
    ) -> None:
        self._patience = patience
        self._raises = raises
        self._tables = tables
        self._limits = TimeLimits()
        self._turns: FairLock | None = None
        self._owns_engine = isinstance(engine, str)
        self._engine = self._make(engine) if isinstance(engine, str) else engine
        self._database = Database(self._engine, secret=secret, after_leak="", raises=raises)

    def __repr__(self) -> str:
        return repr(self._database)

    @property
    def dialect(self) -> sa.Dialect:
        """The dialect of the database."""
        return self._engine.dialect

    def create_tables(self) -> None:
        """Create missing tables and indexes; several processes may do so at the same time."""
        with self._errors("create the tables", hints=False):
            if self._database.file is not None:
                with self._database.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            for table in self._tables:
                self._database.make(table)

    def close(self) -> None:
        """Close the connections of an engine that was made here; a later call opens new ones."""
        if self._owns_engine:
            self._engine.dispose()

    def empty_log(self, seconds: float) -> bool:
        """Move what SQLite's log holds into its file, and leave nothing in the log.

        Args:
            seconds: to wait for programs that are reading.

        Returns:
            Whether it is done; also if the database is no SQLite, or has no log.
        """
        if self._database.file is None:
            return True
        with self._errors("empty its log", hints=False), self._database.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(seconds * 1000)}")
            return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()

    def release_before_fork(self) -> None:
        """Close the connection to an SQLite database.

        SQLite remembers the locks of a process, and a child would believe that they are its own.
        """
        self._engine.dispose()

    def insert_or_lock(self, table: sa.Table) -> sa.Insert:
        """Return an insertion that locks the row instead if it exists, and leaves it as it is."""
        key = next(iter(table.primary_key)).name
        kind = self._engine.dialect.name
        if kind in ("mysql", "mariadb"):
            change = mysql.insert(table)
            return change.on_duplicate_key_update({key: change.inserted[key]})
        if kind == "postgresql":
            there = postgresql.insert(table)
            return there.on_conflict_do_update(
                index_elements=[key], set_={key: there.excluded[key]}
            )
        # SQLite locks the whole database.
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=[key])

    def run(
        self,
        what: str,
        work: Callable[[sa.Connection], _Result],
        *,
        patience: float | None = None,
        is_read: bool = False,
    ) -> _Result:
        """Do some work in one transaction, and commit it.

        Args:
            what: the work, for messages: `could not ...`.
            work: is repeated as a whole.
            patience: seconds that it may take in all, if not those of all transactions.
            is_read: it changes nothing, so that an SQLite database need not be locked for it.

        Raises:
            AmoCRMError: of the class `raises`; nothing was committed, unless the connection was
                lost during the commit.
        """
        seconds = self._patience if patience is None else patience
        with self._errors(what), self._limits.step(seconds) as step, self._turn(what, seconds):
            try:
                return self._repeat(work, step, is_read)
            except (exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
                if not step.is_cut:
                    raise
                describe_error(error)  # It must not keep the values either.
                raise self._raises(
                    f"{self!r} could not {what}: no answer within {seconds:g} s"
                ) from None

    def _repeat(
        self, work: Callable[[sa.Connection], _Result], step: TimedStep, is_read: bool
    ) -> _Result:
        news, lost = 0, None
        try:
            while True:
                try:
                    return self._once(work, step, is_read)
                except (exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
                    is_late = _clock.monotonic() >= step.deadline
                    if not is_late and news < NEWS and self._is_new(error):
                        news += 1
                        if not isinstance(error, exc.IntegrityError):
                            lost = lost or error
                    elif is_late or not _is_deadlock(error):
                        raise why_lost(lost or error, error) from None
                _clock.sleep(random.random() * _PAUSE)
        finally:
            lost = None  # Its traceback holds this frame.

    @contextmanager
    def _turn(self, what: str, seconds: float) -> Generator[None, None, None]:
        """Wait until the one connection to an SQLite database is free."""
        with ExitStack() as stack:
            if self._turns is not None:
                try:
                    stack.enter_context(self._turns.hold(seconds))
                except TimeoutError:
                    raise self._raises(
                        f"{self!r} could not {what}: other threads have used it for {seconds:g} s"
                    ) from None
            yield

    def _is_new(self, error: Exception) -> bool:
        """Whether an error is news that a second attempt would know."""
        if not isinstance(error, exc.DBAPIError):
            # SQLAlchemy does not detect a lost connection while it sets the isolation level.
            self._engine.dispose()
            return True
        return error.connection_invalidated or isinstance(error, exc.IntegrityError)

    def _once(
        self, work: Callable[[sa.Connection], _Result], step: TimedStep, is_read: bool
    ) -> _Result:
        if not self._owns_engine:
            self._database.keep_private()
        with self._engine.connect() as connection:
            step.watch(connection.connection.dbapi_connection)
            begin = self._begin_on_server if self._database.file is None else self._begin_on_sqlite
            with begin(connection, step, is_read):
                return work(connection)

    @contextmanager
    def _begin_on_server(
        self, connection: sa.Connection, step: TimedStep, is_read: bool
    ) -> Generator[None, None, None]:
        if not self._owns_engine:
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            yield

    @contextmanager
    def _begin_on_sqlite(
        self, connection: sa.Connection, step: TimedStep, is_read: bool
    ) -> Generator[None, None, None]:
        # The driver would begin it as a reader, which may not become a writer after others wrote.
        if not self._owns_engine:
            connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(step.left * 1000)}")
        connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")
        try:
            yield
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            if _is_in_transaction(connection):
                connection.exec_driver_sql("ROLLBACK")
            raise

    def _make(self, url: str) -> sa.Engine:
        """Make an engine whose connections are opened in time and wait for no lock for long."""
        engine = make_engine(url, wait=self._patience)
        if engine.dialect.name == "sqlite":
            self._turns = FairLock()
            before_fork(self)
            event.listen(engine, "do_connect", self._keep_private)
            return engine
        driver_error = engine.dialect.loaded_dbapi.OperationalError

        def connect(
            dialect: sa.Dialect, _: object, args: Sequence[str], settings: Mapping[str, object]
        ) -> object:
            try:
                return self._limits.connect(lambda: dialect.connect(*args, **settings))
            except (TimeoutError, TypeError) as error:  # The driver does not know a setting.
                raise driver_error(str(error)) from None

        def limit_locks(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
            settings = _lock_settings(engine.dialect.name, self._patience)
            if settings is not None:
                cursor = connection.cursor()
                cursor.execute(settings)
                cursor.close()
                connection.commit()

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "connect", limit_locks)
        return engine

    def _keep_private(self, *_: object) -> None:
        """Check the file of an SQLite database before it is opened."""
        self._database.keep_private()

    @contextmanager
    def _errors(self, what: str, *, hints: bool = True) -> Generator[None, None, None]:
        """Raise an error of one line, without values of statements."""
        try:
            yield
        except (exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            hint = self._hint(error) if hints else None
            raise self._raises(
                f"{self!r} could not {what}: {describe_error(error)}", hint=hint
            ) from None

    def _hint(self, error: Exception) -> str | None:
        # Of other kinds are errors of servers that do not answer: do not ask them anything.
        if isinstance(error, exc.ProgrammingError) or self._database.file is not None:
            with self._limits.step(SHORT):
                return self._database.missing(error, self._tables[0])
        return None


def _lock_settings(kind: str, patience: float) -> str | None:
    """Return what makes a server give up waiting for a lock, a little earlier than its client.

    It would go on waiting when the client has gone.
    """
    if kind == "postgresql":
        return f"SET lock_timeout = {max(1, int(patience * 800))}"
    if kind in ("mysql", "mariadb"):
        seconds = max(1, int(patience))  # It knows no fractions.
        return f"SET innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
    return None


def _is_in_transaction(connection: sa.Connection) -> bool:
    driver = connection.connection.dbapi_connection
    return bool(getattr(driver, "in_transaction", False))


def _is_deadlock(error: Exception) -> bool:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    number = cause.args[0] if cause is not None and cause.args else None
    return getattr(cause, "sqlstate", None) in _DEADLOCKS or number in _DEADLOCKS
