"""Stores tokens in a database: SQLite, PostgreSQL, MySQL, MariaDB.

A save is conditional: it changes the row only if the row has the version that was read. The lock of
a token is a row of a second table, locked by a transaction on a separate connection: the database
unlocks it when the process dies, and saves never wait for it. SQLite has no row locks, but also no
second host: a lock file beside the database replaces them.

Needs the extra `sql` and the driver of the database. PostgreSQL from 9.5, MySQL from 8.0, MariaDB
from 10.6: older versions cannot skip a locked row.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from amocrm._support.clock import SystemClock
from amocrm._support.file_lock import FileLock
from amocrm.stores.database import (
    Database,
    HiddenText,
    again,
    again_if_lost,
    describe,
    exc,
    long_text,
    sa,
    unlock,
)
from amocrm.stores.locks import ThreadLocks, held_too_long, hold_file
from amocrm.stores.store import Key

SHORTEST_POLL: Final = 0.005
LONGEST_POLL: Final = 0.05
"""Seconds between two attempts: they double up to the longest, and are randomized."""

_clock: Final = SystemClock()


class SQLStore:
    """Stores tokens in a table. Safe for threads, processes and hosts that share the database.

    Args:
        engine: an engine of yours, or a URL; no connection is opened yet.
        table: name of the table; its locks are in `<table>_locks`. `create_table` creates both.

    Raises:
        ConfigurationError: the URL or the driver is wrong, or the database is in memory.
    """

    def __init__(self, engine: sa.Engine | str, table: str = "amocrm_tokens") -> None:
        self._database = Database(engine, secret=True)
        self._tokens, self._locks = _tables(table)
        self._threads = ThreadLocks()
        self._files: dict[Key, FileLock] = {}

    def __repr__(self) -> str:
        return f"SQLStore({self._database!r}, {self._tokens.name!r})"

    def create_table(self) -> None:
        """Create missing tables; several processes may do so at the same time."""
        for table in (self._tokens, self._locks):
            with self._database.errors("create a table for", table):
                self._database.make(table)

    def load(self, key: Key) -> str | None:
        """Return the text of a key; None if there is none."""
        with self._database.errors("load", self._tokens):
            return self._row(key)[0]

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        """Replace the loaded text; return False if the database contains another one."""
        with self._database.errors("save", self._tokens):
            try:
                return self._swap(key, text, replaces)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                # The connection was lost. If this attempt succeeded, the next one changes nothing.
                again(lambda: self._swap(key, text, replaces), error)
            return self._row(key)[0] == text

    def forget(self, key: Key) -> None:
        """Remove a text; it is no error if there is none."""
        statement = sa.delete(self._tokens).where(self._tokens.c.id == key.digest)
        with self._database.errors("forget", self._tokens):
            again_if_lost(lambda: self._database.do(statement))

    def accounts(self, client_id: str) -> list[str]:
        """Return the accounts of an integration."""
        columns = self._tokens.c
        query = sa.select(columns.client_id, columns.account).where(columns.client_id == client_id)
        with self._database.errors("list", self._tokens):
            rows = self._database.all(query)
        # MySQL compares without regard to case.
        return [str(account) for owner, account in rows if owner == client_id]

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        """Lock a key for all that share the database.

        If the lock is lost with its connection, two processes may request a token, but no token is
        lost, because a save is conditional.
        """
        deadline = _clock.monotonic() + timeout
        with self._threads.hold(key, timeout), self._shared_lock(key, deadline):
            yield

    def _shared_lock(self, key: Key, deadline: float) -> AbstractContextManager[None]:
        timeout = max(0.0, deadline - _clock.monotonic())
        if self._database.file is None:
            return self._locked_row(key, timeout)
        path = f"{self._database.file}.{key.digest[:16]}.lock"
        return hold_file(self._files.setdefault(key, FileLock(path)), timeout)

    @contextmanager
    def _locked_row(self, key: Key, timeout: float) -> Generator[None, None, None]:
        owner = os.getpid()
        with self._database.errors("lock", self._locks):
            self._make_row(key)
            connection = self._wait(key, timeout)
        try:
            yield
        finally:
            unlock(connection, owner)

    def _make_row(self, key: Key) -> None:
        """Create the row of a lock, if it does not exist."""
        here = self._locks.c.id == key.digest
        if not self._database.all(sa.select(self._locks.c.id).where(here)):
            with contextlib.suppress(exc.IntegrityError):
                self._database.do(sa.insert(self._locks).values(id=key.digest))

    def _wait(self, key: Key, timeout: float) -> sa.Connection:
        """Return a connection whose transaction has locked the row of a lock."""
        row = sa.select(self._locks.c.id).where(self._locks.c.id == key.digest)
        deadline, pause = _clock.monotonic() + timeout, SHORTEST_POLL
        while True:
            connection = again_if_lost(lambda: self._database.lock(row))
            if connection is not None:
                return connection
            if _clock.monotonic() >= deadline:
                raise held_too_long(f"the token's lock in {self!r}", timeout)
            # Between two attempts the connection is in the pool: waiting occupies none.
            _clock.sleep(pause * (0.5 + random.random() / 2))
            pause = min(LONGEST_POLL, pause * 2)

    def _swap(self, key: Key, text: str, replaces: str | None) -> bool:
        there, version = self._row(key)
        if there != replaces:
            return False
        now = int(_clock.time())
        if there is not None:
            same = (self._tokens.c.id == key.digest) & (self._tokens.c.version == version)
            fresh = {"record": text, "version": version + 1, "updated_at": now}
            return self._database.do(sa.update(self._tokens).where(same).values(fresh)) == 1
        row = {"id": key.digest, **key._asdict(), "record": text, "updated_at": now}
        # The first version is random, so that a removed and recreated row differs from the one that
        # was read.
        insert = sa.insert(self._tokens).values(version=random.getrandbits(30), **row)
        try:
            self._database.do(insert)
        except exc.IntegrityError:
            return False
        return True

    def _row(self, key: Key) -> tuple[str | None, int]:
        """Return the text of a key and its version."""
        columns = self._tokens.c
        query = sa.select(columns.record, columns.version).where(columns.id == key.digest)
        for text, version in self._database.all(query):
            return str(text), int(version)
        return None, 0


def _tables(name: str) -> tuple[sa.Table, sa.Table]:
    """Describe the table of tokens and the table of their locks."""
    # A digest has a fixed length and no upper case, whatever the key contains.
    tokens = describe(
        name,
        sa.Column("id", sa.CHAR(64), primary_key=True),
        sa.Column("client_id", long_text(), nullable=False),
        sa.Column("account", long_text(), nullable=False),
        sa.Column("record", HiddenText, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),  # Unix seconds, for people.
    )
    return tokens, describe(f"{name}_locks", sa.Column("id", sa.CHAR(64), primary_key=True))
