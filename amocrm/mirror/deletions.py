"""Whether an entity is deleted, decided by the latest of what is known, in whatever order it came.

What is known are events of deletion and restoration, each with an instant and an id, and reads,
which show the entity as it was at its `updated_at`. Of two events the later one counts; of two in
one second, the one with the larger id, because ids of events grow. A read is proof that an entity
is not deleted only if it was changed after the deletion: an older one may have been read before.
Integrations set `updated_at` as they like: one that is in the future says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple

from amocrm.http.messages import Json
from amocrm.mirror.flatten.reading import at

AHEAD: Final = 60.0
"""Seconds by which an `updated_at` may be later than the read that shows it: clocks differ."""


class EntityKey(NamedTuple):
    """An entity that can be deleted: the name of its table, of notes `leads/notes`, and its id."""

    kind: str
    id: int


class Fate(NamedTuple):
    """What an event says of an entity: since an instant it is deleted, or it is not."""

    at: int
    event_id: str
    is_deleted: bool

    def deleted_at(self, updated_at: int | None, now: float = math.inf) -> int | None:
        """Return when the entity was deleted, if its latest read is of some instant.

        Args:
            updated_at: of the read.
            now: Unix seconds; an `updated_at` after it proves nothing.
        """
        is_proven = updated_at is not None and self.at < updated_at <= now + AHEAD
        return self.at if self.is_deleted and not is_proven else None


_KINDS: Final[Mapping[Json, str]] = {
    "lead": "leads", "contact": "contacts", "company": "companies", "customer": "customers",
    "task": "tasks",
}  # fmt: skip

_SINGULAR: Final = {kind: name for name, kind in _KINDS.items()}

DELETIONS: Final = tuple(f"{name}_deleted" for name in _KINDS)
RESTORATIONS: Final = ("lead_restored", "contact_restored", "company_restored")
MERGED: Final = "entity_merged"
NOTE_DELETED: Final = "common_note_deleted"
TELLING: Final = (*DELETIONS, *RESTORATIONS, MERGED, NOTE_DELETED)
"""Types of events that tell of fates."""


def fates_of(events: Iterable[Mapping[str, Json]]) -> dict[EntityKey, Fate]:
    """Return the latest fate of each entity that events tell of; not of merged ones."""
    found: dict[EntityKey, Fate] = {}
    for event in events:
        key, kind = key_of(event), event.get("type")
        is_restored = str(kind).endswith("_restored")
        if key is None or not (is_restored or kind in DELETIONS or kind == NOTE_DELETED):
            continue
        if kind == NOTE_DELETED:
            note = at(event, ("value_after", 0, "note", "id"))
            if type(note) is not int:
                continue
            key = EntityKey(f"{key.kind}/notes", note)
        fate = Fate(int(event["created_at"]), str(event["id"]), not is_restored)
        found[key] = max(fate, found.get(key, fate))
    return found


def keys_of(event: Mapping[str, Json]) -> Iterator[EntityKey]:
    """Yield the entities that an event names: of a link both ends, because one event may be all."""
    if (key := key_of(event)) is not None:
        yield key
    for side, name in product(("value_after", "value_before"), ("link", "unlink")):
        end = at(event, (side, 0, name, "entity"))
        if type(end) is dict:
            kind = end.get("type")
            kind = _SINGULAR.get(kind, kind) if type(kind) is str else None
            key = key_of({**event, "entity_type": kind, "entity_id": end.get("id")})
            if key is not None:
                yield key


def key_of(event: Mapping[str, Json]) -> EntityKey | None:
    """Return the entity that an event names, if the mirror has a table for it."""
    kind, number = _KINDS.get(event.get("entity_type")), event.get("entity_id")
    if kind is None or type(number) is not int or type(event.get("created_at")) is not int:
        return None
    return EntityKey(kind, number)
