"""The address is the expression: `crm.leads(42).notes` is `/api/v4/leads/42/notes`.

`LazyResource` puts a resource under a name of its owner, and imports it when that name is first
used: a program pays for the resources that it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    from amocrm.bulk.context import ApiContext
    from amocrm.resources.context import ResourceContext
    from amocrm.resources.resource import Resource

R = TypeVar("R", bound="Resource")


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
