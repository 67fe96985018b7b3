"""Reads all entities of a query in the order of their ids, from any place on.

What is created meanwhile comes last. A place is the number of a page and the last id that was
taken; what was deleted since moves later entities to earlier pages, so reading goes on at an
earlier page if the noted one begins behind the last id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Final, NamedTuple, cast

from amocrm.bulk.joined_listing import JoinedListing
from amocrm.cli.entity_kinds import Many
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.progress import Report
from amocrm.resources.resource import Resource


class Query(NamedTuple):
    """What is exported.

    Attributes:
        filter: as `list` of the resource takes it.
        with_: more parts of each entity.
        since: what was changed since then; None for all.
    """

    filter: Mapping[str, Json] = {}
    with_: tuple[str, ...] = ()
    since: int | date | None = None


class ExportPosition(NamedTuple):
    """How far an export has come: the number of the last page, and the last id."""

    page: int = 1
    last_id: int = 0


BEGINNING: Final = ExportPosition()


class ReadPage(NamedTuple):
    """Entities that were read, and the place behind them."""

    items: list[dict[str, Json]]
    place: ExportPosition


def is_resumable(resource: Resource) -> bool:
    """Tell whether entities are listed in the order of their ids."""
    return "id" in resource.endpoint.orders


def read_pages(
    resource: Resource,
    query: Query,
    place: ExportPosition = BEGINNING,
    progress: Report | None = None,
) -> Iterator[ReadPage]:
    """Yield the entities behind a place, page by page.

    Raises:
        ConfigurationError: the resource does not take the query.
    """
    number, pages = _begin(resource, query, place, progress)
    last = place.last_id
    for items in pages:
        new = [one for one in items if one["id"] > last] if is_resumable(resource) else items
        if new:
            last = new[-1]["id"] if is_resumable(resource) else last
            yield ReadPage(new, ExportPosition(number, last))
        number += 1


def _begin(
    resource: Resource, query: Query, place: ExportPosition, progress: Report | None
) -> tuple[int, Iterator[list[dict[str, Json]]]]:
    """Return the number of the first page to read, and the pages from it on."""
    asked = _filter(resource, query)
    order = {"id": "asc"} if is_resumable(resource) else None
    number = place.page
    while True:
        listing = cast("Many", resource).list(
            filter=asked or None, with_=query.with_ or None, order=order,
            params={"page": number} if number > 1 else None, progress=progress,
        )  # fmt: skip
        pages = listing.pages()
        if number == 1:
            return 1, pages
        if isinstance(listing, JoinedListing):  # Its parts have pages of their own.
            number = 1
            continue
        first = next(pages, None)
        if first is not None and first[0]["id"] <= place.last_id:
            return number, chain([first], pages)
        number -= 1


def _filter(resource: Resource, query: Query) -> dict[str, Json]:
    asked = {**query.filter}
    if query.since is not None:
        filters = resource.endpoint.filters
        if "updated_at" not in filters:
            raise ConfigurationError("they cannot be filtered by the time of a change: --since")
        if "updated_at" in asked:
            raise ConfigurationError("the filter has an updated_at, so --since is not taken")
        asked["updated_at"] = {"from": query.since}
    return asked
