"""The address is the expression: `crm.leads(42).notes` is `/api/v4/leads/42/notes`.

`Mount` puts a family under a name of its owner, and imports it when that name is first used: a
program pays for the families that it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    from amocrm.bulk.context import Way
    from amocrm.resources.base import Resource
    from amocrm.resources.context import Commons

R = TypeVar("R", bound="Resource")


class Mount(Generic[R]):
    """Puts a family under a name: `leads: Mount[Leads] = Mount("leads.Leads")`.

    Args:
        where: module of `amocrm.resources`, and class.
    """

    __slots__ = ("_family", "_where")

    def __init__(self, where: str) -> None:
        self._where = where
        self._family: type[R] | None = None

    @overload
    def __get__(self, owner: None, kind: type[object]) -> Mount[R]: ...
    @overload
    def __get__(self, owner: Place, kind: type[object]) -> R: ...
    def __get__(self, owner: Place | None, kind: type[object]) -> R | Mount[R]:
        if owner is None:
            return self
        family = self._family or self.family()
        return family(owner, family.row.path)

    def family(self) -> type[R]:
        """Import and return the class."""
        module, _, name = self._where.rpartition(".")
        found = getattr(import_module(f"amocrm.resources.{module}"), name)
        self._family = cast("type[R]", found)
        return self._family


ROOT: Final = "/api/v4"
"""Path of the API on an account's host. Source: reference 3.1."""


class Place:
    """Where families are mounted: the client, a family, one item of a family."""

    __slots__ = ()

    _way: Way
    _path: str
    _commons: Commons
