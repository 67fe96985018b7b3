"""Questions and families that many entities share. Source: reference 4.2.1, 4.15, 4.28, 4.29."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.core.wire import Json
from amocrm.mount import Resource
from amocrm.verbs import Creates, Lists

if TYPE_CHECKING:
    from amocrm.schema.common import Changed, FileLink, NewTag, Range, Subscription, Tag

TimeOrder: TypeAlias = Literal["id", "updated_at"]


class EntityFilter(TypedDict, total=False):
    """What leads, contacts, companies and customers can all be filtered by.

    amoCRM sells filters as a function of the account (`is_api_filter_enabled`); Kommo does not.
    """

    id: int | list[int]
    name: str | list[str]
    created_by: int | list[int]
    updated_by: int | list[int]
    responsible_user_id: int | list[int]
    created_at: Range
    updated_at: Range
    closest_task_at: Range
    custom_fields_values: dict[int, list[Json] | Range]


class TagFilter(TypedDict, total=False):
    """What labels can be filtered by."""

    id: int | list[int]
    name: str


class Tags(
    Lists["Tag", TagFilter, NoReturn, NoReturn],
    Creates["NewTag", "Tag"],
    path="tags", source="4.15", query=True,
):  # fmt: skip
    """Labels of one kind of entity. A name that is there already gives the label that has it."""

    __slots__ = ()


class ItemTags(Resource, path="tags", source="4.15"):
    """Labels of one entity, by name or by id. They are read with the entity itself."""

    __slots__ = ()

    def add(self, *tags: str | int) -> Changed:
        """Add labels; unknown names make new ones."""
        return self._write({"tags_to_add": _refs(tags)})

    def remove(self, *tags: str | int) -> Changed:
        """Take labels away."""
        return self._write({"tags_to_delete": _refs(tags)})

    def set(self, tags: Iterable[str | int]) -> Changed:
        """Replace all labels; an empty list takes all away."""
        return self._write({"_embedded": {"tags": _refs(tags) or None}})

    def _write(self, patch: dict[str, Json]) -> Changed:
        changed: Changed = self._way.request.patch(self._path.rpartition("/")[0], patch).data
        return changed


def _refs(tags: Iterable[str | int]) -> list[dict[str, Json]]:
    return [{"id": one} if isinstance(one, int) else {"name": one} for one in tags]


class Subscriptions(
    Lists["Subscription", NoReturn, NoReturn, NoReturn], path="subscriptions", source="4.28"
):
    """Users and groups that follow an entity."""

    __slots__ = ()


class Files(Lists["FileLink", NoReturn, NoReturn, NoReturn], path="files", source="4.29"):
    """Files of an entity. What is uploaded is in `crm.drive`."""

    __slots__ = ()

    def attach(self, *file_uuids: str) -> None:
        """Attach files that are uploaded."""
        self._way.request.put(self._path, [{"file_uuid": one} for one in file_uuids])

    def detach(self, *file_uuids: str) -> None:
        """Take files from the entity; they stay in the drive."""
        self._way.request.delete(self._path, [{"file_uuid": one} for one in file_uuids])
