"""The protocol of journal storages: a file, a table, or one of your own."""

from __future__ import annotations

from typing import Protocol

__all__ = ["JournalStorage", "OpenJournal"]


class OpenJournal(Protocol):
    """An open journal. Used by one thread at a time."""

    def read(self) -> list[str]:
        """Return the existing records, in their order."""
        ...

    def append(self, record: str) -> None:
        """Add a record, one line of text. On return, it survives a crash and a power failure.

        Raises:
            JournalError: the record may be missing or cut; no more may be added.
        """
        ...

    def close(self) -> None:
        """Close it, so that it can be opened again."""
        ...


class JournalStorage(Protocol):
    """Storage for the records of one import. Its `repr` names it in messages."""

    def open(self) -> OpenJournal:
        """Open it for this process only, until `close` or the end of the process.

        Raises:
            JournalError: it is open elsewhere, or cannot be reached.
        """
        ...
