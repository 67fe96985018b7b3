"""What a request changes in an account: webhooks tell about it when the request has ended.

One entity is one change, however often the request writes it: a lead of `/leads/complex` is added,
and its link to the contact is no second event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from amocrm.sandbox.http.answer import Json

Action: TypeAlias = 'Literal["add", "update", "delete", "restore"]'


@dataclass(frozen=True)
class Change:
    """One changed entity.

    Attributes:
        kind: its shelf, such as `leads` or `leads/notes`; `messages` for messages of chats.
        entity: as it is kept, so that it shows what the rest of the request did to it.
        before: a copy from before the request; None if it was not kept.
    """

    kind: str
    entity: dict[str, Json]
    action: Action
    before: dict[str, Json] | None = None


class AccountChanges:
    """Changes of one account since they were taken."""

    def __init__(self) -> None:
        """Begin without changes."""
        self._changes: dict[tuple[str, Json], Change] = {}

    def add(self, kind: str, entity: dict[str, Json]) -> None:
        """Note a new entity."""
        self._changes[kind, entity["id"]] = Change(kind, entity, "add")

    def update(self, kind: str, entity: dict[str, Json], before: dict[str, Json]) -> None:
        """Note a changed entity; `before` is a copy of it."""
        self._changes.setdefault((kind, entity["id"]), Change(kind, entity, "update", before))

    def delete(self, kind: str, entity: dict[str, Json]) -> None:
        """Note a deleted entity, or one that was put into the recycle bin."""
        self._changes[kind, entity["id"]] = Change(kind, entity, "delete")

    def restore(self, kind: str, entity: dict[str, Json]) -> None:
        """Note an entity that was taken out of the recycle bin."""
        self._changes[kind, entity["id"]] = Change(kind, entity, "restore")

    def take(self) -> list[Change]:
        """Return the changes in their order, and forget them."""
        taken = list(self._changes.values())
        self._changes.clear()
        return taken
