"""Walks the table of families, from the client down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from amocrm.resources.base import Resource
from amocrm.resources.index import Families
from amocrm.resources.lazy import Mount


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


def item_of(family: type[Resource]) -> type[Resource] | None:
    """The class of what a call of a family returns: `crm.leads(42)`."""
    call = vars(family).get("__call__")
    if call is None:
        return None
    found: type[Resource] = getattr(sys.modules[family.__module__], call.__annotations__["return"])
    return found


def walk(owner: type[object] = Families, above: str = "", path: str = "") -> Iterator[Seat]:
    """Every family below an owner, depth first."""
    names = {name: mount for kind in reversed(owner.__mro__) for name, mount in vars(kind).items()}
    for name, mount in names.items():
        if isinstance(mount, Mount):
            family = mount.family()
            place = f"{path}/{family.row.path}"
            yield Seat(f"{above}{name}", place, family)
            yield from walk(family, f"{above}{name}.", place)
            one = item_of(family)
            if one is not None:
                yield from walk(one, f"{above}{name}(id).", f"{place}/{{id}}")


def verbs(kind: type[Resource]) -> list[str]:
    """What can be done at a place, without the places below it."""
    return [
        name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
    ]
