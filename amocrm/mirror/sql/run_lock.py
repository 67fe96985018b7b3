"""One run at a time mirrors an account: others would only repeat its work.

A row stays locked in a transaction of a connection of its own, which the database ends when the
process dies. In PostgreSQL, where that would keep VACUUM from working for as long as the run takes,
the transaction holds an advisory lock instead, and nothing else. SQLite has no row locks, but also
no second host: a lock file replaces them.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql

from amocrm._support.clock import SystemClock
from amocrm._support.file_lock import FileLock
from amocrm.errors import MirrorError
from amocrm.http.messages import Json
from amocrm.stores.database import Database, again_if_lost, describe_error, unlock

PATIENCE: Final = 2.0
"""Seconds to wait for another run: a server may need a moment to notice that it has died."""
POLL: Final = 0.05
"""Seconds between two attempts."""

_clock: Final = SystemClock()


@contextmanager
def locked(
    engine: sa.Engine | str, state: sa.Table, name: str, account_id: int
) -> Generator[None, None, None]:
    """Hold the lock of an account's mirror.

    Args:
        engine: of the database, or its URL.
        state: the table with the row to lock.
        name: of the row.
        account_id: of the account.

    Raises:
        MirrorError: another run holds it, or the database cannot be reached.
    """
    database = Database(engine, raises=MirrorError)
    try:
        if database.file is None:
            with _held(database, state, name, account_id):
                yield
        else:
            mirror = quote(state.name.removesuffix("_state"), safe="")
            with _locked_file(f"{database.file}.{mirror}-{account_id}.lock", account_id):
                yield
    finally:
        if isinstance(engine, str):
            database.engine.dispose()


@contextmanager
def _locked_file(path: str, account_id: int) -> Generator[None, None, None]:
    lock = FileLock(path).hold(PATIENCE)
    try:
        lock.__enter__()
    except TimeoutError:
        raise _in_use(account_id) from None
    except OSError as error:
        raise MirrorError(
            f"{path} cannot be locked: {error.strerror}", hint=getattr(error, "hint", None)
        ) from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _advisory_lock(database: Database, state: sa.Table, account_id: int) -> sa.Select[tuple[str]]:
    """Return a query that has a row if it has locked an account of a table, else none.

    It has no parameters: the snapshot of a query that has some lives as long as the transaction.
    """
    table = sa.func.to_regclass(sa.func.quote_ident(state.name))
    number = sa.cast(sa.cast(table, postgresql.OID), sa.Integer)
    ((table_id,),) = database.all(sa.select(number))
    lock = f"pg_try_advisory_xact_lock({table_id}, {account_id % 2**31})"
    one: sa.ColumnElement[Json] = sa.literal_column("1")
    return sa.select(one).where(sa.text(lock))


@contextmanager
def _held(
    database: Database, state: sa.Table, name: str, account_id: int
) -> Generator[None, None, None]:
    deadline = _clock.monotonic() + PATIENCE
    try:
        if database.engine.dialect.name == "postgresql":
            lock = _advisory_lock(database, state, account_id)
        else:
            mine = (state.c.account_id == account_id) & (state.c.name == name)
            lock = sa.select(state.c.name).where(mine)
        while (connection := again_if_lost(lambda: database.lock(lock))) is None:
            if _clock.monotonic() >= deadline:
                raise _in_use(account_id)
            _clock.sleep(POLL)
    except (exc.SQLAlchemyError, database.engine.dialect.loaded_dbapi.Error) as error:
        raise MirrorError(f"{database!r} cannot be locked: {describe_error(error)}") from None
    owner = os.getpid()
    try:
        yield
    finally:
        unlock(connection, owner)


def _in_use(account_id: int) -> MirrorError:
    if account_id == 0:  # what all accounts share
        return MirrorError("another run is creating the views")
    return MirrorError(f"another run is mirroring the account {account_id}")
