"""The engine of SQLAlchemy, as a store needs it: what it does is done once and told in one line.

Messages name the database's own complaint and never a statement's values: they are the tokens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.forks import after_fork

_Result = TypeVar("_Result")
Change = sa.Insert | sa.Update | sa.Delete
Found = Sequence[tuple[str, ...]]

_EXAMPLE: Final = "write it like postgresql+psycopg://user:password@host/database"
_CUT: Final = 200
"""Characters of a database's complaint that a message shows."""


class Database:
    """Statements, each in a transaction of its own.

    Args:
        engine: an engine, or the address to make one of; no connection is opened yet.

    Attributes:
        engine: the one that was given, or made.
        file: path of an SQLite database; None for a server.
    """

    def __init__(self, engine: sa.Engine | str) -> None:
        url = _url(engine) if isinstance(engine, str) else engine.url
        self.file: Final = _file(url) if url.get_backend_name() == "sqlite" else None
        self.engine: Final = _engine(url) if isinstance(engine, str) else engine
        after_fork(self)

    def __repr__(self) -> str:
        url = self.engine.url
        return " ".join(part for part in (url.get_backend_name(), url.host, url.database) if part)

    def renew_after_fork(self) -> None:
        """Leave the connections to the parent; the child opens its own."""
        self.engine.dispose(close=False)

    def connect(self) -> sa.Connection:
        """Open a connection whose updates see what others have just saved."""
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

    @contextmanager
    def told(self, what: str, table: sa.Table) -> Generator[None, None, None]:
        """Turn what goes wrong into a TokenStoreError that shows no statement's values."""
        try:
            yield
        except (exc.SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            trouble: object = error
            if isinstance(error, exc.StatementError):
                # Not even to those who dig for the context: the values are the tokens.
                error.params, trouble = None, error.orig
            # The first line, because the next ones may show the row.
            line = next(iter(str(trouble).splitlines()), "")[:_CUT]
            raise TokenStoreError(
                f"{self!r} could not {what} the token: {type(trouble).__name__}: {line}",
                hint=self._hint(error, table),
            ) from None

    def _hint(self, error: Exception, table: sa.Table) -> str | None:
        lost = not isinstance(error, exc.DBAPIError) or error.connection_invalidated
        try:
            if lost or sa.inspect(self.engine).has_table(table.name):
                return None
        except exc.SQLAlchemyError:
            return None
        return f"there is no table {table.name!r}: call create_table() once"


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


def _file(url: sa.URL) -> str:
    """Return the path of an SQLite database.

    Raises:
        ConfigurationError: it lives in memory, where each thread may have another one.
    """
    name = url.database or ""
    path = urlsplit(name).path if name.startswith("file:") else name
    in_memory = path in ("", ":memory:") or "mode=memory" in name
    if in_memory or url.query.get("mode") == "memory":
        raise ConfigurationError(
            "a database in memory outlives no process", hint="use MemoryStore()"
        )
    return os.path.abspath(path)
