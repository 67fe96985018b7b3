"""Bodies of the Chats API as schemas: it is strictly typed (reference 8.2)."""

from __future__ import annotations

from amocrm.sandbox.engine.schema import Prop, Schema, check_object
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json

_TEXT = Prop("string", required=True, filled=True)
_PROFILE = Prop("object", inner={"phone": "string", "email": "string"})
_SOURCE = Prop("object", inner={"external_id": Prop("string", required=True, longest=40)})
_USER: Schema = {
    "id": _TEXT,
    "ref_id": "string",
    "name": _TEXT,
    "avatar": "string",
    "profile": _PROFILE,
    "profile_link": "string",
}
_KINDS = ("text", "contact", "file", "video", "picture", "voice", "audio", "sticker", "location")
_POST: Schema = {
    "id": _TEXT,
    "url": _TEXT,
    "preview_url": "string",
    "preview_permalink": "string",
    "username": "string",
    "caption": "string",
}
_SHARED: Schema = {
    "url": "string",
    "preview_link": "string",
    "preview_permalink": "string",
    "type": Prop("string", choices=("post",)),
    "site_name": "string",
}
_MEDIA: Schema = {
    "type": Prop("string", choices=_KINDS),
    "text": "string",
    "media": "string",
    "file_name": "string",
    "file_size": Prop("int", low=0),
    "media_duration": Prop("int", low=0),
}
_MESSAGE: Schema = {
    **_MEDIA,
    "type": Prop("string", required=True, choices=_KINDS),
    "sticker_id": "string",
    "callback_data": "string",
    "contact": Prop("object", inner={"name": _TEXT, "phone": _TEXT}),
    "location": Prop("object", inner={"lon": "number!", "lat": "number!"}),
    "shared_post": Prop("object", inner=_SHARED),
    "post": Prop("object", inner=_POST),
}
_EMBEDDED: Schema = {
    **_MEDIA,
    "id": "string",
    "msgid": "string",
    "timestamp": "int",
    "msec_timestamp": "int",
    "sender": Prop("object", inner={"id": "string", "ref_id": "string", "name": "string"}),
}
_FORWARDS: Schema = {
    # At most one message (reference 8.2).
    "messages": Prop("array", required=True, filled=True, longest=1, inner=_EMBEDDED),
    "conversation_ref_id": "string",
    "conversation_id": "string",
}
_STATUS: Schema = {"status_code": "int!", "error_code": "int", "error": "string"}

_NEEDS = {
    "text": ("text",),
    "file": ("media", "file_name", "file_size"),
    "video": ("media", "file_name", "file_size"),
    "picture": ("media", "file_name", "file_size"),
    # Assumed (reference 8.2): what the other types need.
    "voice": ("media",),
    "audio": ("media",),
    "contact": ("contact",),
    "location": ("location",),
}
_PAYLOAD: Schema = {
    "timestamp": "int!",
    "msec_timestamp": "int!",
    "msgid": _TEXT,
    "conversation_id": _TEXT,
    "conversation_ref_id": "string",
    "silent": "bool",
    "sender": Prop("object", required=True, inner=_USER),
    "receiver": Prop("object", inner=_USER),
    "source": _SOURCE,
    "message": Prop("object", required=True, inner=_MESSAGE),
    "reply_to": Prop("object", inner={"message": Prop("object", inner=_EMBEDDED)}),
    "forwards": Prop("object", inner=_FORWARDS),
}
_EDIT: Schema = {
    **_PAYLOAD,
    # Ignored on edits, so not needed.
    "timestamp": "int",
    "msec_timestamp": "int",
    "msgid": "string",
    "id": "string",
    "sender": Prop("object", inner=_USER),
    "delivery_status": Prop("object", inner=_STATUS),
}

CONNECT: Schema = {
    "account_id": _TEXT,
    "title": "string",
    "hook_api_version": Prop("string", choices=("v1", "v2")),
    "is_time_window_disabled": "bool",
}
DISCONNECT: Schema = {"account_id": _TEXT}
CHAT: Schema = {
    "conversation_id": _TEXT,
    "source": _SOURCE,
    "user": Prop("object", required=True, inner={**_USER, "ref_id": "string"}),
}
DELIVERY: Schema = {
    "status_code": "int",
    "delivery_status": "int",  # So the vendor's sample in PHP (reference 12.3).
    "msgid": "string",
    "error_code": "int",
    "error": "string",
}
TYPING: Schema = {
    "conversation_id": _TEXT,
    "sender": Prop("object", required=True, inner={"id": _TEXT}),
    "duration_ms": Prop("int", low=0),
}
REACTION: Schema = {
    "conversation_id": "string",
    "conversation_ref_id": "string",
    "id": "string",
    "msgid": "string",
    "user": Prop("object", required=True, inner={"id": "string", "ref_id": "string"}),
    "type": Prop("string", required=True, choices=("react", "unreact")),
    "emoji": "string",
}
_ENVELOPE: Schema = {
    "event_type": Prop("string", required=True, choices=("new_message", "edit_message")),
    "payload": "object!",
}


def check_body(body: dict[str, Json], schema: Schema) -> ValidationErrors:
    """Check a body against a schema."""
    errors = ValidationErrors()
    check_object(body, schema, errors)
    return errors


def check_event(body: dict[str, Json]) -> ValidationErrors:
    """Check the body of a message, new or edited."""
    errors = check_body(body, _ENVELOPE)
    if errors.found:
        return errors
    payload, is_new = body["payload"], body["event_type"] == "new_message"
    check_object(payload, _PAYLOAD if is_new else _EDIT, errors, at="payload.")
    if not is_new and not {"id", "msgid"} & set(payload):
        errors.missing("payload.msgid")
    if not errors.found:
        _check_kind(payload["message"], errors)
    return errors


def check_one_of(body: dict[str, Json], names: tuple[str, ...], errors: ValidationErrors) -> None:
    """Note whether exactly one of several names stands in a body."""
    given = [name for name in names if name in body]
    if not given:
        errors.missing(names[0])
    for name in given[1:]:
        errors.unexpected(name)


def _check_kind(message: dict[str, Json], errors: ValidationErrors) -> None:
    for name in _NEEDS.get(message["type"], ()):
        if name not in message:
            errors.missing(f"payload.message.{name}")
        elif message[name] == "":
            errors.blank(f"payload.message.{name}")
