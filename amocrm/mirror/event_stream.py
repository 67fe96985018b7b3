"""Events: what was deleted and restored, the moves of leads, and what must be read again.

Events do not change, and are not deleted. So pages by number miss none of those up to an instant,
in whatever order the API lists them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from amocrm.bulk.changes import OVERLAP
from amocrm.http.messages import Json
from amocrm.mirror.batch import Batch
from amocrm.mirror.context import RunContext
from amocrm.mirror.deletions import MERGED, NOTE_DELETED, Key, fates_of, key_of
from amocrm.mirror.estimate import Estimate
from amocrm.mirror.families import SOURCES
from amocrm.mirror.tables.columns import Rows

_OF_FAMILY: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("lead_deleted", "lead_restored", "lead_status_changed", "lead_linked",
              "lead_unlinked"),
    "contacts": ("contact_deleted", "contact_restored", "contact_linked", "contact_unlinked"),
    "companies": ("company_deleted", "company_restored", "company_linked", "company_unlinked"),
    "customers": ("customer_deleted", "customer_linked", "customer_unlinked"),
    "tasks": ("task_deleted",),
    "notes": (NOTE_DELETED,),
}  # fmt: skip
"""Types of events that the mirror needs of a family, if it does not have all events."""

_ENTITIES: Final = frozenset({"leads", "contacts", "companies", "customers"})

_REREAD: Final = ("_linked", "_unlinked", "_restored", "_status_changed", "_responsible_changed")
"""Ends of types of events after which an entity must be as new as the event."""


class EventStream:
    """Reads the events of a run.

    Args:
        run: the run.
        families: that are mirrored; without `events` only what they need is read.

    Attributes:
        touched: entities to read again: what an event says of them may be newer than their rows.
    """

    def __init__(self, run: RunContext, families: Collection[str]) -> None:
        self._run = run
        self._keeps_all = "events" in families
        self._families = families
        self._types = sorted(
            {kind for name in families for kind in _OF_FAMILY.get(name, ())}
            | ({MERGED} if _ENTITIES & set(families) else set())
        )
        self.name = "events" if self._keeps_all else "events/needed"
        self.touched: dict[Key, Mapping[str, Json]] = {}

    def read(self) -> None:
        """Read the events that are new; the first time, all of them."""
        if not self._keeps_all and not self._types:
            return
        if self.is_copied:
            self._read_since(int(self._run.state(self.name)["since"]))
        else:
            self._copy()

    @property
    def is_copied(self) -> bool:
        """Whether all earlier events were read."""
        state = self._run.state(self.name)
        return "since" in state and set(self._types) <= set(state.get("types", ()))

    def _copy(self) -> None:
        run = self._run
        state = run.state(self.name)
        begun, page = int(state.get("begun", run.begun)), int(state.get("page", 0))
        done = int(state.get("done", 0))
        estimate = Estimate(self.name, run.account.created_at, run.now(), run.monotonic(), done)
        for items in self._pages({"to": begun}, page + 1):
            page += 1
            run.tell(estimate.add(items, run.monotonic()))
            self._put(items, {"begun": begun, "page": page, "done": estimate.done})
        # What happened while entities were copied is looked at once more, with what it touches.
        since = min([begun, *self._begun_copies()])
        run.put(Batch(state={self.name: {"since": since, "types": self._types}}))
        run.report.first_copies.append(self.name)
        self._read_since(since)

    def _begun_copies(self) -> Iterator[int]:
        for source in SOURCES:
            state = self._run.state(source.name)
            if source.family in self._families and "begun" in state:
                yield int(state["begun"])

    def finish(self) -> None:
        """Remember that all events were read, and what they have touched was read again."""
        if self._keeps_all or self._types:
            state = {"since": self._run.begun, "types": self._types}
            self._run.put(Batch(state={self.name: state}))

    def _read_since(self, since: int) -> None:
        for items in self._pages({"from": max(0, int(since - OVERLAP))}, 1):
            for event in items:
                key = key_of(event)
                kind = str(event.get("type"))
                if key is not None and (kind.endswith(_REREAD) or kind == MERGED):
                    known = self.touched.get(key)
                    if known is None or event["created_at"] >= known["created_at"]:
                        self.touched[key] = event
            self._put(items, {})

    def _pages(self, created_at: Mapping[str, int], page: int) -> Iterator[list[Json]]:
        asked: dict[str, Json] = {"created_at": created_at}
        if not self._keeps_all:
            asked["type"] = ",".join(self._types)
        return self._run.pages("events", {"filter": asked, "page": page})

    def _put(self, items: Sequence[Json], state: Mapping[str, Json]) -> None:
        rows: Rows = self._run.rows("events", "events", items)
        if not self._keeps_all:
            del rows["events"]
        self._run.put(Batch(rows, fates_of(items), state={self.name: state} if state else {}))
