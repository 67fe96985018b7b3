"""Reads a row from an item of the API by the sources that a table's columns name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
            column.name: partial(at, path=tuple(column.source.split(".")))
            for column in table.columns
            if "." in column.source
        }
        if "raw" in table.places:
            readers["raw"] = partial(at, path=())
        self._special = [
            (table.places[name], read) for name, read in {**readers, **computed}.items()
        ]

    def __call__(self, account_id: int, item: Item) -> Row:
        """Return the row of an item."""
        row: list[Json] = [item.get(name) for name in self._names]
        row[0] = account_id
        for place, read in self._special:
            row[place] = read(item)
        return tuple(row)


def at(item: Json, path: tuple[str, ...]) -> Json:
    """Return what stands at a path of names and places; None if there is nothing."""
    for name in path:
        if isinstance(item, Mapping):
            item = item.get(name)
        elif isinstance(item, list) and name.isdecimal() and int(name) < len(item):
            item = item[int(name)]
        else:
            return None
    return item


def id_of(item: Json, *, is_text: bool = False) -> Json:
    """Return the id of an item.

    Raises:
        ShapeError: it has none.
    """
    found = item.get("id") if isinstance(item, Mapping) else None
    if type(found) is not (str if is_text else int):
        raise ShapeError("an item without an id")
    return found


_NOTHING: Final[Mapping[str, Json]] = {}


def embedded(item: Item) -> Mapping[str, Json]:
    """Return what an item embeds."""
    found = item.get("_embedded")
    return found if isinstance(found, Mapping) else _NOTHING


def objects(value: Json) -> Iterator[Item]:
    """Yield the objects of a list that have a whole number as their id."""
    for one in value if isinstance(value, list) else ():
        if isinstance(one, Mapping) and type(one.get("id")) is int:
            yield one
