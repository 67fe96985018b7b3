"""What one account holds: entities, fields, tags, pipelines, users, and the links between them.

Entities are kept as they are read (reference 5.1, 5.2), without links and `_embedded`; those are
made for each answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from amocrm.sandbox.data.changes import AccountChanges
from amocrm.sandbox.drive.store import Drive
from amocrm.sandbox.http.answer import Json

Entity: TypeAlias = "dict[str, Json]"

_FIRST_IDS = {
    "accounts": 30000001,
    "users": 501,
    "leads": 7001,
    "contacts": 30001,
    "companies": 44001,
    "fields": 901,
    "enums": 1701,
    "tags": 61,
    "pipelines": 11,
    "statuses": 101,
    "customers": 9001,
    "segments": 51,
    "transactions": 6001,
    "customer_statuses": 301,
    "files": 5001,
    "uploads": 91001,
    "links": 8001,
}


_FIRST_ID = 100001
"""Where kinds begin that are not in the list."""


WON, LOST = 142, 143
CLOSED = (WON, LOST)
"""Won and lost: the same ids in every pipeline (reference 3.6)."""


class Ids:
    """Increasing ids, shared by all accounts of a portal; steps of 2 (reference 11)."""

    def __init__(self) -> None:
        """Begin at a different number for each kind."""
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        self._next = dict(_FIRST_IDS)
        self._taken = defaultdict[str, "set[int]"](set, {"statuses": set(CLOSED)})

    def take(self, kind: str) -> int:
        """Return the next id of a kind."""
        number = self._next.get(kind, _FIRST_ID)
        while number in self._taken[kind]:
            number += 2
        self._next[kind] = number + 2
        return number

    def reserve(self, kind: str, numbers: Iterable[int]) -> None:
        """Never return these ids: an account has them by now."""
        self._taken[kind].update(numbers)


class Ties:
    """Links between entities, readable from both ends."""

    def __init__(self) -> None:
        """Begin without links."""
        self._ties: defaultdict[tuple[str, int, str], list[int]] = defaultdict(list)
        self._main: dict[int, int] = {}
        self._elements: dict[tuple[str, int, int], Entity] = {}

    def tie(self, entity_type: str, number: int, other: str, target: int) -> None:
        """Link two entities; the first contact of a lead becomes its main one (reference 11)."""
        for one in ((entity_type, number, other, target), (other, target, entity_type, number)):
            known = self._ties[one[:3]]
            if one[3] not in known:
                known.append(one[3])
        if {entity_type, other} == {"leads", "contacts"}:
            lead, contact = (number, target) if entity_type == "leads" else (target, number)
            self._main.setdefault(lead, contact)

    def cut(self, entity_type: str, number: int, other: str, target: int) -> None:
        """End a link; another contact becomes the main one (assumed, reference 11)."""
        for one in ((entity_type, number, other, target), (other, target, entity_type, number)):
            self._ties[one[:3]].remove(one[3])
        lead, contact = (number, target) if entity_type == "leads" else (target, number)
        if {entity_type, other} == {"leads", "contacts"} and self._main.get(lead) == contact:
            del self._main[lead]
            for heir in self.of("leads", lead, "contacts")[:1]:
                self._main[lead] = heir

    def describe(self, entity_type: str, number: int, element: int, wanted: Entity) -> None:
        """Keep what a link says of an element of a list."""
        old = self._elements.get((entity_type, number, element), {"quantity": 1, "price_id": None})
        known = ("quantity", "catalog_id", "price_id")
        fresh = {name: one for name, one in wanted.items() if name in known}
        self._elements[entity_type, number, element] = {**old, **fresh}

    def described(self, entity_type: str, number: int, element: int) -> Entity:
        """Return what a link says of an element: quantity, list, price field."""
        return dict(self._elements[entity_type, number, element])

    def of(self, entity_type: str, number: int, other: str) -> list[int]:
        """Return the ids linked to one entity, in the order of linking."""
        return list(self._ties.get((entity_type, number, other), ()))

    def set_main(self, lead: int, contact: int) -> None:
        """Move the main flag of a lead's contacts."""
        self._main[lead] = contact

    def main_contact(self, lead: int) -> int | None:
        """Return the main contact of a lead."""
        return self._main.get(lead)


@dataclass(frozen=True)
class User:
    """One user of an account."""

    id: int
    name: str
    is_admin: bool = True
    group_id: int = 0
    email: str = ""
    lang: str = "ru"
    is_active: bool = True
    is_free: bool = False
    role_id: int | None = None
    rights: dict[str, Json] = field(default_factory=dict[str, Json])

    @property
    def amojo_id(self) -> str:
        """The user's id in the Chats API (reference 8)."""
        return str(uuid5(NAMESPACE_URL, f"amojo-user-{self.id}"))


@dataclass
class Account:
    """One account of the portal.

    Attributes:
        subdomain: the current name; `former` keeps the names it had before.
        zone: domain of the platform: amocrm.ru, amocrm.com or kommo.com.
        is_paid: False makes every API request answer 402.
        customers_mode: segments, periodicity, disabled, or unavailable in a plan without them.
        has_products: whether the list of products is switched on.
        has_minor_units: whether leads show `price_with_minor_units` (reference 3.6).
        has_catalogs: False in a plan without lists: they answer 402.
        has_webhooks: False in a plan without subscriptions by API: they answer 402.
        settings: what a read of the account says of its settings.
        phone_search: `digits` finds a phone by its digits, however it is written; `text` finds the
            text as it is stored. The reference does not say which is true.
    """

    id: int
    subdomain: str
    zone: str
    created_at: int
    users: dict[int, User] = field(default_factory=dict[int, User])
    former: set[str] = field(default_factory=set[str])
    is_paid: bool = True
    customers_mode: str = "segments"
    has_products: bool = False
    has_minor_units: bool = False
    has_catalogs: bool = True
    has_webhooks: bool = True
    settings: dict[str, Json] = field(default_factory=dict[str, Json])
    phone_search: Literal["digits", "text"] = "digits"
    entities: dict[str, dict[int, Entity]] = field(default_factory=dict[str, "dict[int, Entity]"])
    fields: dict[str, dict[int, Entity]] = field(default_factory=dict[str, "dict[int, Entity]"])
    tags: dict[str, dict[int, Entity]] = field(default_factory=dict[str, "dict[int, Entity]"])
    ties: Ties = field(default_factory=Ties)
    drive: Drive = field(default_factory=Drive)
    changes: AccountChanges = field(default_factory=AccountChanges)

    def shelf(self, name: str) -> dict[Json, Entity]:
        """Return the entities of a resource by id."""
        return self.entities.setdefault(name, {})

    @property
    def pipelines(self) -> dict[Json, Entity]:
        """The pipelines by id."""
        return self.shelf("pipelines")

    @property
    def host(self) -> str:
        """The account host, as `referer` names it on the redirect (reference 1)."""
        return f"{self.subdomain}.{self.zone}"

    @property
    def uuid(self) -> str:
        """The account's uuid, which download addresses hold (reference 4.1, 7)."""
        return str(uuid5(NAMESPACE_URL, f"account-{self.id}"))

    @property
    def amojo_id(self) -> str:
        """The account's id in the Chats API (reference 8)."""
        return str(uuid5(NAMESPACE_URL, f"amojo-{self.id}"))

    @property
    def api_domain(self) -> str:
        """The shared API host that knows where the account lives (reference 1.1)."""
        return f"api-b.{self.zone}"

    @property
    def platform(self) -> str:
        """1 on amocrm.ru, 2 on amocrm.com and kommo.com (reference 1)."""
        return "1" if self.zone.endswith(".ru") else "2"

    @property
    def admin(self) -> User:
        """The first administrator that is not switched off."""
        administrators = [user for user in self.users.values() if user.is_admin]
        return next((one for one in administrators if one.is_active), administrators[0])

    @property
    def active_users(self) -> set[int]:
        """Ids of the users that a write may name (reference 4.19)."""
        return {one.id for one in self.users.values() if one.is_active}

    @property
    def main_pipeline(self) -> Entity:
        """The pipeline that takes leads without one (reference 4.2)."""
        return next(one for one in self.pipelines.values() if one["is_main"])

    def statuses(self, pipeline_id: int) -> list[Entity]:
        """Return the stages of a pipeline in their order."""
        stages: list[Entity] = self.pipelines[pipeline_id]["_embedded"]["statuses"]
        return stages

    def field_by_code(self, entity_type: str, code: str) -> Entity | None:
        """Find a custom field by its code."""
        found = (one for one in self.fields[entity_type].values() if one["code"] == code)
        return next(found, None)

    def tag(self, entity_type: str, wanted: Entity, ids: Ids) -> Entity | None:
        """Find a tag by id or name; an unknown name makes a new tag (reference 4.15)."""
        known = self.tags[entity_type]
        if wanted.get("id") is not None:
            return known.get(wanted["id"])
        name = str(wanted.get("name", ""))
        # Assumed (reference 4.15): names are compared without regard to case.
        for tag in known.values():
            if tag["name"].casefold() == name.casefold():
                return tag
        number = ids.take("tags")
        known[number] = {"id": number, "name": name, "color": None}
        return known[number]


def linked(ids: Iterable[int], at: str) -> list[Entity]:
    """Return linked entities as `_embedded` shows them; `at` is the address of their collection."""
    return [{"id": number, "_links": {"self": {"href": f"{at}/{number}"}}} for number in ids]
