from __future__ import annotations

from typing import Any

import pytest

from amocrm.mirror.sql.forgotten import filters_of, without_names
from amocrm.mirror.tables.columns import Row
from amocrm.mirror.tables.definitions import TABLES

FORGOTTEN = {("contacts", 7): 100, ("contacts", 5): 100, ("leads/notes", 31): 100,
             ("contacts/notes", 32): 100}  # fmt: skip


@pytest.mark.parametrize(
    ("listing", "filters"),
    [
        ("contacts", [{"id": [5, 7]}]),
        ("tasks", [{"entity_type": "contacts", "entity_id": [5, 7]}]),
        ("events", [{"entity": "contact", "entity_id": [5, 7]}]),
        ("notes/leads", [{"id": [31]}]),
        ("notes/contacts", [{"entity_id": [5, 7]}, {"id": [32]}]),
        ("notes/companies", []),
        ("leads", []),
        ("status_history", []),
    ],
)
def test_what_a_listing_has_of_persons(listing: str, filters: list[Any]) -> None:
    assert list(filters_of(listing, FORGOTTEN)) == filters


@pytest.mark.parametrize(("listing", "by", "most"), [("contacts", "id", 100),
                                                     ("events", "entity_id", 10)])  # fmt: skip
def test_a_filter_has_no_more_ids_than_the_api_takes(listing: str, by: str, most: int) -> None:
    found = list(filters_of(listing, [("contacts", number) for number in range(101)]))
    assert [len(one[by]) for one in found] == [most] * (100 // most) + [1]


def row(table: str, **values: Any) -> Row:
    return tuple(values.get(name) for name in TABLES[table].names)


def test_what_leads_to_persons_is_left_out() -> None:
    links = [row("links", to_entity_type=kind, to_entity_id=number)
             for kind, number in (("contacts", 7), ("contacts", 8), ("companies", 7))]  # fmt: skip
    assert without_names("links", links, FORGOTTEN) == links[1:]
    leads = [row("leads", id=1, main_contact_id=7), row("leads", id=2, main_contact_id=8)]
    assert without_names("leads", leads, FORGOTTEN) == [row("leads", id=1), leads[1]]
    tasks = [row("tasks", entity_id=7)]
    assert without_names("tasks", tasks, FORGOTTEN) == tasks
