"""Tags of entities. Source: reference 4.15."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, TypedDict

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.named import HasNames
from amocrm.resources.resource import Resource
from amocrm.resources.verbs import Creates, Lists

if TYPE_CHECKING:
    from amocrm.resources.filter_values import Id, Text
    from amocrm.schema.common import Changed, NewTag, Tag


class TagFilter(TypedDict, total=False):
    """What tags can be filtered by."""

    id: Id | Iterable[Id]
    name: Text


class Tags(
    Lists["Tag", TagFilter, NoReturn, NoReturn],
    Creates["NewTag", "Tag"],
    HasNames["Tag"],
    path="tags", source="4.15", query=True,
):  # fmt: skip
    """Tags of one kind of entity. Creating a name that exists returns the existing tag."""

    __slots__ = ()
    _called = ("tag", "tags")


class ItemTags(Resource, path="tags", source="4.15"):
    """Tags of one entity, by name or by id. They are read with the entity itself."""

    __slots__ = ()

    def add(self, *tags: str | int) -> Changed:
        """Add tags; unknown names create new ones."""
        return self._write({"tags_to_add": _named(tags)})

    def remove(self, *tags: str | int) -> Changed:
        """Remove tags."""
        return self._write({"tags_to_delete": _named(tags)})

    def set(self, *tags: str | int) -> Changed:
        """Replace all tags; without arguments, remove all."""
        return self._write({"_embedded": {"tags": _refs(tags) or None}})

    def _write(self, patch: dict[str, Json]) -> Changed:
        changed: Changed = self._api.request.patch(self._path.rpartition("/")[0], patch).data
        return changed


def _refs(tags: Iterable[str | int]) -> list[dict[str, Json]]:
    for one in tags:
        if isinstance(one, bool) or not isinstance(one, (int, str)) or one in ("", 0):
            raise ConfigurationError(
                f"a tag is a name or an id, not {type(one).__name__}", hint="such as add('vip', 61)"
            )
    return [{"id": one} if isinstance(one, int) else {"name": one} for one in tags]


def _named(tags: tuple[str | int, ...]) -> list[dict[str, Json]]:
    if not tags:
        raise ConfigurationError("give at least one tag")
    return _refs(tags)
