"""The first copy of a listing: page by page at the API's ceiling, and proof that none is missing.

Pages are requested by number, several at a time. Edits and new items do not move other items,
because the order is that of the ids; but when an item is deleted, those behind it move up, and one
of them may move from a page that is still to come to one that was read already. So the copy is made
in segments of pages, each with the instants between which it was read. A segment during which
something was deleted is read again, until nothing was. What was edited meanwhile is read after the
copy as a change, because changes are read from the beginning of the copy on.

Rows of a page, and the number of the page, are written together: a process that is killed goes on
with the next page. The segment it was in then covers the pause as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from amocrm.api_limits import PAGE_LIMIT
from amocrm.errors import BlockedError, ForbiddenError, PaymentRequiredError
from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch
from amocrm.mirror.context import RunContext
from amocrm.mirror.estimate import Estimate
from amocrm.mirror.families import MirroredListing

SEGMENT: Final = 40
"""Pages of a segment; more than are ever requested ahead."""
SLACK: Final = 5.0
"""Seconds around a segment in which a deletion counts: listings may show it a little later."""
ATTEMPTS: Final = 5
"""How often segments are read again in one run; the next run goes on."""

_LARGEST: Final = 2**63


class PageSegment(NamedTuple):
    """Pages that were read one after the other.

    Attributes:
        page: number of the first page.
        after: the id before the first item.
        until: the id of the last item.
        begun: Unix seconds before the first page was requested.
        started: Unix seconds when the first page had come.
        ended: Unix seconds when the last page had come.
    """

    page: int
    after: int
    until: int
    begun: float
    started: float
    ended: float


class FirstCopy:
    """Copies one listing; see the module."""

    def __init__(self, run: RunContext, source: MirroredListing) -> None:
        self._run = run
        self._source = source
        state = run.state(source.name)
        self._page = int(state.get("page", 0))
        # Without a page it is a new copy, of an account without filters.
        self._begun = float(state["begun"] if self._page else run.begun)
        self._done = int(state.get("done", 0))
        self._segments = [PageSegment(*one) for one in state.get("segments", ())]

    def copy(self) -> None:
        """Copy what is not copied yet, and prove that it is whole."""
        run, name = self._run, self._source.name
        estimate = Estimate(name, run.account.created_at, run.now(), run.monotonic(), self._done)
        for items in run.pages(self._source.path, self._query(self._page + 1)):
            self._page += 1
            run.tell(estimate.add(items, run.monotonic()))
            self._extend(items)
            self._done = estimate.done
            self._put(items, {
                "begun": self._begun, "page": self._page, "done": self._done,
                "segments": _written(self._segments),
            })  # fmt: skip
        if self._segments:
            # That nothing follows may be so only because items have moved up since the last page.
            self._segments[-1] = self._segments[-1]._replace(ended=run.now())
        gaps = _written(self._prove(self._segments))
        state = {"since": self._begun, "begun": self._begun, "gaps": gaps}
        run.put(Batch(state={name: state}))
        run.report.first_copies.append(name)

    def close_gaps(self) -> None:
        """Prove what the first copy could not, because something was deleted again and again."""
        state = self._run.state(self._source.name)
        gaps = _written(self._prove([PageSegment(*one) for one in state.get("gaps", ())]))
        self._run.put(Batch(state={self._source.name: {**state, "gaps": gaps}}))

    def _extend(self, items: list[Json]) -> None:
        """Add a page to the segments."""
        now, last = self._run.now(), self._segments[-1] if self._segments else None
        until = _id_of(items[-1]) if self._source.orders else _LARGEST
        if last is None:
            self._segments.append(PageSegment(1, 0, until, self._begun, self._begun, now))
        elif self._page - last.page < SEGMENT or not self._source.orders:
            self._segments[-1] = last._replace(until=until, ended=now)
        else:
            # Its first pages were requested when no page of the segment before had come.
            self._segments.append(
                PageSegment(self._page, last.until, until, last.started, now, now)
            )

    def _prove(self, segments: list[PageSegment]) -> list[PageSegment]:
        """Read segments again in which something was deleted; return those that are not proven."""
        if not segments:
            return []
        earliest = min(one.begun for one in segments) - SLACK
        known = self._deletions(earliest)
        if known is None:
            return segments
        wrong = [
            one
            for one in segments
            if any(one.begun - SLACK <= at <= one.ended + SLACK for at in known.values())
        ]
        for _ in range(ATTEMPTS):
            if not wrong:
                return []
            for segment in wrong:
                self._read_again(segment, len(known))
            # What was known before they were read again has not moved anything meanwhile.
            found = self._deletions(earliest)
            if found is None:
                break
            if found.keys() <= known.keys():
                return []
            known = found
        return wrong

    def _deletions(self, since: float) -> Mapping[str, int] | None:
        """Return the events since an instant that took items away, with their instants.

        None if they cannot be read: then nothing is proven, and the next run tries again.
        """
        asked = {
            "created_at": {"from": int(since)}, "type": ",".join(self._source.removed_by),
        }  # fmt: skip
        try:
            pages = self._run.pages("events", {"filter": asked})
            return {str(one["id"]): int(one["created_at"]) for page in pages for one in page}
        except BlockedError:
            raise
        except (ForbiddenError, PaymentRequiredError) as error:
            self._run.skip(f"deletions of {self._source.name}", error)
            return None

    def _read_again(self, segment: PageSegment, deleted: int) -> None:
        """Read a segment again; deletions have moved its items to earlier pages."""
        page = max(1, segment.page - math.ceil(deleted / PAGE_LIMIT))
        while True:
            is_first = True
            for items in self._run.pages(self._source.path, self._query(page)):
                if is_first and page > 1 and _id_of(items[0]) > segment.after:
                    break  # It begins after the end of the segment before.
                is_first = False
                self._put(items, {})
                if self._source.orders and _id_of(items[-1]) >= segment.until:
                    return
            else:
                return
            page -= 1

    def _query(self, page: int) -> dict[str, Json]:
        order = {"order": {"id": "asc"}} if self._source.orders else {}
        return {**self._source.params, **order, "page": page}

    def _put(self, items: list[Json], state: Mapping[str, Json]) -> None:
        source = self._source
        rows = self._run.rows(source.path, source.kind, items, source.of)
        self._run.put(Batch(rows, state={source.name: state} if state else {}))


def _written(segments: Iterable[PageSegment]) -> list[Json]:
    return [list(one) for one in segments]


def _id_of(item: Json) -> int:
    number = item.get("id") if isinstance(item, Mapping) else None
    return number if type(number) is int else 0
