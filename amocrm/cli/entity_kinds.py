"""A kind of entities that is exported or imported, with what its account knows of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from amocrm.cli.resources import find_list
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import Schema
from amocrm.resources.custom_fields.values import CustomFields
from amocrm.resources.entity import HasCustomFields
from amocrm.resources.field_lookup import account_zone, all_fields
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.writer import Outcomes
    from amocrm.client import AmoCRM
    from amocrm.progress import Report


class Many(Protocol):
    """A resource that is listed and written in bulk, whatever its types are."""

    def list(
        self,
        *,
        filter: Mapping[str, Json] | None = None,  # noqa: A002  the API's own word
        with_: Iterable[str] | None = None,
        order: Mapping[str, str] | None = None,
        params: Mapping[str, Json] | None = None,
        progress: Report | None = None,
    ) -> Listing[dict[str, Json]]:
        """Return the items."""
        ...

    def create_many(
        self, items: Iterable[Json], *, journal: str | None, progress: Report | None
    ) -> Outcomes:
        """Create items."""
        ...

    def update_many(
        self, items: Iterable[Json], *, journal: str | None, progress: Report | None
    ) -> Outcomes:
        """Change items."""
        ...


class EntityKind(NamedTuple):
    """A kind of entities of an account.

    Attributes:
        name: such as `leads`.
        resource: lists and writes them.
        schema: the definitions of their custom fields; none where they have none.
        zone: of the account.
        account: its host.
    """

    name: str
    resource: Resource
    schema: Schema
    zone: tzinfo
    account: str

    @property
    def many(self) -> Many:
        """The resource, without the types of its items."""
        return cast("Many", self.resource)

    def fields(self, entity: dict[str, Json]) -> CustomFields:
        """Return a view of an entity's custom fields."""
        return CustomFields(entity, self.schema, self.zone)


def open_kind(crm: AmoCRM, name: str) -> EntityKind:
    """Return a kind with its definitions and the zone, which are asked for at the same time.

    Args:
        crm: the client.
        name: of a resource, such as `leads`, `tasks`, `catalogs/7/elements`.

    Raises:
        ConfigurationError: there is no such kind; the nearest name is suggested.
    """
    resource = find_list(crm, name)
    with ThreadPoolExecutor(1) as pool:
        zone = pool.submit(account_zone, resource)
        schema = all_fields(resource) if isinstance(resource, HasCustomFields) else Schema()
        return EntityKind(name, resource, schema, zone.result(), crm.connection.host)
