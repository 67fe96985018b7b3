"""Compares a mirror with the account: numbers of items, and some or all of them row by row."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

from amocrm._support.clock import Clock, SystemClock
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.mirror.account import read_account
from amocrm.mirror.comparison import Comparison
from amocrm.mirror.differences import Verification
from amocrm.mirror.event_stream import all_events_since
from amocrm.mirror.families import (
    CATALOGS,
    EVENTS,
    GROUPS,
    SOURCES,
    STATUS_HISTORY,
    TRANSACTIONS,
    WHOLE,
    MirroredListing,
    choose_families,
)
from amocrm.mirror.sql.sink import Sink
from amocrm.mirror.whole_listings import last_read

if TYPE_CHECKING:
    import sqlalchemy as sa

SAMPLE: Final = 500
"""Items of a listing that are compared row by row."""


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
        wholes = [
            (one, at)
            for one in (GROUPS, *WHOLE)
            if one.family in ("", *chosen) and (at := last_read(state, one)) is not None
        ]
        events = [
            (one, since - 1)
            for one, of in _EVENTS
            if of & chosen and (since := all_events_since(state, of)) is not None
        ]
        if not sources and not events and not any(one.family for one, _ in wholes):
            raise ConfigurationError(f"the account {account.id} is not mirrored there")
        comparison = Comparison(crm, sink, account, random.Random(seed), sample)
        for source in sources:
            since = int(_of(state, source)["since"])
            comparison.attempt(source.name, partial(comparison.compare, source, since))
        special: Mapping[str, Callable[[MirroredListing, int], object]] = {
            GROUPS.name: comparison.compare_groups,
            CATALOGS.name: comparison.compare_catalogs,
            TRANSACTIONS.name: comparison.compare_long,
        }
        for source, at in wholes:
            compare = special.get(source.name, comparison.compare_whole)
            comparison.attempt(source.name, partial(compare, source, at))
        for source, until in events:
            comparison.attempt(source.name, partial(comparison.compare_events, source, until))
    return comparison.found


_EVENTS: Final = (
    (EVENTS, frozenset({"events"})),
    (STATUS_HISTORY, frozenset({"events", "leads"})),
)
"""Listings of events, and the families with each of which they are mirrored."""


def _of(state: Mapping[str, Json], source: MirroredListing) -> Mapping[str, Json]:
    found = state.get(source.name)
    return found if isinstance(found, Mapping) else {}
