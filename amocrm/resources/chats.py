"""Conversations, chat templates, short links. Source: reference 4.23, 4.26, 4.27."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.http.messages import Json
from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneEditable, OneReadable
from amocrm.resources.reply_parts import list_in
from amocrm.resources.resource import read_id
from amocrm.resources.verbs import Creates, Deletes, Editable, Gets, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Text
    from amocrm.schema.chats import (
        NewShortLink,
        NewTemplate,
        Review,
        ShortLink,
        Talk,
        Template,
        TemplatePatch,
    )

TemplateWith: TypeAlias = Literal["reviews"]


class OneTalk(OneReadable["Talk", NoReturn]):
    """What can be done with one conversation."""

    __slots__ = ()

    def close(self, *, force: bool = False) -> None:
        """Close it; unless by force, the NPS bot asks for a rate first, where it is on."""
        self._api.request.post(f"{self._path}/close", {"force_close": force})


class Talks(
    Lists["Talk", NoReturn, NoReturn, NoReturn], Gets["Talk", NoReturn],
    path="talks", source="4.23",
):  # fmt: skip
    """Conversations in chats. Only Kommo lists them."""

    __slots__ = ()

    def __call__(self, id: int | str) -> OneTalk:  # noqa: A002
        """Return what can be done with one conversation."""
        return self._at(OneTalk, id)


class ShortLinks(Creates["NewShortLink", "ShortLink"], path="short_links", source="4.26"):
    """Short addresses that tell when they are followed; one for each contact."""

    __slots__ = ()


class TemplateFilter(TypedDict, total=False):
    """What chat templates can be filtered by."""

    external_id: Text | Iterable[Text]


class OneTemplate(OneEditable["Template", TemplateWith, "TemplatePatch", "Template"]):
    """What can be done with one chat template."""

    __slots__ = ()

    def send_to_review(self) -> list[Review]:
        """Ask for a WhatsApp template to be reviewed."""
        path = f"{self._path}/review"
        answer = self._api.request.post(path, {}).data
        return list_in(answer, "_embedded", "reviews", method="POST", path=path)

    def review(
        self,
        review_id: int | str,
        status: Literal["approved", "paused", "rejected"],
        reject_reason: str | None = None,
    ) -> Review:
        """Tell how a review ended."""
        sent: dict[str, Json] = {"status": status}
        if reject_reason is not None:
            sent["reject_reason"] = reject_reason
        path = f"{self._path}/review/{read_id(review_id, 'reviews')}"
        review: Review = self._api.request.post(path, sent).data
        return review


class ChatTemplates(
    Editable[
        "Template", "NewTemplate", "TemplatePatch", "Template", "Template",
        TemplateFilter, TemplateWith, NoReturn,
    ],
    Deletes, HasNames["Template"],
    path="chats/templates", source="4.27",
):  # fmt: skip
    """Templates of messages that this integration made. Writing requires admin rights."""

    __slots__ = ()
    _called = ("template", "templates")

    def __call__(self, id: int | str) -> OneTemplate:  # noqa: A002
        """Return what can be done with one template."""
        return self._at(OneTemplate, id)

    def delete_many(self, *ids: int) -> None:
        """Delete several in one call."""
        if ids:
            self._api.request.delete(self._path, [{"id": one} for one in ids])
