"""What leads, contacts, companies and customers have in common.

Source: reference 4.2.1, 4.12-4.17, 4.29, 5.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypedDict, TypeVar, cast

from amocrm._support.arguments import check_function, check_several
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources import lazy
from amocrm.resources.filters import Direction, check_filter
from amocrm.resources.item_checks import check_item, with_plain_numbers
from amocrm.resources.lazy import LazyResource
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.outcomes import Created
    from amocrm.bulk.writer import Outcomes
    from amocrm.progress import Report
    from amocrm.resources.attached import Files
    from amocrm.resources.custom_fields.values import CustomFields
    from amocrm.resources.events import EventFilter, EventWith
    from amocrm.resources.fields import FieldDefinitions
    from amocrm.resources.filter_values import FieldFilters, Id, Text, Times, UserId
    from amocrm.resources.links import ItemLinks, Links
    from amocrm.resources.notes import ItemNotes, Notes
    from amocrm.resources.people.contact_keys import Ambiguous, Found, Normal
    from amocrm.resources.people.duplicates import DuplicateGroup
    from amocrm.resources.tags import ItemTags, Tags
    from amocrm.schema.events import Event


class TimeOrder(TypedDict, total=False):
    """What contacts, companies and notes can be ordered by; one of them."""

    id: Direction
    updated_at: Direction


class EntityFilter(TypedDict, total=False):
    """What leads, contacts, companies and customers can all be filtered by.

    amoCRM sells filters as a function of the account (`is_api_filter_enabled`); Kommo does not.
    """

    id: Id | Iterable[Id]
    name: Text | Iterable[Text]
    created_by: UserId | Iterable[UserId]
    updated_by: UserId | Iterable[UserId]
    responsible_user_id: UserId | Iterable[UserId]
    created_at: Times
    updated_at: Times
    closest_task_at: Times
    custom_fields_values: FieldFilters


C = TypeVar("C")
N = TypeVar("N")


class HasCustomFields(Resource, Generic[C]):
    """Entities that have custom fields; C is what changing one answers."""

    __slots__ = ()

    def cf(self, entity: Mapping[str, object]) -> CustomFields:
        """Return a view of an entity's custom fields: `crm.leads.cf(lead)["UTM source"]`.

        Fields are named by name, code or id. What is set there is set in the entity, which may be
        one that was read, or a new one. The definitions and the account's time zone are asked for
        once, and kept for ten minutes.

        Raises:
            ConfigurationError: there is no such field, or several; the message lists what is like
                it. It is raised by the view.
        """
        if not isinstance(entity, dict):
            raise ConfigurationError(
                f"cf takes the entity itself, a dict, not {type(entity).__name__}",
                hint=f"such as cf({self._kind}.get(7001))" if isinstance(entity, int) else None,
            )
        return self._context.definitions().fields(self._kind, entity)

    def save(self, before: Mapping[str, object], after: Mapping[str, object]) -> C | None:
        """Send what differs between an entity as it was read and as it is to be, and nothing else.

        So what others have changed meanwhile stays. Returns what the server says of it; None when
        nothing differs that it takes, and then nothing is sent: left out are members that the
        server alone sets, and a null where it takes none.

        Args:
            before: as it was read: keep `copy.deepcopy(entity)`.
            after: as it is to be, or a part of it, such as `{"price": 99}`.

        Raises:
            ConfigurationError: linked entities differ: links change them. Or the account has minor
                units (reference 3.6), and the price of a whole copy is as `price` was read, without
                its fraction: nobody can tell whether it was set so. `edit` knows it, and so does a
                part.
        """
        _check_pair(before, after)
        patch = lazy.patch.changes(before, after)
        if not patch:
            return None
        number = cast("int", before["id"])
        with self._explained():
            return cast(
                "C", self._api.request.patch(self._item(number), with_plain_numbers(patch)).data
            )


_Pair: TypeAlias = tuple[Mapping[str, object], Mapping[str, object]]


def _check_pair(before: object, after: object) -> None:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        raise ConfigurationError(
            "expected two dicts: the entity as it was read, and as it is to be"
        )
    if before.get("id") is None:
        raise ConfigurationError("the entity as it was read has no id")


def _read_pair(pair: object) -> _Pair:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ConfigurationError("expected pairs of dicts: (as it was read, as it is to be)")
    _check_pair(*pair)
    return pair[0], pair[1]


class HasCustomFieldsInBulk(HasCustomFields[C]):
    """Entities that have custom fields and are changed many in a call."""

    __slots__ = ()

    def save_many(
        self,
        pairs: Iterable[tuple[Mapping[str, object], Mapping[str, object]]],
        *,
        size: int | None = None,
        ahead: int | None = None,
        progress: Report | None = None,
    ) -> Outcomes:
        """Send what differs in each of many pairs, and yield what became of each that was sent.

        A pair that does not differ is not sent, and has no outcome; one that `save` refuses ends
        the run after the outcomes of those before it. See `save` and `AmoCRM.update_many`; there is
        no journal, because another run finds other differences.

        Args:
            pairs: before and after: as it was read, and as it is to be.
            size: items in a call at most.
            ahead: calls under way at once; None follows the latency.
            progress: is told how far it has come.
        """
        check_several("pairs", pairs, "such as [(before, after)]")
        patches = (
            {"id": before["id"], **patch}
            for before, after in map(_read_pair, pairs)
            if (patch := lazy.patch.changes(before, after))
        )
        writer = lazy.writer.Writer(
            self._api, lazy.outcomes.Updated, self._path, size=size, ahead=ahead, progress=progress
        )
        return lazy.writer.Outcomes(writer, patches, self._explain, with_plain_numbers)


class HasContactDetails(Resource, Generic[N]):
    """Entities that have phones and e-mails; N is a new one."""

    __slots__ = ()

    def find(
        self,
        *,
        phone: str | Iterable[str] | None = None,
        email: str | Iterable[str] | None = None,
        name: str | None = None,
        normal: Normal | None = None,
    ) -> list[dict[str, Json]]:
        """Return all entities that have one of the phones or e-mails, each once.

        However a phone is written, it is found: `crm.contacts.find(phone="8 (999) 123-45-67")`.
        A phone costs one search if that finds somebody, and seven if not: where the API's search
        takes separators literally, the number is searched in its usual written forms.

        Args:
            phone: one or several, however they are written.
            email: one or several.
            name: of a company, in any case.
            normal: normalizes a phone; `amocrm.phones` does it by country.

        Raises:
            ConfigurationError: there is nothing to find by, or one of them is not valid.
        """
        kind = cast("Literal['contacts', 'companies']", self._kind)
        return lazy.find_or_create.find(
            self._api, kind, phone=phone, email=email, name=name,
            normal=self._normal(normal),
        )  # fmt: skip

    def find_or_create(
        self,
        item: N,
        *,
        phone: str | Iterable[str] | None = None,
        email: str | Iterable[str] | None = None,
        name: str | None = None,
        normal: Normal | None = None,
    ) -> Found | Created | Ambiguous:
        """Find the entity that has a phone or an e-mail, or create it with them.

        An entity that was found is not changed. Processes that share the client's store and look
        for the same wait for each other, so that they do not create the same person twice.

        Args:
            item: what is created besides phones and e-mails: `{"name": "Anna"}`.
            phone: one or several; any of them is enough.
            email: one or several; any of them is enough.
            name: of a company, in any case.
            normal: normalizes a phone; `amocrm.phones` does it by country.

        Returns:
            `Found` with the entity, `Created` with the id, or `Ambiguous` with all who have it.

        Raises:
            OutcomeUnknownError: it may have been created: find it before you create it again.
        """
        check_item(type(self), "new", item, self._where, self._api)
        kind = cast("Literal['contacts', 'companies']", self._kind)
        return lazy.find_or_create.find_or_create(
            self._api, self._context.lock, kind, self._by_code(cast("dict[str, Json]", item)),
            phone=phone, email=email, name=name,
            normal=self._normal(normal),
        )  # fmt: skip

    def duplicates(
        self,
        *,
        by: Iterable[Literal["phone", "email", "name"]] = ("phone", "email"),
        normal: Normal | None = None,
        progress: Report | None = None,
    ) -> Iterator[DuplicateGroup]:
        """Yield groups of entities that share a phone or an e-mail: `group.value`, `group.ids`.

        All of them are read, and compared in a temporary file of no name: memory does not grow with
        their number. Entities that share a phone and an e-mail are in two groups.

        Args:
            by: `phone`, `email`, and of companies `name`.
            normal: normalizes a phone; `amocrm.phones` does it by country.
            progress: is told how far the reading has come.

        Raises:
            ConfigurationError: `by` is wrong. The rest is raised while iterating.
        """
        kind = cast("Literal['contacts', 'companies']", self._kind)
        return lazy.duplicates.duplicates(
            self._api, kind, by=by, normal=self._normal(normal),
            progress=progress,
        )  # fmt: skip

    @staticmethod
    def _normal(normal: Normal | None) -> Normal:
        check_function("normal", normal)
        return lazy.normalize.normalize_phone if normal is None else normal

    def _by_code(self, item: Mapping[str, Json]) -> dict[str, Json]:
        """Name the fields of an item by their codes, where it names them by id alone."""
        lazy.patch.check_parts(item, {})
        named: list[Json] = []
        for one in item.get("custom_fields_values") or ():
            number = str(one.get("field_id"))
            if number.isascii() and number.isdecimal() and one.get("field_code") is None:
                field = self._context.definitions().of(self._kind).get(int(number))
                named.append(one if field is None else {**one, "field_code": field.code})
            else:
                named.append(one)
        return {**item, "custom_fields_values": named}


class Entities(HasCustomFieldsInBulk[C]):
    """What leads, contacts, companies and customers all have below them."""

    __slots__ = ()

    custom_fields: LazyResource[FieldDefinitions] = LazyResource("fields.FieldDefinitions")
    """Custom fields of a kind of entity. Writing requires admin rights."""
    tags: LazyResource[Tags] = LazyResource("tags.Tags")
    """Tags of one kind of entity. Creating a name that exists returns the existing tag."""
    notes: LazyResource[Notes] = LazyResource("notes.Notes")
    """Notes of all entities of a kind; a new one names its `entity_id`."""
    links: LazyResource[Links] = LazyResource("links.Links")
    """What entities of a kind are linked to; each link names its `entity_id`."""


class OneEntity(Resource):
    """What belongs to one of them."""

    __slots__ = ()

    notes: LazyResource[ItemNotes] = LazyResource("notes.ItemNotes")
    """Notes of one entity."""
    links: LazyResource[ItemLinks] = LazyResource("links.ItemLinks")
    """What one entity is linked to."""
    tags: LazyResource[ItemTags] = LazyResource("tags.ItemTags")
    """Tags of one entity, by name or by id. They are read with the entity itself."""
    files: LazyResource[Files] = LazyResource("attached.Files")
    """Files of an entity. What is uploaded is in `crm.drive`."""

    def events(
        self,
        *,
        filter: EventFilter | None = None,  # noqa: A002  the API's own word
        with_: Iterable[EventWith] | None = None,
        limit: int | None = None,
        progress: Report | None = None,
    ) -> Listing[Event]:
        """Return its events: `crm.leads(42).events(filter={"type": "lead_status_changed"})`.

        It is `crm.events.list` with the filters `entity` and `entity_id` set.

        Source: reference 4.16.
        """
        from amocrm.resources.events import Events

        if filter is not None:
            check_filter(filter)
        if clash := {"entity", "entity_id"} & set(filter or ()):
            raise ConfigurationError(f"events of one entity set {sorted(clash)[0]!r} by themselves")
        kind, number = self._where.split("/")
        own = {"entity": _EVENT_ENTITIES[kind], "entity_id": int(number)}
        events = Events(self, "events")
        events._path = f"{lazy.ROOT}/events"
        return events.list(
            filter=cast("EventFilter", {**(filter or {}), **own}),
            with_=with_, limit=limit, progress=progress,
        )  # fmt: skip


_EVENT_ENTITIES: Final = {
    "leads": "lead", "contacts": "contact", "companies": "company", "customers": "customer",
}  # fmt: skip
"""How events name a kind of entity."""
