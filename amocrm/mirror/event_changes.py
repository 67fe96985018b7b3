"""What events tell of the items of a listing: which were edited, which came, which went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from amocrm.http.messages import Json
from amocrm.mirror.deletions import MERGED, NOTE_DELETED, EntityKey, key_of
from amocrm.mirror.differences import ListingChanges
from amocrm.mirror.families import MirroredListing
from amocrm.mirror.flatten.reading import at


def changes_of(source: MirroredListing, events: Iterable[Mapping[str, Json]]) -> ListingChanges:
    """Return what events tell of a listing; of an item that came and went, what was last."""
    kind = f"{source.of}/notes" if source.of else source.name
    edited: set[int] = set()
    last: dict[int, tuple[int, str, bool]] = {}
    for event in events:
        for key, comes in _told_by(event):
            if key.kind != kind:
                continue
            edited.add(key.id)
            if comes is not None:
                told = int(event["created_at"]), str(event["id"]), comes
                last[key.id] = max(told, last.get(key.id, told))
    came = {number for number, (*_, comes) in last.items() if comes}
    return ListingChanges(edited, came, last.keys() - came)


def _told_by(event: Mapping[str, Json]) -> Iterator[tuple[EntityKey, bool | None]]:
    """Yield what an event names, and whether that comes or goes."""
    key, kind = key_of(event), str(event.get("type"))
    if key is None:
        return
    word = kind.removeprefix(f"{event['entity_type']}_")
    # Both of two merged entities have the event; whether the account has one of them is seen there.
    yield key, {"added": True, "restored": True, "deleted": False, MERGED: False}.get(word)
    note = at(event, ("value_after", 0, "note", "id"))
    if type(note) is int:
        yield EntityKey(f"{key.kind}/notes", note), kind != NOTE_DELETED
