"""One call at one collection: the plain steps that an entry's hooks build upon."""

from __future__ import annotations

from dataclasses import dataclass

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, LRUCache, Scope
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.http.problem import ProblemError


@dataclass(frozen=True)
class Operation:
    """A call, the entry it is for, and the variables of its path."""

    call: Call
    row: Collection
    scope: Scope

    @property
    def account(self) -> Account:
        """The account of the call."""
        return self.call.account

    @property
    def shelf(self) -> LRUCache:
        """Entities of this family, those of other parents included."""
        if self.row.stored is not None:
            return self.row.stored(self)
        return self.account.shelf(self.row.shelf or self.row.key)

    @property
    def url(self) -> str:
        """The absolute address of the collection."""
        return self.call.root + self.row.at(self.scope)

    def enter(self) -> None:
        """See that the entry lets the call in, and that the parents are there.

        Raises:
            ProblemError: what the guard of the entry refuses; 404 for an unknown parent.
                Assumed (reference 4.33): it is not documented.
        """
        if self.row.guard is not None:
            self.row.guard(self)
        for name, shelf in self.row.parents.items():
            if self.scope[name] not in self.account.shelf(shelf):
                raise ProblemError(404, "Not found")

    def here(self) -> list[Entity]:
        """Return the entities below the parents of the path."""
        stored = self.shelf.values()
        return [one for one in stored if self._is_below(one)] if self.scope else list(stored)

    def find(self, number: Json) -> Entity | None:
        """Return an entity by its id, if it is below the parents of the path."""
        entity = self.shelf.get(number)
        return entity if entity is not None and self._is_below(entity) else None

    def _is_below(self, entity: Entity) -> bool:
        return self.row.stored is not None or all(
            entity.get(name) == value for name, value in self.scope.items()
        )

    def blank(self) -> Entity:
        """Return a new entity with an id, the stamps of the moment and the defaults."""
        call, user = self.call, self.call.grant.user_id
        stamps: Entity = {
            "id": call.ids.take(self.row.ids or self.row.key),
            "account_id": call.account.id,
            "responsible_user_id": user,
            "group_id": 0,
            "created_by": user,
            "updated_by": user,
            "created_at": call.now,
            "updated_at": call.now,
        }
        entity = {name: stamps.get(name) for name in self.row.keys}
        return {**entity, "id": stamps["id"], **self.row.defaults, **self.scope}

    def make(self, model: Entity) -> Entity:
        """Store a new entity of a checked model."""
        entity = self.blank()
        self._write(entity, model)
        self.shelf[entity["id"]] = entity
        return entity

    def change(self, entity: Entity, model: Entity) -> None:
        """Change an entity as a checked model says."""
        stamps: Entity = {"updated_at": self.call.now, "updated_by": self.call.grant.user_id}
        entity |= {name: value for name, value in stamps.items() if name in self.row.keys}
        self._write(entity, model)

    def drop(self, entity: Entity) -> None:
        """Remove an entity."""
        del self.shelf[entity["id"]]

    def show(self, entity: Entity) -> Entity:
        """Return an entity as a read shows it."""
        shown: Entity = {name: entity[name] for name in self.row.keys}
        shown["_links"] = {"self": {"href": self.href(entity)}}
        return shown

    def href(self, entity: Entity) -> str:
        """Return the absolute address of an entity."""
        return f"{self.url}/{entity['id']}"

    def _write(self, entity: Entity, model: Entity) -> None:
        # Write-only properties are no members of a read: hooks see to them.
        # A change may repeat the id; the one of the path counts.
        known = {name: one for name, one in model.items() if name in self.row.keys}
        entity |= {**known, "id": entity["id"]}
