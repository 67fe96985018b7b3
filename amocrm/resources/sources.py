"""Where leads come from: sources, buttons on sites. Source: reference 4.24, 4.25."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneEditable
from amocrm.resources.verbs import CreatesOne, Deletes, Editable, Edits, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Text
    from amocrm.schema.sources import (
        ButtonPatch,
        CreatedButton,
        NewButton,
        NewSource,
        Source,
        SourcePatch,
        WebsiteButton,
    )

ButtonWith: TypeAlias = Literal["deleted", "scripts"]


class SourceFilter(TypedDict, total=False):
    """What sources can be filtered by."""

    external_id: Text | Iterable[Text]


class Sources(
    Editable[
        "Source", "NewSource", "SourcePatch", "Source", "Source",
        SourceFilter, NoReturn, NoReturn,
    ],
    Deletes, HasNames["Source"],
    path="sources", source="4.24",
):  # fmt: skip
    """Sources that this integration made. Requires admin rights."""

    __slots__ = ()
    _called = ("source", "sources")

    def delete_many(self, *ids: int) -> None:
        """Delete several in one call; an unknown id refuses them all."""
        if ids:
            self._api.request.delete(self._path, [{"id": one} for one in ids])


class OneButton(OneEditable["WebsiteButton", ButtonWith, "ButtonPatch", "WebsiteButton"]):
    """What can be done with one button."""

    __slots__ = ()

    def add_online_chat(self) -> None:
        """Add an online chat to it."""
        self._api.request.post(f"{self._path}/online_chat")


class WebsiteButtons(
    Lists["WebsiteButton", NoReturn, ButtonWith, NoReturn],
    CreatesOne["NewButton", "CreatedButton"],
    Edits["WebsiteButton", ButtonWith, "ButtonPatch", "WebsiteButton"],
    path="website_buttons", source="4.25",
):  # fmt: skip
    """Buttons for sites, by their `source_id`. Requires admin rights."""

    __slots__ = ()
    _id_name = "source_id"

    def __call__(self, id: int | str) -> OneButton:  # noqa: A002
        """Return what can be done with one button."""
        return self._at(OneButton, id)
