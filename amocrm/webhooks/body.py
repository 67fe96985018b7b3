"""Reads the body of a webhook: a form or JSON, whatever its content type says."""

from __future__ import annotations

from typing import Final

from amocrm.errors import WebhookError
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError
from amocrm.http.reply_body import parse as parse_json
from amocrm.webhooks.php_form import (
    MAX_FIELDS,
    check_key,
    check_size,
    decode,
    parse_form,
)

_BOM: Final = b"\xef\xbb\xbf"
_EMPTY: Final = (b"", b"null", b'""', b"[]", b"{}")
_CONTAINERS: Final = (b"{", b"[")


def read_body(body: bytes, content_type: str) -> tuple[list[dict[str, Json]], bool]:
    """Return the objects of a body, and whether it was JSON; none for an empty body.

    A form is one object. What is JSON is told by its first character, since content types are
    often wrong; a JSON list, as some relays send it, is several objects.

    Raises:
        WebhookError: the body is out of bounds, or of type JSON and broken.
    """
    check_size(body)
    stripped = body.strip().removeprefix(_BOM)
    if stripped in _EMPTY:
        return [], False
    if stripped.startswith(_CONTAINERS):
        try:
            data = _read_json(stripped)
        except NotJSONError as broken:
            if "json" in content_type.lower():
                raise WebhookError(f"the webhook is {broken}") from None
        else:
            listed = data if isinstance(data, list) else [data]
            return [one for one in listed if isinstance(one, dict) and one], True
    return [parse_form(stripped)], False


def _read_json(body: bytes) -> Json:
    if max(body.count(b","), body.count(b"{"), body.count(b"[")) > MAX_FIELDS:
        raise WebhookError(f"the webhook has more than {MAX_FIELDS:,} values")
    try:
        return _checked(parse_json(body))
    except NotJSONError:
        text = decode(body)
        if "\ufffd" not in text and body.isascii():
            raise
    return _checked(parse_json(text.encode()))


def _checked(data: Json, depth: int = 1) -> Json:
    """Return JSON of limited depth, with texts that UTF-8 can encode."""
    if isinstance(data, str):
        return data if data.isascii() else data.encode("utf-8", "replace").decode()
    if not isinstance(data, (dict, list)):
        return data
    check_key(0, depth)
    if isinstance(data, list):
        return [_checked(one, depth + 1) for one in data]
    for key in data:
        check_key(len(key), depth)
    return {_checked(key): _checked(one, depth + 1) for key, one in data.items()}
