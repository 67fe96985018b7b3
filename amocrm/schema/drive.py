"""Files. Source: reference 4.29, 7."""

from __future__ import annotations

from typing import Literal, TypedDict

from amocrm.schema.common import Href


class Author(TypedDict):
    """Who did something to a file."""

    id: int
    type: str


class FileMetadata(TypedDict):
    """What a file's content is."""

    extension: str
    mime_type: str


class Preview(TypedDict):
    """A small picture of a picture."""

    download_link: str
    width: int
    height: int


class VersionLinks(TypedDict):
    """Where a content is found. Whoever has `download` can read it: keep it out of logs."""

    self: Href
    download: Href


class FileLinks(VersionLinks):
    """Where a file is found, and the content of its active version."""

    download_version: Href


class _Content(TypedDict):
    uuid: str
    type: Literal["image", "video", "audio", "document", "file"]
    name: str
    sanitized_name: str
    size: int
    source_id: int | None
    created_at: int
    created_by: Author
    updated_at: int
    updated_by: Author
    metadata: FileMetadata | None
    previews: list[Preview] | None


class _File(_Content):
    version_uuid: str
    is_trashed: bool
    has_multiple_versions: bool
    deleted_at: int | None
    deleted_by: Author | None
    _links: FileLinks


class File(_File, total=False):
    """A file as its active version is. `size` is in bytes, `name` without its extension."""

    id: int
    session_id: int


class FilePatch(TypedDict, total=False):
    """What to change of a file: its name, or its active version; not both in one call."""

    name: str
    version_uuid: str


class FileVersion(_Content):
    """One content of a file."""

    file_uuid: str
    is_main: bool
    _links: VersionLinks


class FileOwner(TypedDict, total=False):
    """An entity that a file is attached to, by the names of an older API."""

    id: int
    name: str | None
    entity_type: str
    created_by: int
    updated_by: int
    main_user_id: int
    date_create: int
    date_update: int
    price: int | None
    pipeline_id: int | None
    status_id: int | None
    closest_task_at: int | None
