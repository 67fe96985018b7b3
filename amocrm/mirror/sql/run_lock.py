"""One run at a time mirrors an account: others would only repeat its work.

A row stays locked in a transaction of a connection of its own, which the database ends when the
process dies. SQLite has no row locks, but also no second host: a lock file replaces them.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy import exc

from amocrm._support.clock import SystemClock
from amocrm._support.file_lock import FileLock
from amocrm.errors import MirrorError
from amocrm.stores.database import Database, again_if_lost, describe_error, unlock

PATIENCE: Final = 2.0
"""Seconds to wait for another run: a server may need a moment to notice that it has died."""
POLL: Final = 0.05
"""Seconds between two attempts."""

_clock: Final = SystemClock()


@contextmanager
def locked(
    engine: sa.Engine | str, row: sa.Select[tuple[str]], account_id: int
) -> Generator[None, None, None]:
    """Hold the lock of an account's mirror.

    Args:
        engine: of the database, or its URL.
        row: selects the row to lock.
        account_id: of the account.

    Raises:
        MirrorError: another run holds it, or the database cannot be reached.
    """
    database = Database(engine, raises=MirrorError)
    try:
        if database.file is None:
            with _locked_row(database, row, account_id):
                yield
        else:
            with _locked_file(f"{database.file}.mirror-{account_id}.lock", account_id):
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


@contextmanager
def _locked_row(
    database: Database, row: sa.Select[tuple[str]], account_id: int
) -> Generator[None, None, None]:
    deadline = _clock.monotonic() + PATIENCE
    try:
        while (connection := again_if_lost(lambda: database.lock(row))) is None:
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
