from __future__ import annotations

import pytest

from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.tables.columns import Table
from amocrm.mirror.tables.definitions import TABLES

PROMISED = {
    "leads", "contacts", "companies", "customers", "field_values", "fields", "enums",
    "entity_tags", "links", "status_history", "events", "notes", "calls", "tasks", "users",
    "groups", "pipelines", "statuses", "loss_reasons", "catalogs", "catalog_elements",
    "transactions",
}  # fmt: skip


def test_the_tables_are_those_that_were_promised() -> None:
    assert set(TABLES) == PROMISED


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_sound(table: Table) -> None:
    assert table.names[0] == table.key[0] == "account_id", "several accounts share a table"
    assert len(set(table.names)) == len(table.names)
    named = {*table.key, *table.owner, *(name for index in table.indexes for name in index)}
    assert named <= set(table.names)
    assert table.key[: len(table.owner)] == table.owner
    assert {table.columns[table.places[name]].type for name in table.key} <= {
        "id", "code", "integer",
    }  # fmt: skip
    assert table.owner or table.name in ("events", "status_history") or "deleted_at" in table.places
    assert table.owner or table.name in ("status_history", "enums") or "raw" in table.places


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_told_in_both_languages(table: Table) -> None:
    for text in (table.en, table.ru, *(word for one in table.columns for word in (one.en, one.ru))):
        assert text
    for column in table.columns:
        assert column.en.isascii(), column.name
        assert not column.ru.isascii(), column.name


def test_every_table_is_filled_by_a_listing() -> None:
    filled: set[str] = set()
    for kind in TABLES:
        of = {"notes": "leads", "fields": "leads"}.get(kind, "")
        if kind in NOT_LISTED:
            continue
        filled |= set(flatten(kind, [], 1, of=of))
    assert filled == set(TABLES)


NOT_LISTED = {
    "field_values", "entity_tags", "links", "status_history", "calls", "enums", "statuses",
}  # fmt: skip
"""What comes with something else."""
