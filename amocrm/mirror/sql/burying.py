"""Marks rows of deleted entities, and takes the mark off restored ones. No row is removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa

from amocrm.mirror.batch import Gone
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.sql.merging import CHUNK, Merger
from amocrm.mirror.tables.definitions import TABLES


class Burying:
    """Works within the transaction of a merger."""

    def __init__(self, merger: Merger) -> None:
        self._merger = merger
        self._connection = merger.connection
        self._tables = merger.tables
        self._account_id = merger.account_id

    def bury(self, fates: Mapping[EntityKey, Fate]) -> tuple[int, int]:
        """Take note of what events tell of entities.

        Returns:
            How many entities are deleted now, and how many are not any more.
        """
        known = self._merger.fates(fates)
        new = {key: fate for key, fate in fates.items() if key not in known or fate > known[key]}
        if not new:
            return 0, 0
        table = self._tables.deletions
        of_kind: dict[str, list[int]] = defaultdict(list)
        for key in new:
            of_kind[key.kind].append(key.id)
        for kind, numbers in of_kind.items():
            for begin in range(0, len(numbers), CHUNK):
                some = numbers[begin : begin + CHUNK]
                where = (table.c.account_id == self._account_id) & (table.c.kind == kind)
                self._connection.execute(sa.delete(table).where(where, table.c.id.in_(some)))
        self._connection.execute(
            sa.insert(table),
            [
                {"account_id": self._account_id, **key._asdict(), **fate._asdict()}
                for key, fate in new.items()
            ],
        )
        changes = [
            self._mark(kind, {n: new[EntityKey(kind, n)] for n in ns})
            for kind, ns in of_kind.items()
        ]
        return sum(one[0] for one in changes), sum(one[1] for one in changes)

    def _mark(self, kind: str, fates: Mapping[int, Fate]) -> tuple[int, int]:
        """Write into the rows of a table when they were deleted."""
        of, _, notes = kind.partition("/")
        target = self._tables.of[notes or of]
        mine = target.c.account_id == self._account_id
        if notes:
            mine &= target.c.entity_type == of
        columns = (target.c.id, target.c.updated_at, target.c.deleted_at)
        deleted = restored = 0
        numbers = list(fates)
        for begin in range(0, len(numbers), CHUNK):
            some = target.c.id.in_(numbers[begin : begin + CHUNK])
            for number, updated_at, before in self._connection.execute(
                sa.select(*columns).where(mine, some)
            ).all():
                after = fates[number].deleted_at(updated_at, self._merger.now)
                if after == before:
                    continue
                deleted += before is None
                restored += after is None
                row = sa.update(target).where(mine, target.c.id == number)
                self._connection.execute(row.values(deleted_at=after))
        return deleted, restored

    def bury_gone(self, gone: Gone) -> int:
        """Mark the rows that a listing does not have any more; return how many."""
        table, target = TABLES[gone.table], self._tables.of[gone.table]
        change = sa.update(target).where(target.c.deleted_at.is_(None)).values(deleted_at=gone.at)
        changed = 0
        for where in self._merger.selecting(target, table.key, gone.keys):
            changed += self._connection.execute(change.where(where)).rowcount
        return changed
