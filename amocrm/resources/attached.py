"""Files and followers of entities. Source: reference 4.28, 4.29."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from amocrm.resources.verbs import Lists

if TYPE_CHECKING:
    from amocrm.schema.common import FileLink, Subscription


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
        if file_uuids:
            self._api.request.put(self._path, [{"file_uuid": one} for one in file_uuids])

    def detach(self, *file_uuids: str) -> None:
        """Take files from the entity; they stay in the drive."""
        if file_uuids:
            self._api.request.delete(self._path, [{"file_uuid": one} for one in file_uuids])
