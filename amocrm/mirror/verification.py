"""Compares a mirror with the account: numbers of items, and some of them row by row.

The API tells no numbers of items, but with one item on a page the number of the last page is one.
If the mirror has n rows, page n exists and page n + 1 does not: two calls. The rows of a page of a
listing by id are all that have ids from its first to its last, so that what is missing in the
mirror is found as well as what it has too much.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from amocrm._support.clock import Clock, SystemClock
from amocrm.bulk.changes import OVERLAP
from amocrm.client import AmoCRM
from amocrm.errors import (
    BlockedError,
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    PaymentRequiredError,
)
from amocrm.http.messages import Json
from amocrm.mirror.account import MirroredAccount, read_account
from amocrm.mirror.deletions import MERGED, fates_of, key_of
from amocrm.mirror.event_stream import all_events_since
from amocrm.mirror.families import SOURCES, Source, choose_families
from amocrm.mirror.flatten.flatten import flatten
from amocrm.mirror.sql.comparing import count_events, find_differences
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.tables.columns import Rows

if TYPE_CHECKING:
    import sqlalchemy as sa

SAMPLE: Final = 500
"""Items of a listing that are compared row by row."""
_PAGE: Final = 50
_MOVES: Final = ("added", "deleted", "restored")


class Difference(NamedTuple):
    """A row in which mirror and account differ.

    Attributes:
        table: its name.
        key: the primary key, but for the account.
        column: that differs; None if one of them does not have the row.
        mirror: the value there; True or False, whether the row is there, without a column.
        account: the same of the account.
    """

    table: str
    key: tuple[Json, ...]
    column: str | None
    mirror: Json
    account: Json


@dataclass
class Verification:
    """How a mirror differs from its account.

    Attributes:
        counts: by listing, the numbers of items in the mirror and in the account.
        compared: how many items were compared row by row, by listing.
        newer: how many items have changed since the last run began, and were not compared.
        moving: by listing, how many items came or went since then, so that many may the numbers
            differ; only where something did differ.
        differences: of the compared rows.
        skipped: listings that could not be read, each with the reason.
    """

    counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    compared: dict[str, int] = field(default_factory=dict[str, int])
    newer: int = 0
    moving: dict[str, int] = field(default_factory=dict[str, int])
    differences: list[Difference] = field(default_factory=list[Difference])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and not self.miscounted

    @property
    def miscounted(self) -> dict[str, tuple[int, int]]:
        """Those of `counts` that differ by more items than came or went since the last run."""
        return {
            name: (here, there)
            for name, (here, there) in self.counts.items()
            if abs(here - there) > self.moving.get(name, 0)
        }


def verify(
    crm: AmoCRM,
    engine: sa.Engine | str,
    *,
    families: Iterable[str] | None = None,
    prefix: str = "",
    sample: int = SAMPLE,
    seed: int | None = None,
    clock: Clock | None = None,
) -> Verification:
    """Compare a mirror with its account; it may be edited meanwhile.

    Mirror it before: what has changed since the last run began is not compared.

    Args:
        crm: the client of the account.
        engine: an engine of SQLAlchemy, or a URL.
        families: what to compare; None for all that the mirror has.
        prefix: of the names of the tables.
        sample: about how many items of each listing are compared row by row.
        seed: chooses which ones.
        clock: for tests.

    Raises:
        ConfigurationError: an argument is wrong, or the account was not mirrored there.
        MirrorError: the database cannot be read.
        AmoCRMError: a call failed.
    """
    chosen = choose_families(families)
    if type(sample) is not int or sample < 0:
        raise ConfigurationError("sample must be a whole number from 0 on")
    with closing(Sink(engine, prefix)) as sink:
        account = read_account(crm, clock or SystemClock())
        state = sink.load(account.id) if sink.exists() else {}
        sources = [one for one in SOURCES if one.family in chosen and "since" in _of(state, one)]
        if not sources:
            raise ConfigurationError(f"the account {account.id} is not mirrored there")
        chance = random.Random(seed)
        comparison = _Comparison(crm, sink, account, chance, sample)
        for source in sources:
            since = int(_of(state, source)["since"])
            comparison.attempt(source.name, partial(comparison.compare, source, since))
        until = all_events_since(state)
        if "events" in chosen and until is not None:
            comparison.attempt("events", partial(comparison.count_events, until))
    return comparison.found


def _of(state: Mapping[str, Json], source: Source) -> Mapping[str, Json]:
    found = state.get(source.name)
    return found if isinstance(found, Mapping) else {}


class _Comparison:
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

    def attempt(self, name: str, compare: Callable[[], object]) -> None:
        try:
            compare()
        except BlockedError:
            raise
        except (ForbiddenError, NotFoundError, PaymentRequiredError) as error:
            self.found.skipped[name] = str(error)

    def compare(self, source: Source, since: int) -> None:
        """Compare the number of items, and some of them.

        What was changed since the last run began need not be there yet.
        """
        among = {"entity_type": source.of} if source.of else {}
        here = self._sink.count_alive(self._account.id, source.kind, **among)
        there = self._count(source.path, {}, here)
        self.found.counts[source.name] = here, there
        pages = -(-there // _PAGE)
        wanted = min(pages, -(-self._sample // _PAGE))
        differences: list[Difference] = []
        versions: dict[int, int] = {}
        for page in sorted(self._chance.sample(range(1, pages + 1), wanted)):
            differences += self._compare_page(source, page, page == pages, versions)
        recent = {number for number, updated_at in versions.items() if updated_at >= since}
        if here != there or any(_entity(one) not in recent for one in differences):
            events = self._events(since)
            self.found.moving[source.name] = sum(_is_moving(source, one) for one in events)
            recent |= _named(source, events)
        newer = {_entity(one) for one in differences} & recent
        self.found.differences += [one for one in differences if _entity(one) not in newer]
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

    def count_events(self, since: int) -> None:
        """Compare the number of events up to the last run."""
        until = since - 1
        here = count_events(self._sink, self._account.id, until)
        asked = {"filter": {"created_at": {"to": until}}}
        self.found.counts["events"] = here, self._count("events", asked, here)

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

    def _compare_page(
        self, source: Source, page: int, is_last: bool, versions: dict[int, int]
    ) -> list[Difference]:
        """Return the differences of a page, and note the `updated_at` of its items."""
        order = {"order": {"id": "asc"}} if source.orders else {}
        asked = {**source.params, **order, "limit": _PAGE, "page": page}
        data = self._crm.request.get(f"/api/v4/{source.path}", asked).data
        items = list(_items(data, source.path))
        if not items:
            return []
        rows: Rows = flatten(source.kind, items, self._account.id, of=source.of)
        ids = [int(one["id"]) for one in items]
        versions.update((int(one["id"]), one.get("updated_at") or 0) for one in items)
        reach = (0 if page == 1 else ids[0], None if is_last else ids[-1])
        found = find_differences(
            self._sink, self._account.id, source, rows, reach if source.orders else None
        )
        return [Difference(*one) for one in found]


def _named(source: Source, events: Iterable[Json]) -> set[int]:
    """Return the items of a listing that events name."""
    kind = f"{source.of}/notes" if source.of else source.name
    keys = {*map(key_of, events), *fates_of(events)} - {None}
    return {key.id for key in keys if key is not None and key.kind == kind}


def _is_moving(source: Source, event: Json) -> bool:
    """Whether an event adds an item to a listing, or takes one away."""
    key, kind = key_of(event), str(event.get("type"))
    if key is None or key.kind != (source.of or source.name):
        return False
    # Notes are of many types. A note of a task, or a change of a tag, moves no item.
    moves = {MERGED, *(f"{event['entity_type']}_{word}" for word in _MOVES)}
    return bool(source.of) or kind in moves


def _entity(difference: Difference) -> Json:
    """Return the id of the entity that a row belongs to: keys begin with it, or with its kind."""
    return difference.key[:2][-1]


def _items(data: Json, path: str) -> Iterator[Json]:
    embedded = data.get("_embedded") if isinstance(data, Mapping) else None
    if isinstance(embedded, Mapping):
        yield from embedded.get(path.rpartition("/")[2]) or ()
