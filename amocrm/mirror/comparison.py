"""Compares listings of an account with their rows in a mirror.

The API tells no numbers of items, but with one item on a page the number of the last page is one.
If the mirror has n rows, page n exists and page n + 1 does not: two calls. The rows of a page of a
listing by id are all that have ids from its first to its last, so that what is missing in the
mirror is found as well as what it has too much.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from amocrm.bulk.changes import OVERLAP
from amocrm.client import AmoCRM
from amocrm.errors import BlockedError, ForbiddenError, PaymentRequiredError
from amocrm.http.messages import Json
from amocrm.mirror.account import MirroredAccount
from amocrm.mirror.differences import ListingChanges, RowDifference, Verification
from amocrm.mirror.event_changes import changes_of
from amocrm.mirror.families import (
    EVENTS,
    MirroredListing,
    elements_of_catalog,
    fields_of_catalog,
)
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.refusal import refusal_of
from amocrm.mirror.sql.comparing import (
    count_until,
    find_alive,
    find_differences,
    keys_of,
    read_forgotten,
)
from amocrm.mirror.sql.forgotten import filters_of, without_forgotten
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.tables.columns import Rows
from amocrm.mirror.tables.definitions import TABLES

_PAGE: Final = 50

Found = list[tuple[int, RowDifference]]


class Comparison:
    """Compares one listing after another.

    Args:
        crm: the client of the account.
        sink: the database of the mirror.
        account: as it is now.
        chance: chooses what is compared row by row.
        sample: about how many items of a listing are.

    Attributes:
        found: what was found up to now.
    """

    def __init__(
        self,
        crm: AmoCRM,
        sink: Sink,
        account: MirroredAccount,
        chance: random.Random,
        sample: int,
    ) -> None:
        self.found = Verification()
        self._crm = crm
        self._sink = sink
        self._account = account
        self._chance = chance
        self._sample = sample
        self._forgotten = read_forgotten(sink, account.id)

    def attempt(self, name: str, compare: Callable[[], object]) -> None:
        """Compare a listing that the plan, or the rights of the user, may not include."""
        refusal = refusal_of(compare)
        if refusal is not None:
            self.found.skipped[name] = str(refusal)

    def compare(self, source: MirroredListing, since: int) -> None:
        """Compare a listing that tells what has changed since the last run began: a sample."""
        here = self._count_here(source)
        there = self._count_there(source, here)
        found, versions = self._compare_sample(source, there)
        edited = {number for number, updated_at in versions.items() if updated_at >= since}
        changes = ListingChanges(edited)
        if here != self.found.counts[source.name][1] or not _is_explained(source, found, changes):
            told = changes_of(source, self._events(since))
            came = {*told.came, *self._created(source, since)}
            alive = find_alive(self._sink, self._account.id, source, {*came, *told.went})
            changes = ListingChanges(
                {*edited, *told.edited}, came - alive, alive.intersection(told.went)
            )
            self.found.moving[source.name] = len(changes.came), len(changes.went)
        self._add(source, found, versions, changes)

    def compare_whole(self, source: MirroredListing, at: int) -> set[int]:
        """Compare all items of a listing, and return the ids of those that both have."""
        return self._compare_all(
            source, at, lambda: self._crm.listing(f"/api/v4/{source.path}", source.params).pages()
        )

    def compare_groups(self, source: MirroredListing, at: int) -> None:
        """Compare the groups of users, if the account shows them."""
        if (groups := self._account.groups) is not None:
            self._compare_all(source, at, lambda: [groups])

    def compare_long(self, source: MirroredListing, at: int) -> None:
        """Compare a sample of a listing that tells no changes; all of it, if the numbers differ."""
        here = self._count_here(source)
        there = self._count_there(source, here)
        if here != there or there <= self._sample:
            self.compare_whole(source, at)
            return
        found, versions = self._compare_sample(source, there)
        self._add(source, found, versions, _changed_since(at, versions))

    def compare_catalogs(self, source: MirroredListing, at: int) -> None:
        """Compare the catalogs, and of each the fields and the elements."""
        for number in sorted(self.compare_whole(source, at)):
            fields, elements = fields_of_catalog(number), elements_of_catalog(number)
            self.attempt(fields.name, partial(self.compare_whole, fields, at))
            self.attempt(elements.name, partial(self.compare_long, elements, at))

    def compare_events(self, source: MirroredListing, until: int) -> None:
        """Compare a sample of the events up to an instant. They never change."""
        column = next(one.name for one in TABLES[source.kind].columns if one.source == "created_at")
        here = count_until(self._sink, self._account.id, source.kind, column, until)
        filters = {**source.params.get("filter", {}), "created_at": {"to": until}}
        source = source._replace(params={"filter": filters})
        found, versions = self._compare_sample(source, self._count_there(source, here))
        self._add(source, found, versions, ListingChanges())

    def _compare_all(
        self, source: MirroredListing, at: int, pages: Callable[[], Iterable[list[Json]]]
    ) -> set[int]:
        table = TABLES[source.kind]
        alive = self._sink.alive(self._account.id, table.name, **source.among)
        found: Found = []
        seen: set[tuple[Json, ...]] = set()
        versions: dict[Json, int] = {}
        for items in pages():
            rows = self._rows(source, items)
            there = keys_of(table, rows[table.name])
            seen |= there
            versions.update(_versions(items, there))
            found += self._differences(source, rows, None)
        absent = alive - seen
        if absent:
            # A deletion while it was read may have moved another item to a page before.
            for items in pages():
                absent -= keys_of(table, self._rows(source, items)[table.name])
        found += [
            (key[-1], RowDifference(table.name, key[1:], None, True, False)) for key in absent
        ]
        changes = _changed_since(at, versions)
        lacking = [one for one in found if one[1].is_lacking(table.name)]
        self.found.counts[source.name] = len(alive), len(alive) - len(absent) + len(lacking)
        if lacking:
            came = sum(number in changes.came for number, _ in lacking)
            self.found.moving[source.name] = came, 0
        self._add(source, found, versions, changes)
        return {key[-1] for key in alive & seen}

    def _compare_sample(self, source: MirroredListing, there: int) -> tuple[Found, dict[Json, int]]:
        """Compare some pages; return the differences, and the time of each item's last change."""
        table, pages = TABLES[source.kind], -(-there // _PAGE)
        wanted = min(pages, -(-self._sample // _PAGE))
        found: Found = []
        versions: dict[Json, int] = {}
        order = {"order": {"id": "asc"}} if source.orders else {}
        for page in sorted(self._chance.sample(range(1, pages + 1), wanted)):
            asked = {**source.params, **order, "limit": _PAGE, "page": page}
            data = self._crm.request.get(f"/api/v4/{source.path}", asked).data
            if not (items := list(_items(data, source.path))):
                continue
            rows = self._rows(source, items)
            versions.update(_versions(items, keys_of(table, rows[table.name])))
            first, last = items[0]["id"] if page > 1 else 0, items[-1]["id"]
            reach = (first, None if page == pages else last) if source.orders else None
            found += self._differences(source, rows, reach)
        return found, versions

    def _differences(
        self, source: MirroredListing, rows: Rows, reach: tuple[int, int | None] | None
    ) -> Found:
        return list(
            find_differences(self._sink, self._account.id, source, rows, self._forgotten, reach)
        )

    def _rows(self, source: MirroredListing, items: Sequence[Json]) -> Rows:
        """Return the rows that the mirror should have."""
        return without_forgotten(self._all_rows(source, items), self._forgotten)

    def _all_rows(self, source: MirroredListing, items: Sequence[Json]) -> Rows:
        kind = EVENTS.kind if source.path == EVENTS.path else source.kind
        return flatten(kind, items, self._account.id, of=source.of)

    def _add(
        self,
        source: MirroredListing,
        found: Found,
        versions: Mapping[Json, int],
        changes: ListingChanges,
    ) -> None:
        """Add what was compared, but for what has changed since."""
        newer = {number for number, one in found if changes.explain(source.kind, number, one)}
        self.found.differences += [one for number, one in found if number not in newer]
        self.found.newer += len(newer)
        self.found.compared[source.name] = len(versions.keys() - newer)

    def _events(self, since: int) -> list[Json]:
        """Return the events since the last run began; none if they cannot be read."""
        asked = {"filter": {"created_at": {"from": int(max(0, since - OVERLAP))}}}
        try:
            pages = self._crm.listing("/api/v4/events", asked).pages()
            return [event for page in pages for event in page]
        except BlockedError:
            raise
        except (ForbiddenError, PaymentRequiredError):
            return []

    def _created(self, source: MirroredListing, since: int) -> set[int]:
        """Return the items that were created since the last run began."""
        if not self._account.has_filters:
            return set()
        start = max(0.0, since - OVERLAP)
        changes: Iterable[Json] = self._crm.changes(source.path, since=start)
        return {int(one["id"]) for one in changes if (one.get("created_at") or 0) >= start}

    def _count_here(self, source: MirroredListing) -> int:
        return self._sink.count_alive(self._account.id, source.kind, **source.among)

    def _count_there(self, source: MirroredListing, here: int) -> int:
        """Count the items of a listing, and note that, without those of forgotten persons."""
        params = {name: value for name, value in source.params.items() if name == "filter"}
        left_out = self._left_out(source)
        there = self._count(source.path, params, here + left_out)
        self.found.counts[source.name] = here, there - left_out
        return there

    def _left_out(self, source: MirroredListing) -> int:
        """Return how many items of a listing the mirror leaves out for forgotten persons."""
        table, own = TABLES[source.kind], source.params.get("filter", {})
        found: set[tuple[Json, ...]] = set()
        for one in filters_of(source.name, self._forgotten):
            listing = self._crm.listing(f"/api/v4/{source.path}", {"filter": {**own, **one}})
            for items in listing.pages():
                rows = self._all_rows(source, items)
                kept = without_forgotten(rows, self._forgotten)
                found |= keys_of(table, rows[table.name]) - keys_of(table, kept[table.name])
        return len(found)

    def _count(self, path: str, params: Mapping[str, Json], guess: int) -> int:
        """Return the number of items of a listing; two calls, if it is as guessed."""

        def exists(number: int) -> bool:
            asked = {**params, "limit": 1, "page": number}
            return number < 1 or self._crm.request.get(f"/api/v4/{path}", asked).data is not None

        low, step = guess, 1
        while not exists(low):  # Page `low` exists, or is 0.
            low, step = max(0, low - step), step * 2
        high, step = low + 1, 1
        while exists(high):  # Page `high` does not.
            low, high, step = high, high + step, step * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if exists(middle) else (low, middle)
        return low


def _is_explained(source: MirroredListing, found: Found, changes: ListingChanges) -> bool:
    return all(changes.explain(source.kind, number, one) for number, one in found)


def _changed_since(at: int, versions: Mapping[Json, int]) -> ListingChanges:
    """Return what changed since a listing was read as a whole, as its items tell."""
    edited = {number for number, changed_at in versions.items() if changed_at >= at - OVERLAP}
    return ListingChanges(edited, came=edited)


def _versions(
    items: Iterable[Json], keys: Iterable[tuple[Json, ...]]
) -> Iterator[tuple[Json, int]]:
    """Yield the ids of items that have some keys, with the instants of their last changes.

    An instant is 0 where an item does not tell it.
    """
    wanted = {key[-1] for key in keys}
    for one in items:
        if one["id"] in wanted:
            stamps = one.get("updated_at"), one.get("created_at")
            yield one["id"], max(at if type(at) is int else 0 for at in stamps)


def _items(data: Json, path: str) -> Iterator[Json]:
    embedded = data.get("_embedded") if isinstance(data, Mapping) else None
    if isinstance(embedded, Mapping):
        yield from embedded.get(path.rpartition("/")[2]) or ()
