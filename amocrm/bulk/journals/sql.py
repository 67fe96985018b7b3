"""A journal in a table, for imports that may go on on another host: SQLite, PostgreSQL, MySQL.

Each record is a row with the next number, in a transaction of its own. The number is part of the
primary key, so two that write at once are found out before the second one sends anything. That they
do not even begin is seen to by the first row, number 0, which whoever has opened the journal keeps
locked by a transaction on a connection of its own: the database frees it when its holder dies.
SQLite has no locks of rows, but also no second host: there a lock file beside the database serves.

Needs the extra `sql` and the driver of the database; see `amocrm.stores.sql` for the versions.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from amocrm._support.clock import SystemClock
from amocrm.bulk.journals.file import in_use, locked
from amocrm.errors import ConfigurationError, JournalError, TokenStoreError
from amocrm.stores.database import (
    Database,
    HiddenText,
    again_if_lost,
    describe,
    exc,
    long_text,
    sa,
    told_of,
    unlock,
)

PATIENCE: Final = 2.0
"""Seconds that a lock is waited for: a server may take a moment to see that its holder is dead."""
POLL: Final = 0.05
"""Seconds between two looks at it."""

_clock: Final = SystemClock()


class SQLJournal:
    """A place in a table for one import.

    Args:
        engine: an engine of SQLAlchemy, or the address to make one of; nothing is opened yet.
        name: of the import; one table holds many. Rows stay until you delete them.
        table: name of the table; `create_table` makes it.
        patience: seconds to wait for somebody else who has it open.

    Raises:
        ConfigurationError: an argument is wrong, or the database lives in memory.
    """

    def __init__(
        self,
        engine: sa.Engine | str,
        name: str,
        table: str = "amocrm_journals",
        *,
        patience: float = PATIENCE,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError("the name of a journal must be a text")
        self._database = Database(engine)
        self._table = _table(table)
        self._name = name
        self._patience = patience
        # A digest has one length and no upper case, whatever the name holds.
        self._id = hashlib.sha256(name.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{self._name!r} in {self._table.name} of {self._database!r}"

    def create_table(self) -> None:
        """Make the table unless it is there; several processes may do it at once."""
        with self._told("make the table"):
            self._database.make(self._table)

    def open(self) -> _SQLLog:
        """Open it; see `JournalStorage.open`."""
        with self._told("open"), ExitStack() as held:
            if self._database.file is None:
                self._make_first()
                self._lock_row(held)
            else:
                path = f"{self._database.file}.{self._id[:16]}.lock"
                held.enter_context(locked(path, self._patience, self))
            return _SQLLog(self, self._rows(), held.pop_all())

    def add(self, number: int, writer: str, record: str) -> None:
        """Add a row; of no use but to an open log.

        Raises:
            JournalError: it is not surely there.
        """
        row = {"id": self._id, "number": number, "name": self._name}
        insert = sa.insert(self._table).values(**row, writer=writer, record=record)

        def step() -> None:
            try:
                self._database.do(insert)
            except exc.IntegrityError:
                # Ours, when the answer to it was lost with the connection.
                if self._writer_of(number) != writer:
                    raise in_use(self) from None

        with self._told("write to"):
            again_if_lost(step)

    def _rows(self) -> list[str]:
        columns = self._table.c
        query = sa.select(columns.record).where(columns.id == self._id, columns.number > 0)
        return [str(row[0]) for row in self._database.all(query.order_by(columns.number))]

    def _writer_of(self, number: int) -> str | None:
        columns = self._table.c
        query = sa.select(columns.writer).where(columns.id == self._id, columns.number == number)
        return next((str(row[0]) for row in self._database.all(query)), None)

    def _make_first(self) -> None:
        """Make the row that is locked, unless it is there."""
        if self._writer_of(0) is None:
            with contextlib.suppress(JournalError):  # Somebody else was quicker.
                self.add(0, "", "")

    def _lock_row(self, held: ExitStack) -> None:
        """Keep the first row locked as long as something is held."""
        columns = self._table.c
        first = sa.select(columns.number).where(columns.id == self._id, columns.number == 0)
        deadline = _clock.monotonic() + self._patience
        while (connection := again_if_lost(lambda: self._database.lock(first))) is None:
            if _clock.monotonic() >= deadline:
                raise in_use(self)
            _clock.sleep(POLL)
        held.callback(unlock, connection, os.getpid())

    @contextmanager
    def _told(self, what: str) -> Generator[None, None, None]:
        """Turn what goes wrong into a JournalError of one line."""
        try:
            yield
        except TokenStoreError as error:  # of the file of an SQLite database
            raise JournalError(
                f"could not {what} the journal {self!r}: {error.args[0]}", hint=error.hint
            ) from None
        except (exc.SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error) as error:
            raise JournalError(
                f"could not {what} the journal {self!r}: {told_of(error)}", hint=self._hint()
            ) from None

    def _hint(self) -> str | None:
        with contextlib.suppress(exc.SQLAlchemyError):
            if not sa.inspect(self._database.engine).has_table(self._table.name):
                return f"there is no table {self._table.name!r}: call create_table() once"
        return None


class _SQLLog:
    """The open journal; see `OpenJournal`."""

    def __init__(self, journal: SQLJournal, records: list[str], held: ExitStack) -> None:
        self._journal = journal
        self._records = records
        self._number = len(records)
        self._writer = os.urandom(8).hex()
        self._held = held

    def read(self) -> list[str]:
        return self._records

    def append(self, record: str) -> None:
        self._journal.add(self._number + 1, self._writer, record)
        self._number += 1

    def close(self) -> None:
        self._held.close()


def _table(name: str) -> sa.Table:
    return describe(
        name,
        sa.Column("id", sa.CHAR(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", long_text(), nullable=False),  # For people.
        sa.Column("writer", sa.String(16), nullable=False),
        sa.Column("record", HiddenText, nullable=False),
    )
