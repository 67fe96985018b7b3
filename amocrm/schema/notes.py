"""Notes. Source: reference 4.17, 5.10, 5.12."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks
from amocrm.schema.enums import NoteType


class _Note(TypedDict):
    id: int
    entity_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    responsible_user_id: int
    group_id: int
    note_type: str
    params: dict[str, Json]
    account_id: int
    _links: HypertextLinks


class Note(_Note, total=False):
    """An entry of a feed; what `params` holds depends on `note_type` (5.12)."""

    is_pinned: bool


class _NewNote(TypedDict):
    note_type: NoteType


class NewNote(_NewNote, total=False):
    """A note to create: `{"note_type": "common", "params": {"text": "called back"}}`."""

    params: dict[str, Json]
    entity_id: int
    created_by: int
    responsible_user_id: int
    created_at: int
    request_id: str
    is_need_to_trigger_digital_pipeline: bool


class NotePatch(TypedDict, total=False):
    """What to change of a note; both `note_type` and `params` are sent."""

    id: int
    entity_id: int
    note_type: NoteType
    params: dict[str, Json]


class ShortNote(TypedDict):
    """What a write says of a new note."""

    id: int
    entity_id: int
    request_id: str
    _links: HypertextLinks


class ChangedNote(TypedDict):
    """What a write says of a changed note."""

    id: int
    entity_id: int
    updated_at: int
    _links: HypertextLinks
