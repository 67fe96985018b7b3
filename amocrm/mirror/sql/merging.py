"""Merges rows into tables: a newer version replaces an older one, never the other way.

It works within one transaction that no other batch of the account can enter, so it may first look
what is there and then decide. Source of the order: `updated_at`; of two reads of one version the
later one counts, because two edits in one second have the same one. So it does if the version that
is there is in the future, which no read can show unless somebody has set it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final

import sqlalchemy as sa

from amocrm.http.messages import Json
from amocrm.mirror.deletions import AHEAD, Fate
from amocrm.mirror.sql.inserting import insert_rows
from amocrm.mirror.sql.schema import SQLTables
from amocrm.mirror.tables.columns import Row, Rows, Table
from amocrm.mirror.tables.definitions import TABLES

CHUNK: Final = 400
"""Keys in one statement."""

Key = tuple[Json, ...]

CHILDREN: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("leads", "contacts", "companies", "customers", "catalog_elements"),
        ("field_values", "entity_tags", "links"),
    ),
    "notes": ("calls",),
}
"""Tables of rows that are replaced together with their owner."""

FATED: Final = ("leads", "contacts", "companies", "customers", "tasks", "notes")
"""Tables whose rows are deleted when an event says so."""

CONSTANT: Final = ("events", "status_history")
"""Tables whose rows never change."""


class Merger:
    """Merges the rows of one account within a transaction.

    Attributes:
        now: Unix seconds of the server; later versions of rows prove nothing.
        restored: number of rows that were deleted, and are not any more, because they were read.
    """

    def __init__(self, connection: sa.Connection, tables: SQLTables, account_id: int) -> None:
        self.connection = connection
        self.tables = tables
        self.account_id = account_id
        self.now = math.inf
        self.restored = 0

    def merge(self, rows: Rows) -> dict[str, int]:
        """Merge the rows of a page, the owners together with their children."""
        written = {name: self._merge_table(TABLES[name], rows) for name in rows
                   if not TABLES[name].owner}  # fmt: skip
        return {name: count for name, count in written.items() if count}

    def _merge_table(self, table: Table, rows: Rows) -> int:
        read = table.keyed(rows[table.name])
        there = self._find(table, read)
        new = {
            key: row
            for key, row in read.items()
            if _replaces(table, row, there.get(key), self.now + AHEAD)
        }
        old = [key for key in new if key in there]
        target = self.tables.of[table.name]
        if table.name in FATED:
            self._add_fates(table, new)
        if (place := table.places.get("deleted_at")) is not None:
            self.restored += sum(
                there[key].get("deleted_at") is not None and new[key][place] is None for key in old
            )
        for where in self.selecting(target, table.key, old):
            self.connection.execute(sa.delete(target).where(where))
        insert_rows(self.connection, target, table, list(new.values()))
        owners = {_owner(table, key) for key in new}
        replaced = [_owner(table, key) for key in old]
        for name in CHILDREN.get(table.name, ()):
            child, within = TABLES[name], self.tables.of[name]
            for where in self.selecting(within, child.owner, replaced):
                self.connection.execute(sa.delete(within).where(where))
            owner_of = itemgetter(*(child.places[one] for one in child.owner))
            mine = [row for row in rows.get(name, ()) if owner_of(row) in owners]
            insert_rows(self.connection, within, child, mine)
        return len(new)

    def _find(self, table: Table, keys: Iterable[Key]) -> dict[Key, Mapping[str, Json]]:
        """Return what is known of rows: their versions, and whether they are deleted."""
        target = self.tables.of[table.name]
        wanted = {*table.key, *({"updated_at", "deleted_at", "raw"} & set(table.names))}
        if table.name in CONSTANT:
            wanted = {*table.key}
        elif "raw" not in wanted:
            wanted = {*table.names}
        names = sorted(wanted)
        query = sa.select(*(target.c[name] for name in names))
        found: dict[Key, Mapping[str, Json]] = {}
        for where in self.selecting(target, table.key, keys):
            for cells in self.connection.execute(query.where(where)):
                row = dict(zip(names, cells, strict=True))
                found[tuple(row[name] for name in table.key)] = row
        return found

    def _add_fates(self, table: Table, rows: dict[Key, Row]) -> None:
        """Write into rows when their entities were deleted."""
        fates = self.fates({_fate_key(table, key) for key in rows})
        if not fates:
            return
        version, place = table.places["updated_at"], table.places["deleted_at"]
        for key, row in rows.items():
            if (fate := fates.get(_fate_key(table, key))) is not None:
                deleted_at = fate.deleted_at(row[version], self.now)
                rows[key] = (*row[:place], deleted_at, *row[place + 1 :])

    def fates(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Fate]:
        """Return the known fates of entities."""
        table = self.tables.deletions
        names = ("account_id", "kind", "id")
        found: dict[tuple[str, int], Fate] = {}
        for where in self.selecting(table, names, [(self.account_id, *key) for key in keys]):
            for row in self.connection.execute(sa.select(table).where(where)).mappings():
                fate = Fate(row["at"], row["event_id"], row["is_deleted"])
                found[row["kind"], row["id"]] = fate
        return found

    def forgotten(self, persons: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return those of some persons who were forgotten, with the instants."""
        table = self.tables.forgotten
        names = ("account_id", "kind", "id")
        found: dict[tuple[str, int], int] = {}
        mine = sa.select(table.c.id).where(table.c.account_id == self.account_id).limit(1)
        if self.connection.execute(mine).first() is None:
            return found
        for where in self.selecting(table, names, [(self.account_id, *one) for one in persons]):
            for row in self.connection.execute(sa.select(table).where(where)).mappings():
                found[row["kind"], row["id"]] = row["at"]
        return found

    def selecting(
        self, target: sa.Table, names: Sequence[str], keys: Iterable[Key]
    ) -> Iterator[sa.ColumnElement[bool]]:
        """Yield conditions that together select some keys."""
        groups: dict[Key, list[Json]] = defaultdict(list)
        for key in keys:
            groups[key[:-1]].append(key[-1])
        for first, last in groups.items():
            same = [target.c[name] == value for name, value in zip(names, first, strict=False)]
            for begin in range(0, len(last), CHUNK):
                yield sa.and_(*same, target.c[names[-1]].in_(last[begin : begin + CHUNK]))


def _owner(table: Table, key: Key) -> Key:
    """Return the name by which children know a row."""
    return key if table.name == "notes" else (key[0], table.name, key[1])


def _fate_key(table: Table, key: Key) -> tuple[str, int]:
    """Return the name by which events know a row."""
    if table.name == "notes":
        return f"{key[1]}/notes", key[2]
    return table.name, key[1]


def _replaces(table: Table, row: Row, there: Mapping[str, Json] | None, latest: float) -> bool:
    """Whether a row that was read is to be written in place of the one that is there.

    Args:
        table: of both.
        row: as it was read.
        there: what is known of the one that is there.
        latest: Unix seconds after which a version is not believed.
    """
    if there is None:
        return True
    if table.name in CONSTANT:
        return False  # They never change.
    if table.is_versioned:
        old, new = there["updated_at"] or 0, row[table.places["updated_at"]] or 0
        if new != old and old <= latest:
            return bool(new > old)
    is_listed = table.name not in FATED and "deleted_at" in there
    # What a listing has is there, whatever an earlier listing had.
    if is_listed and there["deleted_at"] != row[table.places["deleted_at"]]:
        return True
    if "raw" in there:
        return bool(there["raw"] != row[table.places["raw"]])
    return any(there[name] != row[place] for name, place in table.places.items())
