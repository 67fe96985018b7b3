"""Walks the table of families, from the client down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from amocrm.resources.lazy import LazyResource
from amocrm.resources.resource import Resource
from amocrm.resources.top_level import TopLevelResources


class Seat(NamedTuple):
    """A family in the table.

    Attributes:
        expression: how it is reached: `leads(id).notes`.
        path: below `/api/v4`.
        kind: its class.
    """

    expression: str
    path: str
    kind: type[Resource]


def item_of(resource: type[Resource]) -> type[Resource] | None:
    """The class of what a call of a family returns: `crm.leads(42)`."""
    call = vars(resource).get("__call__")
    if call is None:
        return None
    found: type[Resource] = getattr(
        sys.modules[resource.__module__], call.__annotations__["return"]
    )
    return found


def walk(
    owner: type[object] = TopLevelResources, above: str = "", path: str = ""
) -> Iterator[Seat]:
    """Every family below an owner, depth first."""
    names = {name: mount for kind in reversed(owner.__mro__) for name, mount in vars(kind).items()}
    for name, mount in names.items():
        if isinstance(mount, LazyResource):
            resource = mount.resource()
            place = f"{path}/{resource.endpoint.path}"
            yield Seat(f"{above}{name}", place, resource)
            yield from walk(resource, f"{above}{name}.", place)
            one = item_of(resource)
            if one is not None:
                yield from walk(one, f"{above}{name}(id).", f"{place}/{{id}}")


def verbs(kind: type[Resource]) -> list[str]:
    """What can be done at a place, without the places below it."""
    return [
        name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
    ]
