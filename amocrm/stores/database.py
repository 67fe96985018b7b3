"""Access to a database through SQLAlchemy, for stores and journals. Only this module imports it.

Messages contain the database's error but no values of statements, because these are tokens.
SQLAlchemy's log does not show them either, whatever its settings, because of their type.

The file of an SQLite database is created readable by its owner only. The files that SQLite creates
beside it get the same mode.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from amocrm._support.forks import ForkLock, after_fork
from amocrm._support.private_files import PRIVATE_FILE, check_private
from amocrm.errors import AmoCRMError, ConfigurationError, TokenStoreError

try:
    import sqlalchemy as sa
    from sqlalchemy import event, exc
    from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT, VARCHAR
    from sqlalchemy.pool import NullPool, QueuePool
    from sqlalchemy.schema import CreateTable
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "SQLStore, SQLJournal, SQLInbox and the mirror need SQLAlchemy",
        hint="run: pip install 'amocrm-python[sql]'",
    ) from missing

__all__ = [
    "Database",
    "HiddenBytes",
    "HiddenText",
    "again",
    "again_if_lost",
    "describe",
    "describe_error",
    "event",
    "exact_text",
    "exc",
    "long_text",
    "make_engine",
    "row_id",
    "sa",
    "unlock",
    "why_lost",
]

_Result = TypeVar("_Result")
Change = sa.Insert | sa.Update | sa.Delete
Rows = Sequence[tuple[str, ...]]

_EXAMPLE: Final = "write it like postgresql+psycopg://user:password@host/database"
_CUT: Final = 200
"""The largest number of characters of a database's error in a message."""
_CLIENT: Final = 2
"""The thousand of the numbers that drivers of MySQL give errors of their own."""
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""The ends of the names of an SQLite database's files."""


class Database:
    """Runs statements, each in a separate transaction.

    Args:
        engine: an engine, or a URL; no connection is opened yet.
        secret: refuse an SQLite database that other users can read.
        after_leak: end of the hint of that refusal: the next step after the mode is fixed.
        raises: the class of that refusal.

    Attributes:
        engine: the given engine, or the one for the URL.
        file: path of an SQLite database; None for a server.
    """

    def __init__(
        self,
        engine: sa.Engine | str,
        *,
        secret: bool = False,
        after_leak: str = "; then get new tokens",
        raises: type[AmoCRMError] = TokenStoreError,
    ) -> None:
        self.engine: Final = make_engine(engine) if isinstance(engine, str) else engine
        url = self.engine.url
        self.file: Final = _file(url) if url.get_backend_name() == "sqlite" else None
        self._secret = secret
        self._after_leak = after_leak
        self._raises = raises
        self._makes_file = _mode(url) in (None, "rwc")
        after_fork(self)

    def __repr__(self) -> str:
        url = self.engine.url
        return " ".join(part for part in (url.get_backend_name(), url.host, url.database) if part)

    def renew_after_fork(self) -> None:
        """Drop the parent's connections without closing them; the child opens new ones."""
        self.engine.dispose(close=False)

    def connect(self) -> sa.Connection:
        """Open a connection whose updates see the latest saves of others.

        Raises:
            TokenStoreError: other users can read the file of an SQLite database of tokens.
        """
        self.keep_private()
        try:
            return self._connect()
        except self.engine.dialect.loaded_dbapi.Error:
            # SQLAlchemy does not detect a lost connection while it sets the isolation level.
            self.engine.dispose()
        return self._connect()

    def _connect(self) -> sa.Connection:
        connection = self.engine.connect()
        if self.file is None:
            # For any setting of the engine: without a transaction a row cannot stay locked, and at
            # a stricter level PostgreSQL fails after changes of others.
            connection.execution_options(isolation_level="READ COMMITTED")
        return connection

    def keep_private(self) -> None:
        """Create the file of an SQLite database; refuse files that other users can read."""
        file = self.file
        if file is None:
            return
        if self._makes_file:
            _make_file(os.path.realpath(file))
        for path in (file + end for end in _BESIDE if self._secret):
            try:
                check_private(path, os.stat(path), self._after_leak)
            except FileNotFoundError:
                continue
            except OSError as error:
                hint = getattr(error, "hint", None)
                raise self._raises(f"{path}: {error.strerror}", hint=hint) from None

    def all(self, query: sa.Executable) -> Rows:
        """Return the rows of a query; repeat it on a new connection if the first one was lost."""

        def run() -> Rows:
            with self.connect() as connection:
                return [tuple(row) for row in connection.execute(query)]

        return again_if_lost(run)

    def do(self, change: Change) -> int:
        """Change rows; return their number."""
        with self.connect() as connection, connection.begin():
            return connection.execute(change).rowcount

    def make(self, table: sa.Table) -> None:
        """Create a table and its indexes if they do not exist.

        Several processes may do so at the same time.
        """

        def create() -> None:
            with self.connect() as connection, connection.begin():
                connection.execute(CreateTable(table, if_not_exists=True))

        try:
            create()
        except exc.DBAPIError as error:
            # PostgreSQL checks first, so two processes may both create it. Now it exists.
            again(create, error)
        for index in table.indexes:
            try:
                if not self._has(index):
                    index.create(self.engine)
            except exc.DBAPIError as error:
                if not again(partial(self._has, index), error):
                    raise

    def _has(self, index: sa.Index) -> bool:
        table = index.table
        found = [] if table is None else sa.inspect(self.engine).get_indexes(table.name)
        return index.name in {one["name"] for one in found}

    def lock(self, row: sa.Select[tuple[str]] | sa.Select[tuple[int]]) -> sa.Connection | None:
        """Return a connection whose transaction has locked a row; None if another one has."""
        connection = self.connect()
        try:
            if connection.execute(row.with_for_update(skip_locked=True)).first() is not None:
                # The pool opens another one in its place: it cannot run out of connections because
                # all of them hold locks.
                connection.detach()
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    @contextmanager
    def errors(self, what: str, table: sa.Table) -> Generator[None, None, None]:
        """Raise a TokenStoreError without values of statements for errors of the database."""
        try:
            yield
        except (exc.SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            hint, line = self.missing(error, table), describe_error(error)
            raise TokenStoreError(
                f"{self!r} could not {what} the token: {line}", hint=hint
            ) from None

    def missing(self, error: Exception, table: sa.Table) -> str | None:
        """Return the hint for an error that means a missing table; None for other errors."""
        lost = not isinstance(error, exc.DBAPIError) or error.connection_invalidated
        try:
            if lost or sa.inspect(self.engine).has_table(table.name):
                return None
        except exc.SQLAlchemyError:
            return None
        return f"there is no table {table.name!r}: call create_table() once"


def unlock(connection: sa.Connection, owner: int) -> None:
    """End a transaction of `Database.lock`.

    A lost connection has freed the row already, and a forked child leaves it to the parent.

    Args:
        connection: of the transaction.
        owner: the id of the process that locked the row.
    """
    if os.getpid() == owner:
        with contextlib.suppress(exc.SQLAlchemyError):
            connection.rollback()
        with contextlib.suppress(exc.SQLAlchemyError):
            connection.close()


def describe_error(error: Exception) -> str:
    """Return the first line of a database error, and remove everything else from the error.

    Statements and the messages of some drivers contain tokens: so the error, its cause and its
    context must not keep them.
    """
    cause: object = error.orig if isinstance(error, exc.StatementError) else error
    # The first line, because the next ones may show the row.
    line = next(iter(str(cause).splitlines()), "")[:_CUT]
    error.args = (line,)
    if isinstance(error, exc.StatementError):
        error.params = error.orig = error.__cause__ = error.__context__ = None
    return f"{type(cause).__name__}: {line}"


def again_if_lost(step: Callable[[], _Result]) -> _Result:
    """Do an idempotent step; repeat it once if the connection was lost."""
    try:
        return step()
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return again(step, error)


def again(step: Callable[[], _Result], first: Exception) -> _Result:
    """Repeat a step after an error; if it fails again, raise the one of the two that tells more."""
    try:
        return step()
    except exc.DBAPIError as error:
        raise why_lost(first, error) from None


def why_lost(lost: Exception, last: Exception) -> Exception:
    """Return the error that tells more.

    A server that ends because its disk is full says so once, and then refuses connections.

    Args:
        lost: of the attempt that lost its connection.
        last: of the last attempt.
    """
    return lost if _is_of_server(lost) and not _is_of_server(last) else last


def _is_of_server(error: Exception) -> bool:
    """Whether the server has sent it: those of drivers have no SQLSTATE, or numbers of theirs."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    number = cause.args[0] if cause is not None and cause.args else None
    is_number = isinstance(number, int) and number > 0 and number // 1000 != _CLIENT
    return is_number or getattr(cause, "sqlstate", None) is not None


def make_engine(text: str, *, wait: float | None = None) -> sa.Engine:
    """Return an engine; no connection is opened yet.

    Args:
        text: a URL.
        wait: keep connections open, and wait for a free one for at most so many seconds. An SQLite
            database gets one connection, because it has one writer at a time: threads can wait for
            it in turn, whereas SQLite polls. None: open a file for each use.

    Raises:
        ConfigurationError: the URL or its driver is wrong.
    """
    url = _url(text)
    if wait is None:
        return _engine(url)
    if url.get_backend_name() != "sqlite":
        # Whoever uses it ends its transactions: resetting connections would be a round trip.
        return _engine(
            url, isolation_level="READ COMMITTED", pool_timeout=wait, pool_reset_on_return=None
        )
    one = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": wait}
    return _engine(url, isolation_level="AUTOCOMMIT", **one)


def _url(text: str) -> sa.URL:
    url: sa.URL | None = None
    with contextlib.suppress(exc.ArgumentError, ValueError):  # It has no such port.
        url = sa.make_url(text)
    # The URL may contain a password: neither it nor the error that shows it may be raised.
    if url is None:
        raise ConfigurationError("the database's URL cannot be read", hint=_EXAMPLE)
    if "@" in (url.host or ""):  # What is behind the first one is taken for the host, and shown.
        raise ConfigurationError(
            "the database's URL cannot be read: the password has an '@'",
            hint="write %40 instead of '@', and %25 instead of '%'",
        )
    return url


def _engine(url: sa.URL, **settings: object) -> sa.Engine:
    if not settings:
        # `NullPool`: a file is opened quickly, and pooled connections would never be closed.
        pool = NullPool if url.get_backend_name() == "sqlite" else None
        settings = {"poolclass": pool, "pool_pre_ping": True}
    try:
        # `hide_parameters`: the log of statements must not show values either.
        return sa.create_engine(url, hide_parameters=True, **settings)
    except exc.NoSuchModuleError:
        name = url.drivername
        raise ConfigurationError(f"{name!r} is not a kind of database", hint=_EXAMPLE) from None
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"the database's driver {missing.name!r} is not installed",
            hint="such as psycopg for postgresql+psycopg:// and pymysql for mysql+pymysql://",
        ) from missing


def _mode(url: sa.URL) -> object:
    """Return the mode in which the URL opens an SQLite database; None if it contains none."""
    within = parse_qs(urlsplit(url.database or "").query).get("mode")
    return within[0] if within else url.query.get("mode")


def _file(url: sa.URL) -> str:
    """Return the path of an SQLite database.

    Raises:
        ConfigurationError: it is in memory, where each thread may have a different one.
    """
    name = url.database or ""
    path = unquote(urlsplit(name).path) if name.startswith("file:") else name
    if path in ("", ":memory:") or _mode(url) == "memory":
        raise ConfigurationError(
            "a database in memory outlives no process", hint="use MemoryStore()"
        )
    return os.path.abspath(path)


_making: Final = ForkLock()


def _make_file(file: str) -> None:
    """Create an empty file for this user only; for SQLite, it is a database without tables.

    An existing file is never opened: the system frees all locks of a process on a file when the
    process closes any descriptor of it, and SQLite relies on these locks.
    """
    # If the file cannot be created here, SQLite cannot create it either, and raises an error.
    with _making, contextlib.suppress(OSError):
        if not os.path.exists(file):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))


def long_text() -> sa.types.TypeEngine[str]:
    """Return the type of a text of any length: TEXT of MySQL ends at 64 KB."""
    return sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def exact_text(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of a short text in ASCII, which is compared byte by byte."""
    exact = VARCHAR(length, charset="ascii", collation="ascii_bin")
    plain = sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
    return plain.with_variant(exact, "mysql", "mariadb")


def row_id() -> sa.Column[int]:
    """Describe a primary key that the database numbers."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, primary_key=True)


def describe(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """Describe a table with row locks and all Unicode characters."""
    return sa.Table(
        name,
        sa.MetaData(),
        *columns,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )


class HiddenText(sa.types.TypeDecorator[str]):
    """A text that SQLAlchemy shows in no log and no message, whatever its settings."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[str]:
        """Return a type that is long enough: TEXT of MySQL ends at 64 KB."""
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(MEDIUMTEXT() if is_mysql else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Hide a value that is sent."""
        return None if value is None else _Hidden(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Hide a value of a row; `str` returns the plain text."""
        return None if value is None else _Hidden(value)


class HiddenBytes(sa.types.TypeDecorator[bytes]):
    """Bytes that SQLAlchemy shows in no log and no message, whatever its settings."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[bytes]:
        """Return a type that is long enough: BLOB of MySQL ends at 64 KB."""
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(MEDIUMBLOB() if is_mysql else sa.LargeBinary())

    def bind_processor(self, dialect: sa.Dialect) -> _Binds:
        """Hide a value that is sent: what the driver makes of it, too."""
        drivers = super().bind_processor(dialect)

        def hide(value: bytes | None) -> object:
            hidden = None if value is None else _HiddenBytes(value)
            made = hidden if drivers is None else drivers(hidden)
            return _HiddenBytes(made) if type(made) is bytes else made

        return hide

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:
        """Hide a value of a row; `bytes` returns the plain ones."""
        return None if value is None else _HiddenBytes(value)


class _Binds(Protocol):
    """Makes what a driver takes of a value."""

    def __call__(self, value: bytes | None) -> object: ...


class _HiddenBytes(bytes):
    """Bytes whose `repr` does not show them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'***'"


class _Hidden(str):
    """A text whose `repr` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
