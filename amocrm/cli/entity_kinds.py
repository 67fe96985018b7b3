"""The kinds of entities that are exported and imported, each with what an account knows of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.dates import UTC
from amocrm.resources.custom_fields.definitions import Schema
from amocrm.resources.custom_fields.definitions_cache import read_zone
from amocrm.resources.custom_fields.values import CustomFields
from amocrm.resources.endpoint import near
from amocrm.resources.resource import Resource

if TYPE_CHECKING:
    from amocrm.bulk.listing import Listing
    from amocrm.bulk.writer import Outcomes
    from amocrm.client import AmoCRM
    from amocrm.progress import Report

_CATALOG: Final = re.compile(r"catalogs/[1-9][0-9]{0,17}")
NAMES: Final = ("leads", "contacts", "companies", "customers", "tasks")
"""Kinds with a name; an element of a list is of the kind `catalogs/7`."""


class Lists(Protocol):
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


class HasDefinitions(Protocol):
    """A resource whose items have custom fields."""

    @property
    def custom_fields(self) -> Lists:
        """Their definitions."""
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
    schema: Schema = Schema()
    zone: tzinfo = UTC
    account: str = ""

    @property
    def lists(self) -> Lists:
        """The resource, without the types of its items."""
        return cast("Lists", self.resource)

    def fields(self, entity: dict[str, Json]) -> CustomFields:
        """Return a view of an entity's custom fields."""
        return CustomFields(entity, self.schema, self.zone)


def resource_of(crm: AmoCRM, name: str) -> Resource:
    """Return the resource of a kind.

    Raises:
        ConfigurationError: there is no such kind.
    """
    if _CATALOG.fullmatch(name):
        return crm.catalogs(int(name.partition("/")[2])).elements
    if name not in NAMES:
        raise ConfigurationError(
            f"{name!r} cannot be exported or imported", hint=near(name, [*NAMES, "catalogs/7"])
        )
    return cast("Resource", getattr(crm, name))


def open_kind(crm: AmoCRM, name: str) -> EntityKind:
    """Return a kind with its definitions, for one call or two.

    Raises:
        ConfigurationError: there is no such kind.
    """
    resource = resource_of(crm, name)
    account = crm.account.get(with_=["datetime_settings"])
    settings = account.get("_embedded", {}).get("datetime_settings") or {}
    zone = read_zone(cast("Mapping[str, Json]", settings)) or UTC
    if name == "tasks":
        return EntityKind(name, resource, zone=zone, account=crm.connection.host)
    owner = crm.catalogs(int(name.partition("/")[2])) if "/" in name else resource
    definitions = cast("HasDefinitions", owner).custom_fields.list()
    return EntityKind(name, resource, Schema(definitions), zone, crm.connection.host)
