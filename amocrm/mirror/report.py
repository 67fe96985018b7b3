"""What a run of the mirror tells: its progress, and what it has done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class MirrorProgress(NamedTuple):
    """How far a run has come.

    Attributes:
        family: what is being read, such as `leads`.
        done: number of its items that were read so far.
        total: an estimate of all of them; None if there is none.
        left: estimated seconds until they are read; None if there is no estimate.
    """

    family: str
    done: int
    total: int | None = None
    left: float | None = None


ReportProgress: TypeAlias = Callable[[MirrorProgress], object]
"""The type of `progress=`. Its exceptions end the run."""


@dataclass
class MirrorReport:
    """What a run has done.

    Attributes:
        account_id: of the account.
        read: numbers of items that were read, by listing.
        written: numbers of new and changed rows, by table.
        deleted: number of rows that are marked as deleted now.
        restored: number of rows that are not any more.
        first_copies: listings that were copied for the first time, to their end.
        skipped: listings that could not be read, each with the reason.
        seconds: that it took.
    """

    account_id: int
    read: dict[str, int] = field(default_factory=dict[str, int])
    written: dict[str, int] = field(default_factory=dict[str, int])
    deleted: int = 0
    restored: int = 0
    first_copies: list[str] = field(default_factory=list[str])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether everything that was asked for could be read."""
        return not self.skipped

    def add_read(self, name: str, count: int) -> None:
        """Count items that were read."""
        self.read[name] = self.read.get(name, 0) + count

    def add_written(self, rows: Mapping[str, int]) -> None:
        """Count rows that were written."""
        for name, count in rows.items():
            self.written[name] = self.written.get(name, 0) + count
