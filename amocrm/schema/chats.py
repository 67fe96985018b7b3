"""Conversations, chat templates, short links. Source: reference 4.23, 4.26, 4.27."""

from __future__ import annotations

from typing import Literal, TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks


class Talk(TypedDict):
    """A conversation."""

    talk_id: int
    created_at: int
    updated_at: int
    rate: int
    contact_id: int
    chat_id: str
    entity_id: int | None
    entity_type: str | None
    is_in_work: bool
    is_read: bool
    origin: str
    missed_at: int | None
    account_id: int
    _links: HypertextLinks
    _embedded: dict[str, Json]


class ShortLinkMeta(TypedDict):
    """Whose link it is: `contacts` and an id."""

    entity_type: str
    entity_id: int


class NewShortLink(TypedDict):
    """A long address to shorten for a contact."""

    url: str
    metadata: ShortLinkMeta


class ShortLink(NewShortLink):
    """A short address."""

    account_id: int


class Attachment(TypedDict, total=False):
    """A file of a template: a picture, a file, a document or a video."""

    id: str
    name: str
    type: str
    is_external: bool


class _Button(TypedDict):
    type: Literal["inline", "url"]
    text: str


class Button(_Button, total=False):
    """A button below a message."""

    url: str


class Review(TypedDict):
    """A review of a WhatsApp template."""

    id: int
    source_id: int
    status: str
    reject_reason: str | None


class TemplateParts(TypedDict, total=False):
    """Reviews, when they are asked for."""

    reviews: list[Review]


class _TemplateWrite(TypedDict, total=False):
    is_editable: bool
    type: Literal["amocrm", "waba"]
    buttons: list[Button]
    attachment: Attachment | None
    external_id: str
    waba_footer: str
    waba_category: str
    waba_language: str
    waba_examples: dict[str, str] | list[Json]
    waba_header: str | None
    waba_header_type: str | None
    request_id: str


class _Template(TypedDict):
    id: int
    account_id: int
    name: str
    content: str
    created_at: int
    updated_at: int
    _links: HypertextLinks


class Template(_Template, _TemplateWrite, total=False):
    """A message to send, with places for names: `{{contact.name}}`."""

    review_status: str
    is_on_review: bool
    _embedded: TemplateParts


class _NewTemplate(TypedDict):
    name: str
    content: str


class NewTemplate(_NewTemplate, _TemplateWrite, total=False):
    """A template to create."""


class TemplatePatch(_TemplateWrite, total=False):
    """What to change of a template; `id` names it where many are changed."""

    id: int
    name: str
    content: str
