"""What a table of the mirror is: columns with types, units, meanings, and where values come from.

These are data. The tables of SQLAlchemy, the schemas of warehouses and the tables of docs/mirror.md
are all made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from amocrm.http.messages import Json

ColumnType: TypeAlias = Literal[
    "id", "integer", "money", "number", "flag", "time", "code", "text", "json"
]
"""The types of columns. In rows as `flatten` makes them:

- `id`, `integer`: an int of 64 bits.
- `money`: a number in the account's currency; `number`: a float.
- `flag`: a bool.
- `time`: an int, Unix seconds; in databases an instant in UTC.
- `code`: a short text in ASCII, which may be a part of a key.
- `text`: a str of any length.
- `json`: the object as the API returned it; in databases JSON.
"""

Row: TypeAlias = tuple[Json, ...]
"""Values in the order of the table's columns."""

Rows: TypeAlias = dict[str, list[Row]]
"""Rows by the name of their table."""

LONGEST_CODE: Final = 64
"""Characters of a `code`."""


class Column(NamedTuple):
    """A column.

    Attributes:
        name: in the table.
        type: see `ColumnType`.
        source: where the value stands in an item of the API, such as `price` or
            `_embedded.companies.0.id`; "" if the table's flattening makes it.
        en: its meaning, in English.
        ru: its meaning, in Russian.
        unit: of the values, such as `s`; "" for none.
    """

    name: str
    type: ColumnType
    source: str
    en: str
    ru: str
    unit: str = ""


class _Table(NamedTuple):
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    en: str
    ru: str
    owner: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()


class Table(_Table):
    """A table.

    Attributes:
        name: of the table.
        key: names of the columns of the primary key.
        columns: in their order.
        en: what a row is, in English.
        ru: what a row is, in Russian.
        owner: columns that name the row's owner, such as its entity: an owner's rows are replaced
            together with the owner. Empty for tables that have no owner.
        indexes: further columns to find rows by.
    """

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each column in a row."""
        return {name: place for place, name in enumerate(self.names)}

    def keyed(self, rows: Iterable[Row]) -> dict[tuple[Json, ...], Row]:
        """Return rows by their primary keys; of several with one key, the last one."""
        places = [self.places[name] for name in self.key]
        return {tuple(row[place] for place in places): row for row in rows}

    @property
    def is_versioned(self) -> bool:
        """Whether a row has an `updated_at`, so that an older one never replaces a newer one."""
        return not self.owner and "updated_at" in self.places


ACCOUNT: Final = Column("account_id", "id", "", "The account", "Аккаунт")
DELETED_AT: Final = Column(
    "deleted_at", "time", "", "When it was deleted; null if it was not",
    "Когда удалено; null, если не удалено",
)  # fmt: skip
RAW: Final = Column("raw", "json", "", "All the API returned", "Всё, что вернул API")
CREATED: Final = (
    Column(
        "created_by", "id", "created_by", "Who created it; 0 is a robot", "Кто создал; 0 — робот"
    ),
    Column("created_at", "time", "created_at", "When it was created", "Когда создано"),
)
UPDATED: Final = (
    Column("updated_by", "id", "updated_by", "Who changed it last; 0 is a robot",
           "Кто изменил последним; 0 — робот"),
    Column("updated_at", "time", "updated_at", "When it was changed last: the version of the row",
           "Когда изменено в последний раз: версия строки"),
)  # fmt: skip
STAMPS: Final = (*CREATED, *UPDATED)
RESPONSIBLE: Final = (
    Column("responsible_user_id", "id", "responsible_user_id", "The responsible user",
           "Ответственный"),
    Column("group_id", "id", "group_id", "That user's group when it was read",
           "Группа ответственного на момент чтения"),
)  # fmt: skip
ENTITY: Final = (
    Column("entity_type", "code", "", "Of what: `leads`, `contacts`, `companies`, `customers`, "
           "`catalog_elements`",
           "Чьё: `leads`, `contacts`, `companies`, `customers`, `catalog_elements`"),
    Column("entity_id", "id", "", "Its id", "Её идентификатор"),
)  # fmt: skip


def identity(en: str, ru: str) -> tuple[Column, Column]:
    """Return the columns that name an item of an account."""
    return ACCOUNT, Column("id", "id", "id", en, ru)


def named(en: str, ru: str) -> Column:
    """Return a column `name`."""
    return Column("name", "text", "name", en, ru)


def plain(name: str, type: ColumnType, en: str, ru: str, unit: str = "") -> Column:  # noqa: A002
    """Return a column whose value has the same name in the API."""
    return Column(name, type, name, en, ru, unit)
