"""What is loaded into a warehouse together: rows, in the order in which they were read.

A warehouse merges a package at once and keeps of each key the row of the latest version. So when
an owner is read twice, the children of the first time that it has no more must be removed by their
own keys: the row that removes all of an owner removes only what is in the warehouse already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch
from amocrm.mirror.deletions import EntityKey, Fate
from amocrm.mirror.tables.columns import Row
from amocrm.mirror.tables.definitions import TABLES
from amocrm.mirror.warehouse.arrow import removing_row, to_arrow
from amocrm.mirror.warehouse.tables import ALL, CHILDREN, DELETIONS, OWNERS

_Place = tuple[Json, ...]
"""The beginning of a row's key: its owner, or its whole key."""


class Package:
    """Turns batches of an account into tables of Arrow.

    Args:
        account_id: of the account.
    """

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        # By table and owner, the keys of the children that are in the package.
        self._children: dict[str, dict[_Place, tuple[_Place, ...]]] = {
            name: {} for name in CHILDREN
        }

    def take(self, batch: Batch, version: int) -> Iterator[tuple[str, Json]]:
        """Yield the tables of a batch, by name.

        Args:
            batch: to take.
            version: larger than that of each batch before.
        """
        new: dict[str, list[Row]] = {name: list(rows) for name, rows in batch.rows.items()}
        old: dict[str, list[Row]] = {}
        for owner_table in OWNERS:
            if owners := new.get(owner_table):
                numbers = [(self._account_id, owner_table, row[1]) for row in owners]
                self._replace_children(numbers, new, old)
        for name, key in self._removed(batch):
            old.setdefault(name, []).append(removing_row(ALL[name], key))
            if name in OWNERS:
                self._replace_children([(self._account_id, name, key[1])], {}, old)
        self._note_fates(batch.fates, new, old)
        for name, rows in old.items():
            yield name, to_arrow(ALL[name], rows, version, deleted=True)
        for name, rows in new.items():
            if rows:
                # A removed row and one of the same key in its place must not have one version.
                yield name, to_arrow(ALL[name], rows, version + 1)

    def _replace_children(
        self, owners: Sequence[_Place], new: Mapping[str, list[Row]], old: dict[str, list[Row]]
    ) -> None:
        """Remove the children that owners had, in the warehouse and in this package."""
        for name in CHILDREN:
            table, before = TABLES[name], self._children[name]
            size = len(table.key)
            mine = groupby(new.get(name, ()), key=lambda row: row[:3])
            now = {owner: tuple(row[:size] for row in rows) for owner, rows in mine}
            gone = old.setdefault(name, [])
            for owner in owners:
                if owner not in now:  # Otherwise its new children replace the old ones.
                    gone.append(removing_row(table, owner))
                gone += [removing_row(table, key) for key in before.get(owner, ())]
                before[owner] = now.get(owner, ())

    def _removed(self, batch: Batch) -> Iterator[tuple[str, _Place]]:
        """Yield the tables and keys of rows that are not in the account any more."""
        for gone in batch.gone:
            for key in gone.keys:
                yield gone.table, key
        for key, fate in batch.fates.items():
            if fate.is_deleted:
                of, _, notes = key.kind.partition("/")
                if notes:
                    for name in ("notes", "calls"):
                        yield name, (self._account_id, of, key.id)
                else:
                    yield of, (self._account_id, key.id)

    def _note_fates(
        self, fates: Mapping[EntityKey, Fate], new: dict[str, list[Row]], old: dict[str, list[Row]]
    ) -> None:
        for key, fate in fates.items():
            row = (self._account_id, key.kind, key.id, fate.at)
            (new if fate.is_deleted else old).setdefault(DELETIONS.name, []).append(row)


def without_deleted(
    rows: Mapping[str, Sequence[Row]], fates: Mapping[EntityKey, Fate], now: float = math.inf
) -> dict[str, list[Row]]:
    """Return rows without those of entities that were deleted after they were read.

    Several listings are read at the same time, so a page may be written after the event that tells
    of a deletion, although it was read before.

    Args:
        rows: by table.
        fates: what events have told in this run.
        now: Unix seconds of the server.
    """
    kept = {name: list(some) for name, some in rows.items()}
    for name in (*OWNERS, "tasks", "notes"):
        if name not in kept:
            continue
        table = TABLES[name]
        number, version = table.places["id"], table.places["updated_at"]
        gone = set()
        for row in kept[name]:
            kind = f"{row[table.places['entity_type']]}/notes" if name == "notes" else name
            fate = fates.get(EntityKey(kind, row[number]))
            if fate is not None and fate.deleted_at(row[version], now) is not None:
                gone.add(row[number])
        if gone:
            kept[name] = [row for row in kept[name] if row[number] not in gone]
            for child in (*CHILDREN, "calls"):
                place = TABLES[child].places["note_id" if child == "calls" else "entity_id"]
                kept[child] = [row for row in kept.get(child, ()) if row[place] not in gone]
    return kept


def restored(fates: Mapping[EntityKey, Fate]) -> Iterable[EntityKey]:
    """Yield the entities that are not deleted any more."""
    return (key for key, fate in fates.items() if not fate.is_deleted)
