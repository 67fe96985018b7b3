"""A resource of the API as one entry of a table.

Adding a resource is one entry: a `Collection` says what is written at which address, and the engine
lists, reads, creates, changes and deletes it. A small one, whole::

    LOSS_REASONS = Collection(
        path="/leads/loss_reasons",
        key="loss_reasons",
        verbs={
            "list": Verb(),
            "one": Verb(),
            "create": Verb(admin=True),
            "change_one": Verb(admin=True),
            "delete": Verb(status=204, admin=True),
        },
        keys=("id", "name", "sort", "created_at", "updated_at"),
        create={"name": NAME, "sort": "int"},
        defaults={"sort": 0},
        unknown=404,
    )

The entry goes into `table.TABLE`, and `UNCERTAIN.md` gets a line for every choice in it that the
reference leaves open.

The verbs and their addresses: `list` GET path, `one` GET path/{id}, `create` POST path, `change`
PATCH path, `change_one` PATCH path/{id}, `delete` DELETE path/{id}, `delete_many` DELETE path with
an array of `{"id": ...}`. A verb that is left out is 405.

Parents stand in the path (`/catalogs/<int:catalog_id>/elements`). The variable is a member of
every entity below, and names in `parents` the shelf where the parent must be found, else 404.

What differs from the rule is a hook: a function that gets an `Operation` (the call, the entry, the
variables of the path). `make`, `change` and `drop` replace a step, and usually call the plain one
first: `operation.make(model)`, `operation.change(entity, model)`, `operation.drop(entity)`. `guard`
refuses a call before anything of it is read; `check` adds faults to those that the schema found;
`admit` refuses checked models, each with the entity that it changes, in a shape of its own;
`show` returns an entity as a read shows it, `operation.show(entity)` being the plain form; `select`
narrows a listing before its filters do, and may refuse the query.

An address that is no collection at all is a `Route`: method, path, handler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from amocrm.api_limits import BATCH_LIMIT, PAGE_LIMIT
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.filters import Filter
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Schema, ignoring, prop
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, Json
from amocrm.sandbox.http.problem import ProblemError

VerbName = Literal["list", "one", "create", "change", "change_one", "delete", "delete_many"]
Entities: TypeAlias = "dict[Json, Entity]"
Scope: TypeAlias = "Mapping[str, Json]"

_UNKNOWN_PARENT = {"pipelines": "Pipeline not found"}
"""Details that are recorded from real accounts."""

_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Verb:
    """How one verb asks and answers.

    Attributes:
        shape: members of a written item, `_links` apart; None repeats the whole model.
        status: of success; 202 with `shape=()` and 204 have no body.
        echo: `request_id` of a written item: `index` says what was sent or else the index, `id`
            what was sent or else the id as text, `sent` only what was sent, `no` nothing.
        total: whether `_total_items` counts the items of the answer; of a paged listing, all.
        body: what a creation takes: an `array`, one `object` (answered unwrapped), or `both`.
        most: models of one request.
        admin: whether the user must be an administrator.
    """

    shape: tuple[str, ...] | None = None
    status: int = 200
    echo: Literal["index", "id", "sent", "no"] = "index"
    total: bool = False
    body: Literal["array", "object", "both"] = "array"
    most: int = BATCH_LIMIT
    admin: bool = False


@dataclass(frozen=True)
class Collection:
    """One resource at one address.

    Attributes:
        path: below `/api/v4`, with its parents.
        key: of the list in `_embedded`.
        verbs: what can be done, and how it answers.
        keys: members of a read, in the published order. The engine fills `id`, `account_id`,
            `group_id`, `responsible_user_id`, `created_by`, `updated_by`, `created_at` and
            `updated_at` by itself.
        create: writable properties of a creation, besides `request_id`.
        patch: writable properties of a change, `create` if None, besides `id` and `request_id`.
        with_keys: members that only some reads show; a write ignores them, as it ignores `keys`.
        embeds: members of `_embedded` in a read; a write ignores them.
        fixed: members that a change may repeat, but not change.
        defaults: members of a new entity that its model does not give.
        shelf: where the account keeps them; `key` if empty. Two addresses may share one.
        ids: kind of the ids; `key` if empty.
        number: variable of the path that is the id; `<number>` for ids that are text.
        parents: shelves of the variables of the path.
        filters: of `filter[...]`; unknown ones are ignored.
        bare: filters that stand in the query without `filter[...]`.
        orders: fields of `order[...]`.
        query: members that `query` searches.
        paged: whether `page` and `limit` count; otherwise all is one answer, without `_page`.
        page: greatest `limit`.
        page_default: `limit` when none is given.
        unknown: status of a read of an unknown id.
        capacity: entities of an account, or below one parent, at most.
        overfull: status of a creation beyond it.
        stored: where else entities are than on a shelf; it sees to the parents by itself.
    """

    path: str
    key: str
    verbs: Mapping[VerbName, Verb]
    keys: tuple[str, ...] = ()
    create: Schema = field(default_factory=dict[str, str])
    patch: Schema | None = None
    with_keys: tuple[str, ...] = ()
    embeds: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict[str, Json])
    shelf: str = ""
    ids: str = ""
    number: str = "<int:number>"
    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    filters: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    bare: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    orders: frozenset[str] = frozenset()
    query: tuple[str, ...] = ()
    paged: bool = True
    page: int = PAGE_LIMIT
    page_default: int | None = None
    unknown: int = 204
    capacity: int | None = None
    overfull: int = 422
    stored: Callable[[Operation], Entities] | None = None
    guard: Callable[[Operation], None] | None = None
    check: Callable[[Operation, Entity, Entity | None, ValidationErrors], None] | None = None
    admit: Callable[[Operation, list[tuple[Entity | None, Entity]]], None] | None = None
    make: Callable[[Operation, Entity], Entity] | None = None
    change: Callable[[Operation, Entity, Entity], None] | None = None
    drop: Callable[[Operation, Entity], None] | None = None
    show: Callable[[Operation, Entity, ListingQuery], Entity] | None = None
    select: Callable[[Operation, list[Entity], ListingQuery], list[Entity]] | None = None

    def writable(self, *, change: bool = False) -> Schema:
        """Return what a model may hold: what can be written, and what a read shows."""
        written = self.patch if change and self.patch is not None else self.create
        embedded = prop(written.get("_embedded", "object"))
        inner = {**ignoring(*self.embeds), **(embedded.inner or {})}
        return {
            **ignoring("id", "account_id", "_links", *self.keys, *self.with_keys),
            "request_id": "string",
            **written,
            "_embedded": replace(embedded, inner=inner),
        }

    def at(self, scope: Scope) -> str:
        """Return the path with its variables filled in."""
        return _VARIABLE.sub(lambda found: str(scope[found[1]]), self.path)


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
    def shelf(self) -> Entities:
        """Entities of this resource, those of other parents included."""
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
                raise ProblemError(404, _UNKNOWN_PARENT.get(shelf, "Not found"))

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


@dataclass(frozen=True)
class Route:
    """An address with a handler of its own; the handler gets the call and the path's variables."""

    method: str
    path: str
    handler: Callable[..., Answer]
    admin: bool = False


Entry: TypeAlias = "Collection | Route"
