"""Files of one account, their versions, and the uploads under way (reference 7)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from amocrm.sandbox.http.answer import Json

MAX_FILE_SIZE = 314_572_800
"""Most bytes of a file (reference 3.5)."""

MAX_PART_SIZE = 524_288
"""Most bytes of a part (reference 3.5)."""

SESSION_SECONDS = 86_400
"""Longest life of an upload (reference 7)."""

BIN_SECONDS = 30 * 86_400
"""How long a deleted file can be restored (reference 7)."""


@dataclass(frozen=True)
class Version:
    """One content of a file; a renamed version is a new value."""

    uuid: str
    name: str
    extension: str
    mime_type: str
    content: bytes = field(repr=False)
    session_id: int
    with_preview: bool
    created_at: int
    created_by: dict[str, Json]

    @property
    def kind(self) -> str:
        """The `type` of a file model."""
        main = self.mime_type.partition("/")[0]
        if main in ("image", "video", "audio"):
            return main
        # Assumed (reference 7): what counts as a document.
        is_document = main == "text" or self.mime_type.startswith(
            ("application/pdf", "application/msword", "application/vnd.")
        )
        return "document" if is_document else "file"


@dataclass
class File:
    """One file; `active` is the uuid of the version that is shown and downloaded."""

    id: int
    uuid: str
    versions: dict[str, Version]
    active: str
    updated_at: int
    updated_by: dict[str, Json]
    deleted_at: int | None = None
    deleted_by: dict[str, Json] | None = None
    source_id: int | None = None

    @property
    def version(self) -> Version:
        """The active version."""
        return self.versions[self.active]

    @property
    def first(self) -> Version:
        """The version that the file began with."""
        return next(iter(self.versions.values()))


@dataclass
class Upload:
    """A session: what was announced, and what of it has come."""

    id: int
    name: str
    size: int
    mime_type: str | None
    file: File | None
    with_preview: bool
    author: dict[str, Json]
    expires: int
    parts: int = 0
    received: bytearray = field(default_factory=bytearray, repr=False)


@dataclass
class Attachment:
    """A file at an entity; `id` is that of the link (reference 4.29)."""

    id: int
    file_uuid: str
    place: str
    number: int


@dataclass
class Drive:
    """What the Files service keeps for one account.

    Attributes:
        uploads: by the token of the next part; each token is good for one part.
        max_file_size: in the answer of a session; a test may set a smaller one.
        max_part_size: in the answer of a session; Kommo's text says 131072 (reference 12.2).
    """

    files: dict[str, File] = field(default_factory=dict[str, File])
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload], repr=False)
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    max_file_size: int = MAX_FILE_SIZE
    max_part_size: int = MAX_PART_SIZE

    def forget_old(self, now: int) -> None:
        """Empty the bin of what lies there too long, and drop uploads that took too long."""
        for one in list(self.files.values()):
            if one.deleted_at is not None and now >= one.deleted_at + BIN_SECONDS:
                del self.files[one.uuid]
                self.attachments = [tie for tie in self.attachments if tie.file_uuid != one.uuid]
        self.uploads = {token: one for token, one in self.uploads.items() if now < one.expires}

    def at(self, place: str, number: int) -> Iterator[Attachment]:
        """Yield the attachments of one entity, the newest first."""
        for one in reversed(self.attachments):
            if (one.place, one.number) == (place, number):
                yield one


def made_uuid(kind: str, number: int) -> str:
    """Return a uuid that the same portal makes again for the same number."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}-{number}"))
