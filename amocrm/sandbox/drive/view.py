"""Files and versions as they are read (reference 7)."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from amocrm.sandbox.drive.call import DriveCall
from amocrm.sandbox.drive.store import File, Version
from amocrm.sandbox.http.answer import Json

FILE_KEYS = (
    *("uuid", "id", "type", "name", "sanitized_name", "size", "metadata", "previews"),
    *("version_uuid", "is_trashed", "has_multiple_versions", "source_id", "session_id"),
    *("created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by", "_links"),
)
"""Members of a file in a read."""

PREVIEW = (200, 150)
"""Width and height of the one preview of a picture. Assumed (reference 7): the size."""


def show_file(call: DriveCall, file: File) -> dict[str, Json]:
    """Return the model of a file, as its active version is."""
    version, at = file.version, _download(call, file)
    name = full_name(version)
    return {
        "uuid": file.uuid,
        "id": file.id,
        **_content(call, file, version),
        "version_uuid": version.uuid,
        "is_trashed": file.deleted_at is not None,
        "has_multiple_versions": len(file.versions) > 1,
        "source_id": file.source_id,
        "session_id": version.session_id,
        "created_at": file.first.created_at,
        "created_by": file.first.created_by,
        "updated_at": file.updated_at,
        "updated_by": file.updated_by,
        "deleted_at": file.deleted_at,
        "deleted_by": file.deleted_by,
        "_links": {
            "self": {"href": f"{call.root}/files/{file.uuid}"},
            "download": {"href": f"{at}/{name}"},
            "download_version": {"href": f"{at}/{version.uuid}/{name}"},
        },
    }


def show_version(call: DriveCall, file: File, version: Version) -> dict[str, Json]:
    """Return the model of one version."""
    download = f"{_download(call, file)}/{version.uuid}/{full_name(version)}"
    return {
        "uuid": version.uuid,
        "file_uuid": file.uuid,
        **_content(call, file, version),
        "is_main": version.uuid == file.active,
        "source_id": file.source_id,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "updated_at": version.created_at,
        "updated_by": version.created_by,
        "_links": {
            "self": {"href": f"{call.root}/files/{file.uuid}/versions/{version.uuid}"},
            "download": {"href": download},
        },
    }


def full_name(version: Version) -> str:
    """Return the name that ends a download address: ASCII, with the extension."""
    name = sanitized(version.name)
    return quote(f"{name}.{version.extension}" if version.extension else name)


def sanitized(name: str) -> str:
    """Return a name in ASCII. Assumed (reference 7): how the rest is replaced.

    >>> sanitized("Café menu")
    'Cafe_menu'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = "".join(one if one.isalnum() or one in "-._" else "_" for one in plain)
    return kept or "file"


def _content(call: DriveCall, file: File, version: Version) -> dict[str, Json]:
    return {
        "type": version.kind,
        "name": version.name,
        "sanitized_name": sanitized(version.name),
        "size": len(version.content),
        "metadata": {"extension": version.extension, "mime_type": version.mime_type},
        "previews": _previews(call, file, version),
    }


def _previews(call: DriveCall, file: File, version: Version) -> list[dict[str, Json]] | None:
    if version.kind != "image" or not version.with_preview:
        return None
    width, height = PREVIEW
    at = f"{_download(call, file)}/{version.uuid}/preview_{width}x{height}_{full_name(version)}"
    return [{"download_link": at, "width": width, "height": height}]


def _download(call: DriveCall, file: File) -> str:
    return f"{call.request.origin}/download/{call.account.uuid}/{file.uuid}"
