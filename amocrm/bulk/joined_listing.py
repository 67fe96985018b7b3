"""Several listings that are read as one, because their query was too long for one address."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final, TypeVar, cast

from amocrm.bulk.listing import Listing
from amocrm.bulk.pages import Page
from amocrm.http.messages import Json
from amocrm.progress import ProgressMeter

E = TypeVar("E")

_PAGE: Final = 250
"""Items that are yielded together where pages of several listings are merged."""


class JoinedListing(Listing[E]):
    """The items of several listings of one path, in the order that all of them have.

    Args:
        parts: the listings; no item is in two of them.
        order: a name, and `asc` or `desc`; None reads one listing after the other.
        expect: about how many items there are in all.
    """

    def __init__(
        self, parts: Sequence[Listing[E]], order: Mapping[str, Json] | None, expect: int | None
    ) -> None:
        vars(self).update(vars(parts[0]))
        self._parts = parts
        self._order = next(iter(order.items())) if order else None
        self._expect = expect

    def first(self) -> E | None:
        """Return the first item, for a call of each listing at most; None if there is none."""
        found = (one for part in self._parts if (one := part.first()) is not None)
        if self._order is None:
            return next(found, None)
        return next(iter(sorted(found, key=self._key, reverse=self._is_falling)), None)

    def count(self) -> int | None:
        """Return how many items there are; None where the API does not tell."""
        counts = [part.count() for part in self._parts]
        return None if None in counts else sum(cast("list[int]", counts))

    def _read_all(self, meter: ProgressMeter) -> Generator[Page, None, None]:
        read = [part._read_all(meter) for part in self._parts]
        if self._order is None:
            for pages in read:
                yield from pages
            return
        streams = [(one for page in pages for one in page.items) for pages in read]
        merged = merge(*streams, key=self._key, reverse=self._is_falling)
        while items := list(islice(merged, _PAGE)):
            yield Page(items, None, None)

    @property
    def _is_falling(self) -> bool:
        return self._order is not None and self._order[1] == "desc"

    def _key(self, item: Json) -> tuple[bool, Json]:
        name = self._order[0] if self._order else "id"
        value = item.get(name) if isinstance(item, Mapping) else None
        return (value is not None, value)
