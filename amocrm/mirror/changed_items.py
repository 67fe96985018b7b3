"""Reads again what has changed: by the time of the change, and by id what events have named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

from amocrm.api_limits import PAGE_LIMIT
from amocrm.bulk.changes import OVERLAP
from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch
from amocrm.mirror.context import RunContext
from amocrm.mirror.deletions import AHEAD, MERGED, EntityKey, Fate
from amocrm.mirror.families import SOURCES, MirroredListing
from amocrm.mirror.report import MirrorProgress

_IDS: Final = 100
"""Ids in one call: an address must not become too long."""

T = TypeVar("T")


def read_changes(run: RunContext, source: MirroredListing) -> None:
    """Read what was created or edited since the last run began, and a little before.

    Nobody documents how soon a write appears in listings, so the last minute is read once more.
    """
    since = max(0.0, float(run.state(source.name)["since"]) - OVERLAP)
    changes: Iterable[Json] = run.crm.changes(source.path, source.params, since=since)
    done = 0
    for items in _parts(changes, PAGE_LIMIT):
        done += len(items)
        run.tell(MirrorProgress(source.name, done))
        rows = run.rows(source.path, source.kind, items, source.of)
        run.put(Batch(rows))
    state = {**run.state(source.name), "since": run.begun}
    run.put(Batch(state={source.name: state}))


def read_touched(
    run: RunContext, touched: Mapping[EntityKey, Mapping[str, Json]], families: Iterable[str]
) -> None:
    """Read entities again that are older in the mirror than an event that names them.

    A merged entity that the account does not have any more is deleted since the event. Of others
    that are not found nothing is known: perhaps the user may not see them.
    """
    ids: dict[str, list[int]] = defaultdict(list)
    for key in touched:
        ids[key.kind].append(key.id)
    for source in SOURCES:
        wanted = ids.get(source.name)
        if not wanted or source.family not in families:
            continue
        known, latest = run.sink.versions(run.account.id, source.kind, wanted), run.now() + AHEAD
        stale = [
            number
            for number in wanted
            if known.get(number, -1) < touched[EntityKey(source.name, number)]["created_at"]
            or known.get(number, 0) > latest
            or touched[EntityKey(source.name, number)]["type"] == MERGED
        ]
        found = read_by_id(run, source, stale)
        fates: dict[EntityKey, Fate] = {}
        for number in stale:
            event = touched[EntityKey(source.name, number)]
            if event["type"] == MERGED and number not in found:
                fates[EntityKey(source.name, number)] = Fate(event["created_at"], event["id"], True)
        if fates:
            run.put(Batch(fates=fates))


def read_by_id(run: RunContext, source: MirroredListing, ids: Iterable[int]) -> set[int]:
    """Read entities by their ids; return those that were found."""
    found: set[int] = set()
    for some in _parts(ids, _IDS):
        asked = {**source.params, "filter": {"id": some}}
        for items in run.pages(source.path, asked):
            found |= {int(one["id"]) for one in items}
            run.put(Batch(run.rows(source.path, source.kind, items, source.of)))
    return found


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
