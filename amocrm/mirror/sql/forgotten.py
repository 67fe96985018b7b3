"""Leaves out rows of persons who were forgotten after the rows were changed last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.tables.columns import Row, Rows
from amocrm.mirror.tables.definitions import TABLES

Person = tuple[str, int]
"""What was forgotten: `contacts`, or `leads/notes` of a call, and its id."""

_AT: Final = {"contacts": "updated_at", "notes": "updated_at", "tasks": "updated_at",
              "events": "created_at"}  # fmt: skip
"""Tables of what belongs to persons, with the instant of a row."""


def persons_of(rows: Rows) -> set[Person]:
    """Return the persons whom rows may belong to."""
    return {one for name in _AT for row in rows.get(name, ()) for one in _persons(name, row)}


def without_forgotten(rows: Rows, forgotten: Mapping[Person, int]) -> Rows:
    """Return rows without those of forgotten persons, and without their children.

    Args:
        rows: of a page.
        forgotten: the instant at which each was forgotten.
    """
    if not forgotten:
        return rows
    kept = dict(rows)
    gone: set[int] = set()
    for name, at in _AT.items():
        if name in rows:
            place = TABLES[name].places[at]
            kept[name] = [
                row
                for row in rows[name]
                if not any(
                    (row[place] or 0) <= forgotten.get(one, -1) for one in _persons(name, row)
                )
            ]
            left = {id(row) for row in kept[name]}
            gone |= {row[TABLES[name].places["id"]] for row in rows[name] if id(row) not in left}
    for name, column in (("calls", "note_id"), *((one, "entity_id") for one in _CHILDREN)):
        if gone and name in kept:
            place = TABLES[name].places[column]
            kept[name] = [row for row in kept[name] if row[place] not in gone]
    return kept


_CHILDREN: Final = ("field_values", "entity_tags", "links")


def _persons(name: str, row: Row) -> Iterator[Person]:
    places = TABLES[name].places
    number: Json = row[places["id"]]
    if name == "contacts":
        yield "contacts", number
        return
    if name == "notes":
        yield f"{row[places['entity_type']]}/notes", number
    if row[places["entity_type"]] in ("contacts", "contact") and row[places["entity_id"]]:
        yield "contacts", row[places["entity_id"]]
