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
from amocrm.mirror.deletions import MERGED, NOTE_DELETED, EntityKey, fates_of, keys_of
from amocrm.mirror.estimate import Estimate
from amocrm.mirror.families import SOURCES
from amocrm.mirror.tables.columns import Rows

_OF_FAMILY: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("lead_deleted", "lead_restored", "lead_status_changed"),
    "contacts": ("contact_deleted", "contact_restored"),
    "companies": ("company_deleted", "company_restored"),
    "customers": ("customer_deleted",),
    "tasks": ("task_deleted",),
    "notes": (NOTE_DELETED,),
}  # fmt: skip
"""Types of events that the mirror needs of a family, if it does not have all events."""

_ENTITIES: Final = frozenset({"leads", "contacts", "companies", "customers"})
_OF_ENTITIES: Final = (
    MERGED,
    *(f"{other}_{word}" for other in ("lead", "contact", "company", "customer", "entity")
      for word in ("linked", "unlinked")),
)  # fmt: skip
"""Types that are needed of any entity: `contact_linked` may name the lead."""

_STATE: Final = "events:"
"""Under which it is remembered how far events were read, for each choice of families: those of
other families are other ones, and other entities were read again because of them."""

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
        self._families = {name for name in families if name == "events" or name in _OF_FAMILY}
        if not run.account.has_customers:
            self._families.discard("customers")
        self._types = sorted(
            {kind for name in families for kind in _OF_FAMILY.get(name, ())}
            | (set(_OF_ENTITIES) if _ENTITIES & set(families) else set())
        )
        self._state = _STATE + ",".join(sorted(self._families))
        self.name = "events" if self._keeps_all else "events/needed"
        self.touched: dict[EntityKey, Mapping[str, Json]] = {}

    def read(self) -> None:
        """Read the events that are new; the first time, all of them."""
        if not self._families:
            return
        if self.is_copied:
            self._read_since(int(self._run.state(self._state)["since"]))
        else:
            self._copy()

    @property
    def is_copied(self) -> bool:
        """Whether all earlier events were read."""
        return "since" in self._run.state(self._state)

    def _copy(self) -> None:
        run = self._run
        state = run.state(self._state)
        begun, page = int(state.get("begun", run.begun)), int(state.get("page", 0))
        done = int(state.get("done", 0))
        estimate = Estimate(self.name, run.account.created_at, run.now(), run.monotonic(), done)
        for items in self._pages({"to": begun}, page + 1):
            page += 1
            run.tell(estimate.add(items, run.monotonic()))
            self._put(items, {"begun": begun, "page": page, "done": estimate.done})
        # What happened while entities were copied is looked at once more, with what it touches.
        since = min([begun, *self._begun_copies()])
        run.put(Batch(state={self._state: {"since": since}}))
        run.report.first_copies.append(self.name)
        self._read_since(since)

    def _begun_copies(self) -> Iterator[int]:
        for source in SOURCES:
            state = self._run.state(source.name)
            if source.family in self._families and "begun" in state:
                yield int(state["begun"])

    def finish(self) -> None:
        """Remember that all events were read, and what they have touched was read again."""
        if self._families:
            self._run.put(Batch(state={self._state: {"since": self._run.begun}}))

    def _read_since(self, since: int) -> None:
        for items in self._pages({"from": max(0, int(since - OVERLAP))}, 1):
            for event in items:
                kind = str(event.get("type"))
                if not (kind.endswith(_REREAD) or kind == MERGED):
                    continue
                for key in keys_of(event):
                    known = self.touched.get(key)
                    if known is None or _weight(event) >= _weight(known):
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
        self._run.put(Batch(rows, fates_of(items), state={self._state: state} if state else {}))


def _weight(event: Mapping[str, Json]) -> tuple[bool, int]:
    """Return which event of an entity counts: that it was merged, whatever else has happened."""
    return event["type"] == MERGED, event["created_at"]


def all_events_since(
    state: Mapping[str, Json], families: Collection[str] = ("events",)
) -> int | None:
    """Return the instant up to which the events of one of some families are in the mirror.

    Args:
        state: how far listings were read, by name.
        families: of which one suffices; by default those of all events.

    Returns:
        Unix seconds; None if they never were.
    """
    found = [
        int(one["since"])
        for name, one in state.items()
        if name.startswith(_STATE)
        and not {*families}.isdisjoint(name[len(_STATE) :].split(","))
        and "since" in one
    ]
    return max(found, default=None)
