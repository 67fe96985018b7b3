"""The engine of SQLAlchemy, as a store needs it: what it does is done once and told in one line.

Messages name the database's own complaint and never a statement's values: they are the tokens. Nor
does SQLAlchemy's log show them, whatever it is set to: they are of a type that shows nothing.

An SQLite database is a file: it is made readable by its owner alone, and so are the files that
SQLite makes beside it, for they get its mode.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from amocrm._support.forks import ForkLock, after_fork
from amocrm._support.private_files import PRIVATE_FILE, check_private
from amocrm.errors import ConfigurationError, TokenStoreError

try:
    import sqlalchemy as sa
    from sqlalchemy import exc
    from sqlalchemy.dialects.mysql import MEDIUMTEXT
    from sqlalchemy.pool import NullPool
    from sqlalchemy.schema import CreateTable
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        "SQLStore and SQLJournal need SQLAlchemy", hint="run: pip install 'amocrm-python[sql]'"
    ) from missing

__all__ = [
    "Database",
    "HiddenText",
    "again_if_lost",
    "describe",
    "exc",
    "long_text",
    "sa",
    "told_of",
    "unlock",
]

_Result = TypeVar("_Result")
Change = sa.Insert | sa.Update | sa.Delete
Found = Sequence[tuple[str, ...]]

_EXAMPLE: Final = "write it like postgresql+psycopg://user:password@host/database"
_CUT: Final = 200
"""Characters of a database's complaint that a message shows."""
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What the names of an SQLite database's files end in."""


class Database:
    """Statements, each in a transaction of its own.

    Args:
        engine: an engine, or the address to make one of; no connection is opened yet.
        secret: an SQLite database that others can read is refused.

    Attributes:
        engine: the one that was given, or made.
        file: path of an SQLite database; None for a server.
    """

    def __init__(self, engine: sa.Engine | str, *, secret: bool = False) -> None:
        url = _url(engine) if isinstance(engine, str) else engine.url
        self.file: Final = _file(url) if url.get_backend_name() == "sqlite" else None
        self.engine: Final = _engine(url) if isinstance(engine, str) else engine
        self._secret = secret
        self._makes_file = _mode(url) in (None, "rwc")
        after_fork(self)

    def __repr__(self) -> str:
        url = self.engine.url
        return " ".join(part for part in (url.get_backend_name(), url.host, url.database) if part)

    def renew_after_fork(self) -> None:
        """Leave the connections to the parent; the child opens its own."""
        self.engine.dispose(close=False)

    def connect(self) -> sa.Connection:
        """Open a connection whose updates see what others have just saved.

        Raises:
            TokenStoreError: others can read the file of an SQLite database of tokens.
        """
        if self.file is not None:
            self._keep_private(self.file)
        try:
            return self._connect()
        except self.engine.dialect.loaded_dbapi.Error:
            # SQLAlchemy does not see that a connection is lost when it is asked for its level.
            self.engine.dispose()
        return self._connect()

    def _connect(self) -> sa.Connection:
        connection = self.engine.connect()
        if self.file is None:
            # Whatever the engine was set to: without a transaction a row cannot stay locked, and
            # in a stricter one than this PostgreSQL refuses what others were first with.
            connection.execution_options(isolation_level="READ COMMITTED")
        return connection

    def _keep_private(self, file: str) -> None:
        """Make the file of an SQLite database before SQLite does; refuse what others can read."""
        if self._makes_file:
            _make_file(os.path.realpath(file))
        for path in (file + end for end in _BESIDE if self._secret):
            try:
                check_private(path, os.stat(path), "; then get new tokens")
            except FileNotFoundError:
                continue
            except OSError as error:
                hint = getattr(error, "hint", None)
                raise TokenStoreError(f"{path}: {error.strerror}", hint=hint) from None

    def all(self, query: sa.Executable) -> Found:
        """Return what a query finds; asked again on a new connection if the first was lost."""

        def ask() -> Found:
            with self.connect() as connection:
                return [tuple(row) for row in connection.execute(query)]

        return again_if_lost(ask)

    def do(self, change: Change) -> int:
        """Change rows; return how many."""
        with self.connect() as connection, connection.begin():
            return connection.execute(change).rowcount

    def make(self, table: sa.Table) -> None:
        """Make a table unless it is there; several processes may do it at once."""

        def create() -> None:
            with self.connect() as connection, connection.begin():
                connection.execute(CreateTable(table, if_not_exists=True))

        try:
            create()
        except exc.DBAPIError:
            # PostgreSQL looks before it makes: two may have seen nothing. By now one has won.
            create()

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
    def told(self, what: str, table: sa.Table) -> Generator[None, None, None]:
        """Turn what goes wrong into a TokenStoreError that shows no statement's values."""
        try:
            yield
        except (exc.SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            hint, line = self._hint(error, table), told_of(error)
            raise TokenStoreError(
                f"{self!r} could not {what} the token: {line}", hint=hint
            ) from None

    def _hint(self, error: Exception, table: sa.Table) -> str | None:
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


def told_of(error: Exception) -> str:
    """Return what a database complains of, and take everything else out of the error.

    Not even who digs for the context finds a statement's values, nor the rows that some drivers
    add to their messages: they are the tokens.
    """
    trouble: object = error.orig if isinstance(error, exc.StatementError) else error
    # The first line, because the next ones may show the row.
    line = next(iter(str(trouble).splitlines()), "")[:_CUT]
    error.args = (line,)
    if isinstance(error, exc.StatementError):
        error.params = error.orig = error.__cause__ = error.__context__ = None
    return f"{type(trouble).__name__}: {line}"


def again_if_lost(step: Callable[[], _Result]) -> _Result:
    """Take a step that may be repeated; once more if the connection was found to be lost."""
    try:
        return step()
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return step()


def _url(text: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except exc.ArgumentError:
        pass
    # The address may hold a password: neither it nor the error that shows it is passed on.
    raise ConfigurationError("the database's address cannot be read", hint=_EXAMPLE)


def _engine(url: sa.URL) -> sa.Engine:
    try:
        # Values stay out of the log of statements too, if somebody switches it on.
        # A connection to a file costs nothing to open, and one that is kept is never closed.
        pool = NullPool if url.get_backend_name() == "sqlite" else None
        return sa.create_engine(url, poolclass=pool, pool_pre_ping=True, hide_parameters=True)
    except exc.NoSuchModuleError:
        name = url.drivername
        raise ConfigurationError(f"{name!r} is no kind of database", hint=_EXAMPLE) from None
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"the database's driver {missing.name!r} is not installed",
            hint="such as psycopg for postgresql+psycopg:// and pymysql for mysql+pymysql://",
        ) from missing


def _mode(url: sa.URL) -> object:
    """Return how an SQLite database is to be opened; None if the address does not tell."""
    within = parse_qs(urlsplit(url.database or "").query).get("mode")
    return within[0] if within else url.query.get("mode")


def _file(url: sa.URL) -> str:
    """Return the path of an SQLite database.

    Raises:
        ConfigurationError: it lives in memory, where each thread may have another one.
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
    """Make an empty file for its owner alone, which to SQLite is a database without tables.

    One that is there is never opened: the system frees all locks of a process on a file when the
    process closes any descriptor of it, and SQLite relies on them.
    """
    # What cannot be made here SQLite cannot make either, and it will tell.
    with _making, contextlib.suppress(OSError):
        if not os.path.exists(file):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))


def long_text() -> sa.types.TypeEngine[str]:
    """Return the type of a text of any length: the text of MySQL ends at 64 KB."""
    return sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def describe(name: str, *columns: sa.Column[str] | sa.Column[int]) -> sa.Table:
    """Describe a table whose rows can be locked, and hold letters of every language."""
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
    """A text that SQLAlchemy shows in no log and no message, however it is set."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[str]:
        """Return a type that has room for it: the text of MySQL ends at 64 KB."""
        is_mysql = dialect.name in ("mysql", "mariadb")
        return dialect.type_descriptor(MEDIUMTEXT() if is_mysql else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Hide what is sent."""
        return None if value is None else _Hidden(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Hide what is found; `str` of it is the plain text."""
        return None if value is None else _Hidden(value)


class _Hidden(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
