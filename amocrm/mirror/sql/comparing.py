"""Finds where the rows of a mirror differ from rows that were made of the account just now."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final

import sqlalchemy as sa

from amocrm.http.messages import Json
from amocrm.mirror.differences import RowDifference
from amocrm.mirror.families import MirroredListing
from amocrm.mirror.sql.forgotten import Person, without_names
from amocrm.mirror.sql.merging import CHILDREN, CHUNK
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.tables.columns import Row, Rows, Table
from amocrm.mirror.tables.definitions import TABLES

Keyed = dict[tuple[Json, ...], Row]

_IGNORED: Final = ("raw", "deleted_at")
_PARTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    **{
        name: {child: TABLES[child].owner for child in children}
        for name, children in CHILDREN.items()
    },
    "fields": {"enums": ("account_id", "field_id")},
    "pipelines": {"statuses": ("account_id", "pipeline_id")},
}
"""By table, the tables of what its rows have in the API, with the columns that name the row."""


def find_differences(
    sink: Sink,
    account_id: int,
    source: MirroredListing,
    rows: Rows,
    forgotten: Mapping[Person, int],
    reach: tuple[int, int | None] | None = None,
) -> Iterator[tuple[int, RowDifference]]:
    """Yield the differences of a page of a listing, each with the id of its item.

    Args:
        sink: the database of the mirror.
        account_id: of the account.
        source: the listing.
        rows: of the page.
        forgotten: persons; what leads to them is not compared.
        reach: the first and the last id of which the page has all items; None if it has only some.
    """
    table, target = TABLES[source.kind], sink.tables.of[source.kind]
    name = table.key[-1]
    among = [target.c[column] == value for column, value in source.among.items()]
    if reach is None:
        among.append(target.c[name].in_([row[table.places[name]] for row in rows[table.name]]))
    else:
        least, most = reach
        among += [target.c[name] >= least, *([] if most is None else [target.c[name] <= most])]
    here = _keyed(table, _select(sink, account_id, table, among), forgotten)
    there = _keyed(table, rows[table.name], forgotten)
    yield from _compare(table, name, here, there)
    kept = {row[table.places[name]] for key, row in there.items() if key in here}
    dead = _deleted_fields(sink, account_id) if "field_values" in rows else frozenset[int]()
    for part, owner in _PARTS.get(table.name, {}).items():
        child, owned, (*first, last) = TABLES[part], sink.tables.of[part], owner
        known = {"account_id": account_id, "entity_type": source.of or source.kind}
        mine = [*(owned.c[one] == known[one] for one in first), owned.c[last].in_(kept)]
        place, field = child.places[last], child.places.get("field_id")
        ours = _select(sink, account_id, child, mine)
        if part == "field_values" and field is not None:
            ours = [row for row in ours if row[field] not in dead]
        theirs = [row for row in rows[part] if row[place] in kept]
        yield from _compare(
            child, last, _keyed(child, ours, forgotten), _keyed(child, theirs, forgotten)
        )


def _compare(
    table: Table, item: str, here: Keyed, there: Keyed
) -> Iterator[tuple[int, RowDifference]]:
    at = table.places[item]
    for key in here.keys() | there.keys():
        ours, theirs = here.get(key), there.get(key)
        if ours is None or theirs is None:
            number = (ours or theirs or ())[at]
            yield (
                number,
                RowDifference(table.name, key[1:], None, ours is not None, theirs is not None),
            )
            continue
        for name, place in table.places.items():
            if name not in _IGNORED and ours[place] != theirs[place]:
                yield ours[at], RowDifference(table.name, key[1:], name, ours[place], theirs[place])


def keys_of(table: Table, rows: Iterable[Row]) -> set[tuple[Json, ...]]:
    """Return the keys of the rows that are not deleted."""
    return set(_keyed(table, rows, ()))


def _keyed(table: Table, rows: Iterable[Row], forgotten: Container[Person]) -> Keyed:
    deleted = table.places.get("deleted_at")
    return table.keyed(
        row
        for row in without_names(table.name, rows, forgotten)
        if deleted is None or row[deleted] is None
    )


def _select(
    sink: Sink, account_id: int, table: Table, among: Iterable[sa.ColumnElement[bool]]
) -> list[Row]:
    target = sink.tables.of[table.name]
    columns = [target.c[name] if name != "raw" else sa.null() for name in table.names]
    query = sa.select(*columns).where(target.c.account_id == account_id, *among)
    return sink.database.run(
        f"read {table.name}",
        lambda connection: [tuple(row) for row in connection.execute(query)],
        is_read=True,
    )


def _deleted_fields(sink: Sink, account_id: int) -> frozenset[int]:
    """Return the fields that are deleted: amoCRM has dropped their values, the mirror has not."""
    fields = sink.tables.of["fields"].c
    query = sa.select(fields.id).where(
        fields.account_id == account_id, fields.deleted_at.is_not(None)
    )
    return sink.database.run(
        "read fields", lambda one: frozenset(one.execute(query).scalars()), is_read=True
    )


def count_until(sink: Sink, account_id: int, table: str, column: str, until: int) -> int:
    """Return the number of rows of a table up to an instant."""
    target = sink.tables.of[table]
    query = sa.select(sa.func.count()).where(
        target.c.account_id == account_id, target.c[column] <= until
    )
    return sink.database.run(
        f"count {table}", lambda one: int(one.execute(query).scalar() or 0), is_read=True
    )


def find_alive(
    sink: Sink, account_id: int, source: MirroredListing, ids: Iterable[int]
) -> set[int]:
    """Return those of some items of a listing that the mirror has, and not as deleted."""
    wanted = sorted(ids)
    return {
        key[-1]
        for begin in range(0, len(wanted), CHUNK)
        for key in sink.alive(
            account_id, source.kind, **source.among, id=wanted[begin : begin + CHUNK]
        )
    }


def read_forgotten(sink: Sink, account_id: int) -> dict[Person, int]:
    """Return the forgotten persons of an account, with the instants."""
    table = sink.tables.forgotten
    query = sa.select(table.c.kind, table.c.id, table.c.at).where(table.c.account_id == account_id)
    return sink.database.run(
        "read the forgotten",
        lambda one: {(kind, number): at for kind, number, at in one.execute(query)},
        is_read=True,
    )
