"""Filters of listings, made of the name of a member (reference 3.1, 4.2.1).

A filter is asked about one entity and what the query wants. `[]`, `[0]` and a bare value are the
same for several values; ranges are `[from]` and `[to]`, both included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json, is_object

Filter: TypeAlias = Callable[[Entity, Json], bool]


def many(member: str, *, commas: bool = False) -> Filter:
    """Pass what equals one of the wanted values; `commas` also splits each of them."""

    def passes(entity: Entity, wanted: Json) -> bool:
        return as_text(entity[member]) in texts(wanted, commas=commas)

    return passes


def span(member: str) -> Filter:
    """Pass what lies between `[from]` and `[to]`; a bare value must be equal."""
    return _between(member, lambda value, wanted: as_text(value) in texts(wanted))


def since(member: str) -> Filter:
    """Pass what lies between `[from]` and `[to]`; a bare value is the moment before it."""
    return _between(member, _is_after)


def texts(wanted: Json, *, commas: bool = False) -> list[str]:
    """Return the values of a filter that takes one or several."""
    found = [str(one) for one in wanted.values()] if is_object(wanted) else [str(wanted)]
    return [part for one in found for part in one.split(",")] if commas else found


def as_text(value: Json) -> str:
    """Return a stored value as a query writes it: true is 1."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def in_range(value: Json, wanted: dict[str, Json]) -> bool:
    """Tell whether a number lies between `from` and `to`; nothing lies nowhere."""
    if value is None:
        return False
    low, high = number(wanted.get("from")), number(wanted.get("to"))
    return (low is None or value >= low) and (high is None or value <= high)


def number(value: Json) -> float | None:
    """Return a number of the query, or None."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _between(member: str, otherwise: Callable[[Json, Json], bool]) -> Filter:
    def passes(entity: Entity, wanted: Json) -> bool:
        if is_object(wanted) and {"from", "to"} & set(wanted):
            return in_range(entity[member], wanted)
        return otherwise(entity[member], wanted)

    return passes


def _is_after(value: Json, wanted: Json) -> bool:
    limit = number(texts(wanted)[0]) if texts(wanted) else None
    return limit is not None and value is not None and value > limit
