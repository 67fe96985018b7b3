"""Events. Source: reference 4.16, 5.11."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks


class _EventEntity(TypedDict):
    id: int


class EventEntity(_EventEntity, total=False):
    """What an event happened to."""

    name: str
    _links: HypertextLinks


class EventParts(TypedDict):
    """What an event embeds."""

    entity: EventEntity


class _Event(TypedDict):
    id: str
    type: str
    entity_id: int
    entity_type: str
    created_by: int
    created_at: int
    value_after: list[dict[str, Json]]
    value_before: list[dict[str, Json]]
    account_id: int
    _links: HypertextLinks
    _embedded: EventParts


class Event(_Event, total=False):
    """What happened; what the values hold depends on the type (5.11)."""

    linked_talk_contact_id: int


class EventType(TypedDict):
    """A kind of event, with its name in a language."""

    key: str
    type: int
    lang: str
