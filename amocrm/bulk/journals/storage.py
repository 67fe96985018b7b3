"""Where the journal of an import is kept: a file, a table, or a place of one's own."""

from __future__ import annotations

from typing import Protocol

__all__ = ["JournalStorage", "OpenJournal"]


class OpenJournal(Protocol):
    """Records that were opened to be read and to be added to. Used by one thread at a time."""

    def read(self) -> list[str]:
        """Return the records that are there, in their order."""
        ...

    def append(self, record: str) -> None:
        """Add a record, one line of text. It outlives any end of the process when this returns.

        Raises:
            JournalError: it is not surely there; no more may be added.
        """
        ...

    def close(self) -> None:
        """Let others open it."""
        ...


class JournalStorage(Protocol):
    """A place for the records of one import. Its `repr` names it in messages."""

    def open(self) -> OpenJournal:
        """Open it; nobody else can meanwhile, and whoever is killed holds it no more.

        Raises:
            JournalError: somebody else has opened it, or it cannot be reached.
        """
        ...
