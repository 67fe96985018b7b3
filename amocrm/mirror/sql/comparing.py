"""Finds where the rows of a mirror differ from rows that were made of the account just now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from amocrm.http.messages import Json
from amocrm.mirror.families import Source
from amocrm.mirror.sql.merging import CHILDREN
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.tables.columns import Row, Rows, Table
from amocrm.mirror.tables.definitions import TABLES

Found = tuple[str, tuple[Json, ...], "str | None", Json, Json]
"""Table, key, column, the value in the mirror, the value in the account."""

Keyed = dict[tuple[Json, ...], Row]

_IGNORED: Final = ("raw", "deleted_at")


def find_differences(
    sink: Sink,
    account_id: int,
    source: Source,
    rows: Rows,
    reach: tuple[int, int | None] | None,
) -> Iterator[Found]:
    """Yield the differences of a page of a listing.

    Args:
        sink: the database of the mirror.
        account_id: of the account.
        source: the listing.
        rows: of the page.
        reach: the first and the last id of which the page has all items; None if it has only some.
    """
    table = TABLES[source.kind]
    place = table.places["id"]
    ids = [row[place] for row in rows[table.name]]
    target = sink.tables.of[table.name]
    where = [target.c.account_id == account_id, target.c.deleted_at.is_(None)]
    if source.of:
        where.append(target.c.entity_type == source.of)
    within: sa.ColumnElement[bool] = target.c.id.in_(ids)
    if reach is not None:
        least, most = reach
        within = (target.c.id >= least) & (sa.true() if most is None else target.c.id <= most)
    here = _keyed(table, _select(sink, target, table, sa.and_(*where, within)))
    there = _keyed(table, rows[table.name])
    yield from _compare(table, here, there)
    kept = {row[place] for key, row in there.items() if key in here}
    dead = _deleted_fields(sink, account_id)
    for name in CHILDREN.get(table.name, ()):
        child, owned = TABLES[name], sink.tables.of[name]
        *first, last = child.owner
        owner = {"account_id": account_id, "entity_type": source.of or source.kind}
        mine = sa.and_(*(owned.c[one] == owner[one] for one in first), owned.c[last].in_(kept))
        at = child.places[last]
        theirs = [row for row in rows[name] if row[at] in kept]
        ours = _select(sink, owned, child, mine)
        if name == "field_values":
            field = child.places["field_id"]
            ours = [row for row in ours if row[field] not in dead]
        yield from _compare(child, _keyed(child, ours), _keyed(child, theirs))


def _compare(table: Table, here: Keyed, there: Keyed) -> Iterator[Found]:
    for key in here.keys() | there.keys():
        ours, theirs = here.get(key), there.get(key)
        if ours is None or theirs is None:
            yield table.name, key[1:], None, ours is not None, theirs is not None
            continue
        for name, place in table.places.items():
            if name not in _IGNORED and ours[place] != theirs[place]:
                yield table.name, key[1:], name, ours[place], theirs[place]


def _keyed(table: Table, rows: Sequence[Row]) -> Keyed:
    places = [table.places[name] for name in table.key]
    return {tuple(row[place] for place in places): row for row in rows}


def _select(sink: Sink, target: sa.Table, table: Table, where: sa.ColumnElement[bool]) -> list[Row]:
    columns = [target.c[name] if name != "raw" else sa.null() for name in table.names]
    query = sa.select(*columns).where(where)
    return sink.database.run(
        f"read {table.name}",
        lambda connection: [tuple(row) for row in connection.execute(query)],
        is_read=True,
    )


def _deleted_fields(sink: Sink, account_id: int) -> set[int]:
    """Return the fields that are deleted: amoCRM has dropped their values, the mirror has not."""
    fields = sink.tables.of["fields"].c
    query = sa.select(fields.id).where(
        fields.account_id == account_id, fields.deleted_at.is_not(None)
    )
    return sink.database.run(
        "read fields", lambda one: set(one.execute(query).scalars()), is_read=True
    )


def count_events(sink: Sink, account_id: int, until: int) -> int:
    """Return the number of events up to an instant."""
    events = sink.tables.of["events"]
    query = sa.select(sa.func.count()).where(
        events.c.account_id == account_id, events.c.created_at <= until
    )
    return sink.database.run(
        "count events", lambda one: int(one.execute(query).scalar() or 0), is_read=True
    )
