"""A journal in a table, for imports that may resume on another host: SQLite, PostgreSQL, MySQL.

Each record is a row with the next number, in a separate transaction. The number is part of the
primary key, so a second writer fails before it sends anything. Usually it cannot even open the
journal: the first row, number 0, is locked by a transaction on a separate connection, which the
database ends when the process dies. SQLite has no row locks, but also no second host: a lock file
beside the database replaces them.

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
    describe_error,
    exc,
    long_text,
    sa,
    unlock,
)

PATIENCE: Final = 2.0
"""Seconds to wait for a lock: a server may need a moment to notice that a process has died."""
POLL: Final = 0.05
"""Seconds between two attempts."""

_clock: Final = SystemClock()


class SQLJournal:
    """The journal of one import in a table.

    Args:
        engine: an engine of SQLAlchemy, or its URL; nothing is opened yet.
        name: of the import; a table can contain many. Rows remain until you delete them.
        table: name of the table; `create_table` creates it.
        patience: seconds to wait for another process that has it open.

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
            raise ConfigurationError("the name of a journal must be a string that is not empty")
        self._database = Database(engine)
        self._table = _table(table)
        self._name = name
        self._patience = patience
        # A digest has one length and no upper case, whatever the name holds.
        self._id = hashlib.sha256(name.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{self._name!r} in {self._table.name} of {self._database!r}"

    def create_table(self) -> None:
        """Create the table if it does not exist; several processes may do so at the same time."""
        with self._errors("create the table"):
            self._database.make(self._table)

    def open(self) -> _SQLLog:
        """Open it; see `JournalStorage.open`."""
        with self._errors("open"), ExitStack() as stack:
            if self._database.file is None:
                self._make_first()
                self._lock_row(stack)
            else:
                path = f"{self._database.file}.{self._id[:16]}.lock"
                stack.enter_context(locked(path, self._patience, self))
            return _SQLLog(self, self._rows(), stack.pop_all())

    def add(self, number: int, writer: str, record: str) -> None:
        """Add a row; only for the open journal.

        Raises:
            JournalError: the row may be missing.
        """
        row = {"id": self._id, "number": number, "name": self._name}
        insert = sa.insert(self._table).values(**row, writer=writer, record=record)

        def step() -> None:
            try:
                self._database.do(insert)
            except exc.IntegrityError:
                # It is this writer's row if the first attempt succeeded and its reply was lost.
                if self._writer_of(number) != writer:
                    raise in_use(self) from None

        with self._errors("write to"):
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
        """Create the row that is locked, if it does not exist."""
        if self._writer_of(0) is None:
            with contextlib.suppress(JournalError):  # Another process has created it.
                self.add(0, "", "")

    def _lock_row(self, stack: ExitStack) -> None:
        """Lock the first row until the stack is closed."""
        columns = self._table.c
        first = sa.select(columns.number).where(columns.id == self._id, columns.number == 0)
        deadline = _clock.monotonic() + self._patience
        while (connection := again_if_lost(lambda: self._database.lock(first))) is None:
            if _clock.monotonic() >= deadline:
                raise in_use(self)
            _clock.sleep(POLL)
        stack.callback(unlock, connection, os.getpid())

    @contextmanager
    def _errors(self, what: str) -> Generator[None, None, None]:
        """Raise a JournalError of one line for errors of the database."""
        try:
            yield
        except TokenStoreError as error:  # of the file of an SQLite database
            raise JournalError(
                f"could not {what} the journal {self!r}: {error.args[0]}", hint=error.hint
            ) from None
        except (exc.SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error) as error:
            raise JournalError(
                f"could not {what} the journal {self!r}: {describe_error(error)}", hint=self._hint()
            ) from None

    def _hint(self) -> str | None:
        with contextlib.suppress(exc.SQLAlchemyError):
            if not sa.inspect(self._database.engine).has_table(self._table.name):
                return f"there is no table {self._table.name!r}: call create_table() once"
        return None


class _SQLLog:
    """The open journal; see `OpenJournal`."""

    def __init__(self, journal: SQLJournal, records: list[str], stack: ExitStack) -> None:
        self._journal = journal
        self._records = records
        self._number = len(records)
        self._writer = os.urandom(8).hex()
        self._stack = stack

    def read(self) -> list[str]:
        return self._records

    def append(self, record: str) -> None:
        self._journal.add(self._number + 1, self._writer, record)
        self._number += 1

    def close(self) -> None:
        self._stack.close()


def _table(name: str) -> sa.Table:
    return describe(
        name,
        sa.Column("id", sa.CHAR(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", long_text(), nullable=False),  # For people.
        sa.Column("writer", sa.String(16), nullable=False),
        sa.Column("record", HiddenText, nullable=False),
    )
