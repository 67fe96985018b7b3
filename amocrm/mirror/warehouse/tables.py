"""How the tables of the mirror are merged in a warehouse.

A row replaces the one with its primary key. In tables of children it also replaces all rows of its
owner, because the children of an entity are read together: that is what the merge key is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.mirror.tables.columns import Column, Table
from amocrm.mirror.tables.definitions import TABLES

CHILDREN: Final = ("field_values", "entity_tags", "links")
"""Tables of rows that belong to an entity, in any number."""

OWNERS: Final = ("leads", "contacts", "companies", "customers", "catalog_elements")
"""Tables of their owners."""

DELETIONS: Final = Table(
    "deletions",
    ("account_id", "kind", "id"),
    (
        Column("account_id", "id", "", "The account", "Аккаунт"),
        Column("kind", "code", "", "What was deleted: the name of its table, of notes "
               "`leads/notes`",
               "Что удалено: имя таблицы, для примечаний `leads/notes`"),
        Column("id", "id", "", "Its id", "Идентификатор"),
        Column("deleted_at", "time", "", "When it was deleted", "Когда удалено"),
    ),
    "What the account's record says is deleted. Its rows are removed from the other tables.",
    "Что удалено по журналу событий аккаунта. Из остальных таблиц эти строки убраны.",
)  # fmt: skip

ALL: Final[Mapping[str, Table]] = {**TABLES, DELETIONS.name: DELETIONS}


def merge_key(table: Table) -> tuple[str, ...]:
    """Return the columns that name what a row replaces, besides the row with its primary key."""
    return table.owner if table.name in CHILDREN else ()
