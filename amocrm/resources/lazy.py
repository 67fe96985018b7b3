"""What resources import when it is first used: each other, and the parts that not every call needs.

A program pays for what it uses. `LazyResource` puts a resource under a name of its owner, so that
the address is the expression: `crm.leads(42).notes` is `/api/v4/leads/42/notes`. Modules that
verbs need are names of this one: `lazy.listing.Listing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    from amocrm.bulk import changes as changes
    from amocrm.bulk import joined_listing as joined_listing
    from amocrm.bulk import listing as listing
    from amocrm.bulk import outcomes as outcomes
    from amocrm.bulk import writer as writer
    from amocrm.bulk.context import ApiContext
    from amocrm.resources import name_lookup as name_lookup
    from amocrm.resources import patch as patch
    from amocrm.resources import writable as writable
    from amocrm.resources.context import ResourceContext
    from amocrm.resources.custom_fields import definitions_cache as definitions_cache
    from amocrm.resources.custom_fields import error_messages as error_messages
    from amocrm.resources.custom_fields import field_filters as field_filters
    from amocrm.resources.files import downloads as downloads
    from amocrm.resources.files import host as host
    from amocrm.resources.files import upload_source as upload_source
    from amocrm.resources.files import uploads as uploads
    from amocrm.resources.people import duplicates as duplicates
    from amocrm.resources.people import find_or_create as find_or_create
    from amocrm.resources.people import normalize as normalize
    from amocrm.resources.resource import Resource
    from amocrm.stores import locks as locks

R = TypeVar("R", bound="Resource")

_MODULES: Final = {
    "changes": "amocrm.bulk.changes",
    "listing": "amocrm.bulk.listing",
    "joined_listing": "amocrm.bulk.joined_listing",
    "outcomes": "amocrm.bulk.outcomes",
    "writer": "amocrm.bulk.writer",
    "patch": "amocrm.resources.patch",
    "writable": "amocrm.resources.writable",
    "name_lookup": "amocrm.resources.name_lookup",
    "definitions_cache": "amocrm.resources.custom_fields.definitions_cache",
    "field_filters": "amocrm.resources.custom_fields.field_filters",
    "error_messages": "amocrm.resources.custom_fields.error_messages",
    "downloads": "amocrm.resources.files.downloads",
    "host": "amocrm.resources.files.host",
    "upload_source": "amocrm.resources.files.upload_source",
    "uploads": "amocrm.resources.files.uploads",
    "duplicates": "amocrm.resources.people.duplicates",
    "find_or_create": "amocrm.resources.people.find_or_create",
    "normalize": "amocrm.resources.people.normalize",
    "locks": "amocrm.stores.locks",
}
"""Modules that are names of this one, as checkers see in the imports above."""

if not TYPE_CHECKING:  # Checkers see the imports above.

    def __getattr__(name: str) -> object:
        """Import a module of the table when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = import_module(_MODULES[name])
        return found


class LazyResource(Generic[R]):
    """Puts a resource under a name: `leads: LazyResource[Leads] = LazyResource("leads.Leads")`.

    Args:
        where: module of `amocrm.resources`, and class.
    """

    __slots__ = ("_resource", "_where")

    def __init__(self, where: str) -> None:
        self._where = where
        self._resource: type[R] | None = None

    @overload
    def __get__(self, owner: None, kind: type[object]) -> LazyResource[R]: ...
    @overload
    def __get__(self, owner: ResourceOwner, kind: type[object]) -> R: ...
    def __get__(self, owner: ResourceOwner | None, kind: type[object]) -> R | LazyResource[R]:
        if owner is None:
            return self
        resource = self._resource or self.resource()
        return resource(owner, resource.endpoint.path)

    def resource(self) -> type[R]:
        """Import and return the class."""
        module, _, name = self._where.rpartition(".")
        found = getattr(import_module(f"amocrm.resources.{module}"), name)
        self._resource = cast("type[R]", found)
        return self._resource


ROOT: Final = "/api/v4"
"""Path of the API on an account's host. Source: reference 3.1."""


class ResourceOwner:
    """Where resources are mounted: the client, a resource, one item of a resource."""

    __slots__ = ()

    _api: ApiContext
    _path: str
    _context: ResourceContext
