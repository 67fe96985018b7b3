"""Resources of the typed table by the names that a person types: `leads`, `catalogs/7/elements`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.cli.words import is_number
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.endpoint import near
from amocrm.resources.lazy import LazyResource
from amocrm.resources.resource import Resource
from amocrm.resources.top_level import TopLevelResources
from amocrm.resources.verbs import Lists

_SHORT: Final[Mapping[str, str]] = {
    "pipelines": "leads/pipelines",
    "loss_reasons": "leads/loss_reasons",
    "unsorted": "leads/unsorted",
}
"""Names that stand for longer ones."""


def find_resource(crm: AmoCRM, name: str) -> Resource:
    """Return a resource of a client.

    Args:
        crm: the client.
        name: such as `leads`, `leads/pipelines`, `leads/42/notes`, `catalogs/7/elements`.

    Raises:
        ConfigurationError: there is none; the nearest name is suggested.
    """
    place: object = crm
    for part in _SHORT.get(name, name).split("/"):
        if is_number(part) and isinstance(place, Resource) and callable(place):
            place = place(int(part))
            continue
        known = dict(_below(type(place)))
        if part not in known:
            hint = near(part, [*known, *(_SHORT if place is crm else ())])
            raise ConfigurationError(f"there is no resource {name!r}", hint=hint)
        place = getattr(place, part)
    if not isinstance(place, Resource):
        raise ConfigurationError(f"there is no resource {name!r}")
    return place


def find_list(crm: AmoCRM, name: str) -> Lists[dict[str, Json], Json, str, Json]:
    """Return a resource that can be listed.

    Raises:
        ConfigurationError: there is none, or the API does not list it.
    """
    found = find_resource(crm, name)
    if not isinstance(found, Lists):
        raise ConfigurationError(f"{name} cannot be listed through amoCRM's API")
    return found


def resource_class(name: str) -> type[Resource] | None:
    """Return the class of a resource without an id in its name; None if there is none."""
    place: type = TopLevelResources
    for part in _SHORT.get(name, name).split("/"):
        lazy = dict(_below(place)).get(part)
        if lazy is None:
            return None
        place = lazy.resource()
    return place if issubclass(place, Resource) else None


def resource_names() -> list[str]:
    """Return the names of the top level, and the short ones."""
    return [*(name for name, _ in _below(TopLevelResources)), *_SHORT]


def _below(kind: type) -> Iterator[tuple[str, LazyResource[Resource]]]:
    for base in reversed(kind.__mro__):
        for name, one in vars(base).items():
            if isinstance(one, LazyResource):
                yield name, one
