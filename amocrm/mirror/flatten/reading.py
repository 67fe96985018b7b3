"""Reads a row from an item of the API by the sources that a table's columns name.

Items are decoded JSON, so their objects are `dict`s and their lists `list`s. To ask for just these
types takes a tenth of the time of `isinstance(one, Mapping)`, which half of a page's time went to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from amocrm.bulk.pages import ShapeError
from amocrm.http.messages import Json
from amocrm.mirror.tables.columns import Row, Table

Item = Mapping[str, Json]


class RowReader:
    """Makes the row of an item.

    Args:
        table: its first column is the account, and its key names members of an item.
        computed: by column, what reads a value that has no single place in the item.
    """

    def __init__(self, table: Table, **computed: Callable[[Item], Json]) -> None:
        self._names = tuple("" if "." in one.source else one.source for one in table.columns)
        readers: dict[str, Callable[[Item], Json]] = {
            column.name: partial(at, path=_path(column.source))
            for column in table.columns
            if "." in column.source
        }
        self._raw = table.places.get("raw")
        self._special = [
            (table.places[name], read) for name, read in {**readers, **computed}.items()
        ]

    def __call__(self, account_id: int, item: Item) -> Row:
        """Return the row of an item."""
        row: list[Json] = list(map(item.get, self._names))
        row[0] = account_id
        for place, read in self._special:
            row[place] = read(item)
        if self._raw is not None:
            row[self._raw] = item
        return tuple(row)


def _path(source: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdecimal() else part for part in source.split("."))


def at(item: Json, path: tuple[str | int, ...]) -> Json:
    """Return what stands at a path of names and places; None if there is nothing."""
    for name in path:
        if type(item) is dict:
            item = item.get(name)
        elif type(item) is list and type(name) is int and name < len(item):
            item = item[name]
        else:
            return None
    return item


def id_of(item: Json, *, is_text: bool = False) -> Json:
    """Return the id of an item.

    Raises:
        ShapeError: it has none.
    """
    found = item.get("id") if type(item) is dict else None
    if type(found) is not (str if is_text else int):
        raise ShapeError("an item without an id")
    return found


_NOTHING: Final[Mapping[str, Json]] = {}


def embedded(item: Item) -> Mapping[str, Json]:
    """Return what an item embeds."""
    found = item.get("_embedded")
    return found if type(found) is dict else _NOTHING


def objects(value: Json) -> list[Item]:
    """Return the objects of a list that have a whole number as their id, each id once."""
    if type(value) is not list:
        return []
    found: list[Item] = [one for one in value if type(one) is dict and type(one.get("id")) is int]
    return found if len(found) < 2 else list({one["id"]: one for one in found}.values())
