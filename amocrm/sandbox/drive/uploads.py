"""Uploads: a session, then its parts, each to the address of the answer before (reference 7)."""

from __future__ import annotations

import mimetypes

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.drive.call import DriveCall
from amocrm.sandbox.drive.store import SESSION_SECONDS, File, Upload, Version, made_uuid
from amocrm.sandbox.drive.view import show_file
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validate import read_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, Json, json_answer
from amocrm.sandbox.http.problem import ProblemError

_SESSION: Schema = {
    "file_name": Prop("string", required=True, filled=True),
    "content_type": "string?",
    "file_uuid": "string?",
    "with_preview": "bool",
    "created_by": Prop("object", null=True, inner={"id": "int!", "type": "string!"}),
}
"""Of a session, `file_size` apart. Assumed (reference 7): an empty file has no part to send."""


def open_session(call: DriveCall) -> Answer:
    """Answer `POST /v1.0/sessions`."""
    model = _read_session(call)
    upload = Upload(
        id=call.ids.take("uploads"),
        name=model["file_name"],
        size=model["file_size"],
        mime_type=model.get("content_type"),
        file=call.drive.files.get(model.get("file_uuid") or ""),
        with_preview=model.get("with_preview", False),
        author=model.get("created_by") or call.author,
        expires=call.now + SESSION_SECONDS,
    )
    body = {
        "session_id": upload.id,
        "upload_url": _address(call, upload),
        "max_file_size": call.drive.max_file_size,
        "max_part_size": call.drive.max_part_size,
    }
    return json_answer(body, kind="application/json")


def take_part(call: DriveCall, token: str) -> Answer:
    """Answer `POST {upload_url}`: the next address, or the file when it is whole."""
    upload = call.drive.uploads.get(token)
    if upload is None:
        # Assumed (reference 7): an address is good for one part; a second one is of no session.
        raise ProblemError(404, "Session not found")
    part = call.request.body
    if not part:
        raise ProblemError(400, "The part is empty")
    # Assumed (reference 7): the status of a part that is too large, and of bytes beyond the end.
    if len(part) > call.drive.max_part_size:
        raise ProblemError(400, f"The part is larger than {call.drive.max_part_size} bytes")
    if len(upload.received) + len(part) > upload.size:
        raise ProblemError(400, "More bytes than the session announced")
    del call.drive.uploads[token]
    upload.received += part
    upload.parts += 1
    if len(upload.received) < upload.size:
        body: Json = {"session_id": upload.id, "next_url": _address(call, upload)}
    else:
        body = show_file(call, _finished(call, upload))
    return json_answer(body, kind="application/json")


def _read_session(call: DriveCall) -> Entity:
    def check(model: Entity, errors: ValidationErrors) -> None:
        if model.get("file_uuid") is not None:
            known = call.drive.files.get(model["file_uuid"])
            if known is None or known.deleted_at is not None:
                errors.no_choice("file_uuid")

    size = Prop("int", required=True, low=1, high=call.drive.max_file_size)
    return read_model(call.request.json(), {**_SESSION, "file_size": size}, check=check)


def _address(call: DriveCall, upload: Upload) -> str:
    claims: dict[str, Json] = {
        "exp": upload.expires,
        "iat": call.now,
        "nbf": call.now,
        "account_id": call.account.id,
        "session_id": upload.id,
        "user_id": call.user_id,
        "user_type": "internal",
        "part_num": upload.parts + 1,
    }
    token = call.sign_token(claims)
    call.drive.uploads[token] = upload
    return f"{call.upload_root}/sessions/upload/{token}"


def _finished(call: DriveCall, upload: Upload) -> File:
    version = _version(call, upload)
    file = upload.file
    if file is None or file.uuid not in call.drive.files:
        number = call.ids.take("files")
        uuid = made_uuid("file", number)
        file = File(number, uuid, {}, version.uuid, call.now, upload.author)
        call.drive.files[uuid] = file
    # A new version is the active one.
    file.versions[version.uuid] = version
    file.active, file.updated_at, file.updated_by = version.uuid, call.now, upload.author
    return file


def _version(call: DriveCall, upload: Upload) -> Version:
    stem, dot, extension = upload.name.rpartition(".")
    if not dot or not stem:
        stem, extension = upload.name, ""
    guessed, _ = mimetypes.guess_type(upload.name)
    return Version(
        uuid=made_uuid("version", upload.id),
        name=stem,
        extension=extension.lower(),
        mime_type=upload.mime_type or guessed or "application/octet-stream",
        content=bytes(upload.received),
        session_id=upload.id,
        with_preview=upload.with_preview,
        created_at=call.now,
        created_by=upload.author,
    )
