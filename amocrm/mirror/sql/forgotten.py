"""Leaves out rows that were changed last before their persons were forgotten, and selects them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

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


def without_names(name: str, rows: Iterable[Row], forgotten: Container[Person]) -> list[Row]:
    """Return the rows of a table without what leads to forgotten persons: links, main contacts."""
    places = TABLES[name].places
    if name == "links":
        kind, number = places["to_entity_type"], places["to_entity_id"]
        return [row for row in rows if (row[kind], row[number]) not in forgotten]
    if name == "leads":
        main = places["main_contact_id"]
        return [
            (*row[:main], None, *row[main + 1 :]) if ("contacts", row[main]) in forgotten else row
            for row in rows
        ]
    return list(rows)


class _Selection(NamedTuple):
    """A filter of what belongs to persons: their kind, what takes their ids, what else it has."""

    persons: str
    by: str
    more: Mapping[str, Json] = {}
    most: int = 100


_SELECTIONS: Final[Mapping[str, tuple[_Selection, ...]]] = {
    "contacts": (_Selection("contacts", "id"),),
    "tasks": (_Selection("contacts", "entity_id", {"entity_type": "contacts"}),),
    "events": (_Selection("contacts", "entity_id", {"entity": "contact"}, 10),),
    "notes/contacts": (
        _Selection("contacts", "entity_id"), _Selection("contacts/notes", "id"),
    ),
    **{
        f"notes/{one}": (_Selection(f"{one}/notes", "id"),)
        for one in ("leads", "companies", "customers")
    },
}  # fmt: skip
"""By listing."""


def filters_of(listing: str, forgotten: Iterable[Person]) -> Iterator[Mapping[str, Json]]:
    """Yield filters that together select what a listing may have of forgotten persons."""
    of_kind: dict[str, list[int]] = defaultdict(list)
    for kind, number in forgotten:
        of_kind[kind].append(number)
    for one in _SELECTIONS.get(listing, ()):
        ids = sorted(of_kind[one.persons])
        for begin in range(0, len(ids), one.most):
            yield {**one.more, one.by: ids[begin : begin + one.most]}


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
