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
from sqlalchemy.schema import CreateTable

from amocrm.errors import ConfigurationError, TokenStoreError
from amocrm.forks import after_fork

_Result = TypeVar("_Result")
Change = sa.Insert | sa.Update | sa.Delete
Found = Sequence[tuple[str, ...]]

_CUT: Final = 200
"""Characters of a database's complaint that a message shows."""


class Database:
    """Statements, each in a transaction of its own.

    Args:
        engine: an engine, or the address to make one of; no connection is opened yet.

    Attributes:
        engine: as it is used.
        file: path of an SQLite database; None for a server.
    """

    def __init__(self, engine: sa.Engine | str) -> None:
        given = _engine(engine) if isinstance(engine, str) else engine
        self.file: Final = _file(given.url) if given.dialect.name == "sqlite" else None
        # An update has to see what others have just saved, whatever the engine was set to.
        server = self.file is None
        self.engine: Final = (
            given.execution_options(isolation_level="READ COMMITTED") if server else given
        )
        after_fork(self)

    def __repr__(self) -> str:
        url = self.engine.url
        return " ".join(part for part in (url.get_backend_name(), url.host, url.database) if part)

    def renew_after_fork(self) -> None:
        """Leave the connections to the parent; the child opens its own."""
        self.engine.dispose(close=False)

    def all(self, query: sa.Executable) -> Found:
        """Return what a query finds; asked again on a new connection if the first was lost."""

        def ask() -> Found:
            with self.engine.connect() as connection:
                return [tuple(row) for row in connection.execute(query)]

        return again_if_lost(ask)

    def do(self, change: Change) -> int:
        """Change rows; return how many."""
        with self.engine.begin() as connection:
            return connection.execute(change).rowcount

    def make(self, table: sa.Table) -> None:
        """Make a table unless it is there; several processes may do it at once."""

        def create() -> None:
            with self.engine.begin() as connection:
                connection.execute(CreateTable(table, if_not_exists=True))

        try:
            create()
        except exc.DBAPIError:
            # PostgreSQL looks before it makes: two may have seen nothing. By now one has won.
            create()

    @contextmanager
    def told(self, what: str, table: sa.Table) -> Generator[None, None, None]:
        """Turn what SQLAlchemy raises into a TokenStoreError that shows no statement's values."""
        try:
            yield
            return
        except exc.SQLAlchemyError as error:
            trouble = error.orig if isinstance(error, exc.StatementError) else error
            hint = self._hint(error, table)
        # Raised out here, because the context of an error is part of what is reported of it.
        line = next(iter(str(trouble).splitlines()), "")[:_CUT]
        raise TokenStoreError(
            f"{self!r} could not {what} the token: {type(trouble).__name__}: {line}", hint=hint
        )

    def _hint(self, error: exc.SQLAlchemyError, table: sa.Table) -> str | None:
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


def _engine(url: str) -> sa.Engine:
    try:
        # Values stay out of the log of statements too, if somebody switches it on.
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"the database's driver {missing.name!r} is not installed",
            hint="such as psycopg for postgresql+psycopg:// and pymysql for mysql+pymysql://",
        ) from missing
    except exc.ArgumentError:
        pass
    # The address may hold a password: neither it nor the error that shows it is passed on.
    raise ConfigurationError(
        "the database's address cannot be read",
        hint="write it like postgresql+psycopg://user:password@host/database",
    )


def _file(url: sa.URL) -> str:
    """Return the path of an SQLite database.

    Raises:
        ConfigurationError: it lives in memory, where each thread may have another one.
    """
    name = url.database or ""
    path = urlsplit(name).path if name.startswith("file:") else name
    if path in ("", ":memory:") or "mode=memory" in f"{name}{url.query.get('mode')}":
        raise ConfigurationError(
            "a database in memory outlives no process", hint="use MemoryStore()"
        )
    return os.path.abspath(path)
