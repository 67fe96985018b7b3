"""Reads the body of a webhook: a form or JSON, whatever its content type says."""

from __future__ import annotations

import re
from typing import Final

from amocrm.errors import WebhookError
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError
from amocrm.http.reply_body import parse as parse_json
from amocrm.webhooks.parsing.php_form import MAX_FIELDS, check_key, check_size, decode, parse_form

_BOM: Final = b"\xef\xbb\xbf"
_EMPTY: Final = (b"", b"null", b'""', b"[]", b"{}")
_CONTAINERS: Final = (b"{", b"[")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_BRACKETS: Final = 8 * MAX_FIELDS
"""In keys, too: a name with brackets has seven."""


def read_body(body: bytes, content_type: str) -> tuple[list[dict[str, Json]], bool]:
    """Return the objects of a body, and whether it was JSON; none for an empty body.

    A form is one object. What is JSON is told by its first character, since content types are
    often wrong; a JSON list, as some relays send it, is several objects.

    Raises:
        WebhookError: the body is out of bounds, or of type JSON and broken.
    """
    check_size(body)
    stripped = body.strip().removeprefix(_BOM).strip()
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
    form = parse_form(stripped)
    return [form] if form else [], False


def _read_json(body: bytes) -> Json:
    if body.count(b",") >= MAX_FIELDS or body.count(b"[") + body.count(b"{") > _MOST_BRACKETS:
        raise WebhookError(f"the webhook has more than {MAX_FIELDS:,} values")
    try:
        data = parse_json(body)
    except NotJSONError:
        if body.isascii():
            raise
        data = parse_json(decode(body).encode())
    if isinstance(data, (dict, list)):
        _check(data)
    return _encodable(data) if _SURROGATE.search(body) else data


def _check(data: dict[str, Json] | list[Json], depth: int = 1) -> None:
    """Refuse what is too deep or has long names."""
    check_key(max(map(len, data), default=0) if isinstance(data, dict) else 0, depth)
    for one in data.values() if isinstance(data, dict) else data:
        if isinstance(one, (dict, list)):
            _check(one, depth + 1)


def _encodable(data: Json) -> Json:
    """Return data whose texts have no lone surrogates, which nobody could store or print."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, dict):
        return {_encodable(key): _encodable(one) for key, one in data.items()}
    return [_encodable(one) for one in data] if isinstance(data, list) else data
