"""How a mirror differs from its account, and what the time since its last run explains of that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from amocrm.http.messages import Json


class RowDifference(NamedTuple):
    """A row in which mirror and account differ.

    Attributes:
        table: its name.
        key: the primary key, but for the account.
        column: that differs; None if one of them does not have the row.
        mirror: the value there; True or False, whether the row is there, without a column.
        account: the same of the account.
    """

    table: str
    key: tuple[Json, ...]
    column: str | None
    mirror: Json
    account: Json

    def is_lacking(self, table: str) -> bool:
        """Whether it is that the mirror has no row of an item in a table."""
        return self.table == table and self.column is None and bool(self.account)


@dataclass
class Verification:
    """How a mirror differs from its account.

    Attributes:
        counts: by listing, the numbers of items in the mirror and in the account, without those
            of forgotten persons.
        compared: how many items were compared row by row, by listing.
        newer: how many items have changed since the last run began, and were not compared.
        moving: by listing, how many items have come since then that the mirror does not have yet,
            and how many that it still has have gone; only where something did differ.
        differences: of the compared rows.
        skipped: listings that could not be read, each with the reason.
    """

    counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    compared: dict[str, int] = field(default_factory=dict[str, int])
    newer: int = 0
    moving: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    differences: list[RowDifference] = field(default_factory=list[RowDifference])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and not self.miscounted

    @property
    def miscounted(self) -> dict[str, tuple[int, int]]:
        """Those of `counts` that differ by more than the items of `moving`."""
        return {
            name: (here, there)
            for name, (here, there) in self.counts.items()
            if not _is_between(there - here, *self.moving.get(name, (0, 0)))
        }


def _is_between(more: int, came: int, went: int) -> bool:
    return -went <= more <= came


class ListingChanges(NamedTuple):
    """What happened to the items of a listing since the last run began, and a little before.

    Attributes:
        edited: ids of items that may differ.
        came: of items that the mirror need not have.
        went: of items that the mirror may still have.
    """

    edited: Collection[int] = ()
    came: Collection[int] = ()
    went: Collection[int] = ()

    def explain(self, kind: str, item: int, difference: RowDifference) -> bool:
        """Whether they are the cause of a difference.

        An edit explains neither that the mirror lacks an old item, nor that it has one too much.

        Args:
            kind: the name of the listing's table.
            item: the id of the item that the row belongs to.
            difference: of the row.
        """
        if difference.column is not None or difference.table != kind:
            return item in self.edited
        return item in (self.came if difference.account else self.went)
