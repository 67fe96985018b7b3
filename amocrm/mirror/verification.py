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
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError, ForbiddenError, PaymentRequiredError
from amocrm.http.messages import Json
from amocrm.mirror.account import MirroredAccount, read_account
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
        newer: how many of them have changed since the last run began, and were not compared.
        differences: of the compared rows.
        skipped: listings that could not be read, each with the reason.
    """

    counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    compared: dict[str, int] = field(default_factory=dict[str, int])
    newer: int = 0
    differences: list[Difference] = field(default_factory=list[Difference])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and all(here == there for here, there in self.counts.values())


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
    """Compare a mirror with its account. Mirror it before, because newer items are not compared.

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
        events = state.get("events")
        if "events" in chosen and isinstance(events, Mapping) and "since" in events:
            since = int(events["since"])
            comparison.attempt("events", partial(comparison.count_events, since))
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
        except (ForbiddenError, PaymentRequiredError) as error:
            self.found.skipped[name] = str(error)

    def compare(self, source: Source, since: int) -> None:
        """Compare the number of items, and some of them."""
        among = {"entity_type": source.of} if source.of else {}
        here = len(self._sink.alive(self._account.id, source.kind, **among))
        there = self._count(source.path, {}, here)
        self.found.counts[source.name] = here, there
        pages = -(-there // _PAGE)
        wanted = min(pages, -(-self._sample // _PAGE))
        for page in sorted(self._chance.sample(range(1, pages + 1), wanted)):
            self._compare_page(source, page, page == pages, since)

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

    def _compare_page(self, source: Source, page: int, is_last: bool, since: int) -> None:
        order = {"order": {"id": "asc"}} if source.orders else {}
        asked = {**source.params, **order, "limit": _PAGE, "page": page}
        data = self._crm.request.get(f"/api/v4/{source.path}", asked).data
        items = list(_items(data, source.path))
        if not items:
            return
        rows: Rows = flatten(source.kind, items, self._account.id, of=source.of)
        ids = [int(one["id"]) for one in items]
        reach = (0 if page == 1 else ids[0], None if is_last else ids[-1])
        differences = [
            Difference(*one)
            for one in find_differences(
                self._sink, self._account.id, source, rows, reach if source.orders else None
            )
        ]
        # What was changed since the last run began need not be there yet.
        late = {int(one["id"]) for one in items if one["updated_at"] >= since}
        newer = {_entity(one) for one in differences} & late
        self.found.differences += [one for one in differences if _entity(one) not in newer]
        self.found.newer += len(newer)
        compared = self.found.compared.get(source.name, 0)
        self.found.compared[source.name] = compared + len(items) - len(newer)


def _entity(difference: Difference) -> Json:
    """Return the id of the entity that a row belongs to: keys begin with it, or with its kind."""
    return difference.key[:2][-1]


def _items(data: Json, path: str) -> Iterator[Json]:
    embedded = data.get("_embedded") if isinstance(data, Mapping) else None
    if isinstance(embedded, Mapping):
        yield from embedded.get(path.rpartition("/")[2]) or ()
