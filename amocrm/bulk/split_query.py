"""A query of many ids → several queries, each with an address that every server takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from amocrm.http.messages import Json

LONGEST: Final = 4_000
"""Characters of a query at most. Servers refuse addresses from 8 KB on; amoCRM documents none."""

_SHORT: Final = 50
"""Ids that are surely short enough, so that their length need not be counted."""


SPLIT: Final[Mapping[str, int]] = {
    "id": 0, "entity_id": 0, "uid": 0, "responsible_user_id": 0, "created_by": 0,
    "updated_by": 0, "pipeline_id": 0,
}  # fmt: skip
"""Filters of which a long list is split over several calls, each with how many a call takes; 0 is
as many as an address holds. An item has one value of each, so it is found once."""


def split_query(params: Mapping[str, Json], most: Mapping[str, int]) -> list[Mapping[str, Json]]:
    """Return the queries that together ask for the same; mostly the one that was given.

    The values of one filter are alternatives, so each of the queries gets some of them. Ids are put
    in their order, so that the answers follow each other in it.

    Args:
        params: as `build_query` returns them.
        most: filters whose values may be split, each with how many a call takes; 0 is any number.
    """
    asked: Mapping[str, Json] = params.get("filter") or {}
    lists = {
        name: values
        for name, values in asked.items()
        if type(values) is list and name in most and len(values) > (most[name] or _SHORT)
    }
    if not lists:
        return [params]
    parts = 1
    name = max(lists, key=lambda one: len(lists[one]))
    for other, values in lists.items():
        if most[other]:
            name, parts = other, -(-len(values) // most[other])
    if parts == 1:
        own = _length({"filter": {name: lists[name]}})
        rest = _length(params) - own  # which each part has
        if own + rest > LONGEST:
            parts = min(-(-own // max(LONGEST - rest, LONGEST // 4)), len(lists[name]))
    if parts == 1:
        return [params]
    values = _unique(lists[name])
    size = -(-len(values) // parts)
    chunks = [values[start : start + size] for start in range(0, len(values), size)]
    split: list[Mapping[str, Json]] = [
        {**params, "filter": {**asked, name: chunk}} for chunk in chunks
    ]
    if len(split) == 1:
        return split
    return [query for one in split for query in split_query(one, most)]


def _unique(values: list[Json]) -> list[Json]:
    """Return each value once, numbers in their order: an item must not be found twice."""
    once = list(dict.fromkeys(values))
    return sorted(once) if all(isinstance(one, int) for one in once) else once


def _length(params: Json, name: int = 0) -> int:
    """Count the characters of a query, once it is encoded; `name` is what its name has so far."""
    if isinstance(params, Mapping):
        inner = (_length(value, name + len(f"%5B{key}%5D")) for key, value in params.items())
        return sum(inner)
    if isinstance(params, list):
        if any(type(one) in (dict, list) for one in params):
            return _length(dict(enumerate(params)), name)
        names = len(params) * (name + len("%5B%5D=&")) + sum(map(len, map(str, range(len(params)))))
        return names + len(quote("".join(map(str, params)), safe=""))
    return name + len(quote(str(params), safe="")) + 2
