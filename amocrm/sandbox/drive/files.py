"""Files: list, read, change, delete, restore, download (reference 7)."""

from __future__ import annotations

from dataclasses import replace

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.drive.call import DriveCall
from amocrm.sandbox.drive.search import select
from amocrm.sandbox.drive.store import Drive, File, Version
from amocrm.sandbox.drive.view import FILE_KEYS, full_name, show_file, show_version
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_model, read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json, json_answer
from amocrm.sandbox.http.problem import ProblemError

_PATCH: Schema = {
    **ignoring(*FILE_KEYS),
    "name": Prop("string", filled=True),
    "version_uuid": "string",
}


def list_files(call: DriveCall) -> Answer:
    """Answer `GET /v1.0/files`: a page, or 204."""
    listing = ListingQuery.of(call.request)
    items, more = listing.take(select(call.account, listing, call.now))
    if not items:
        return NO_CONTENT
    links = {name: one for name, one in listing.links(more).items() if name != "first"}
    shown = [show_file(call, one) for one in items]
    # Assumed (reference 7): `_count` is of the page.
    return _answer({"_count": len(items), "_links": links, "_embedded": {"files": shown}})


def get_file(call: DriveCall, uuid: str) -> Answer:
    """Answer `GET /v1.0/files/{uuid}`, for a file in the bin too."""
    return _answer(show_file(call, call.file(uuid)))


def patch_file(call: DriveCall, uuid: str) -> Answer:
    """Answer `PATCH /v1.0/files/{uuid}`: another name, or another active version."""
    file = call.file(uuid)

    def check(model: Entity, errors: ValidationErrors) -> None:
        if model.get("version_uuid", file.active) not in file.versions:
            errors.no_choice("version_uuid")
        elif {"name", "version_uuid"} <= set(_changes(file, model)):
            errors.unexpected("version_uuid")

    model = _changes(file, read_model(call.request.json(), _PATCH, check=check))
    if "name" in model:
        file.versions[file.active] = replace(file.version, name=model["name"])
    if "version_uuid" in model:
        file.active = model["version_uuid"]
    file.updated_at, file.updated_by = call.now, call.author
    return _answer(show_file(call, file))


def list_versions(call: DriveCall, uuid: str) -> Answer:
    """Answer `GET /v1.0/files/{uuid}/versions`, the oldest first (assumed)."""
    file = call.file(uuid)
    shown = [show_version(call, file, one) for one in file.versions.values()]
    return _answer({"_count": len(shown), "_embedded": {"versions": shown}})


def delete_files(call: DriveCall) -> Answer:
    """Answer `DELETE /v1.0/files`: 204; Kommo's text says 200 (reference 12.3)."""
    for file in _named(call):
        if file.deleted_at is None:
            file.deleted_at, file.deleted_by = call.now, call.author
    return NO_CONTENT


def restore_files(call: DriveCall) -> Answer:
    """Answer `POST /v1.0/files/restore`."""
    files = _named(call)
    for file in files:
        file.deleted_at = file.deleted_by = None
    shown = [show_file(call, one) for one in files]
    return _answer({"_count": len(shown), "_embedded": {"files": shown}})


def download(drive: Drive, uuid: str, name: str, version: str | None = None) -> Answer:
    """Answer a download address, which needs no token (assumed by reference 7).

    Raises:
        ProblemError: 404: no such file, version or name, or the file is in the bin.
    """
    file = drive.files.get(uuid)
    if file is None or file.deleted_at is not None:
        raise ProblemError(404, "File not found")
    one = file.versions.get(version or file.active)
    if one is None or not _goes_by(one, name):
        raise ProblemError(404, "File not found")
    headers = (
        ("Content-Type", one.mime_type),
        ("Content-Disposition", f'attachment; filename="{full_name(one)}"'),
    )
    return Answer(200, headers, one.content)


def _goes_by(version: Version, name: str) -> bool:
    # Assumed (reference 7): the preview of a picture is the picture.
    _, is_preview, shown = name.partition("preview_")
    if is_preview and version.kind == "image":
        name = shown.partition("_")[2]
    return name == full_name(version)


def _named(call: DriveCall) -> list[File]:
    def check(model: Entity, errors: ValidationErrors) -> None:
        if model and model["uuid"] not in call.drive.files:
            errors.no_choice("uuid")  # Assumed (reference 7): 400 is among the documented codes.

    schema: Schema = {**ignoring(*FILE_KEYS), "uuid": "string!"}
    models = read_models(call.request.json(), schema, check=check)
    return [call.drive.files[one["uuid"]] for one in models]


def _changes(file: File, model: Entity) -> Entity:
    """Return what a model changes: one that is sent back as it was read names both members."""
    present = {"name": file.version.name, "version_uuid": file.active}
    return {name: one for name, one in model.items() if one != present.get(name)}


def _answer(body: dict[str, Json]) -> Answer:
    return json_answer(body, kind="application/json")
