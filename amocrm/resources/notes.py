"""Remarks, calls and messages in the feed of an entity. Source: reference 4.17, 5.12."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.resources.changes import HasChanges
from amocrm.resources.entity import TimeOrder
from amocrm.resources.verbs import Editable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Id, Since
    from amocrm.schema.enums import NoteType
    from amocrm.schema.notes import ChangedNote, NewNote, Note, NotePatch, ShortNote

NoteWith: TypeAlias = Literal["is_pinned"]


class ItemNoteFilter(TypedDict, total=False):
    """What notes of one entity can be filtered by; a plain `updated_at` means since then."""

    id: Id | Iterable[Id]
    note_type: NoteType | Iterable[NoteType]
    updated_at: Since


class NoteFilter(ItemNoteFilter, total=False):
    """What notes of a kind of entity can be filtered by."""

    entity_id: Id | Iterable[Id]


class ItemNotes(
    Editable[
        "Note", "NewNote", "NotePatch", "ShortNote", "ChangedNote",
        ItemNoteFilter, NoteWith, TimeOrder,
    ],
    HasChanges["Note", NoReturn, ItemNoteFilter, NoteWith],
    path="notes", source="4.17",
):  # fmt: skip
    """Notes of one entity."""

    __slots__ = ()
    _together = ("note_type", "params")


class Notes(
    Editable[
        "Note", "NewNote", "NotePatch", "ShortNote", "ChangedNote",
        NoteFilter, NoteWith, TimeOrder,
    ],
    HasChanges["Note", NoReturn, NoteFilter, NoteWith],
    path="notes", source="4.17",
):  # fmt: skip
    """Notes of all entities of a kind; a new one names its `entity_id`."""

    __slots__ = ()
    _together = ("note_type", "params")

    def pin(self, id: int | str) -> None:  # noqa: A002
        """Pin a note to the top of its feed."""
        self._api.request.post(f"{self._item(id)}/pin")

    def unpin(self, id: int | str) -> None:  # noqa: A002
        """Unpin a note."""
        self._api.request.post(f"{self._item(id)}/unpin")
