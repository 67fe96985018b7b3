"""`vcr_config`: settings of vcrpy and pytest-recording that keep secrets and people out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Final, TypedDict
from urllib.parse import urlsplit

from amocrm.http.messages import Json
from amocrm.http.transport.connections import OwnSession
from amocrm.testing.masking import kind_of_path, mask_form, mask_json, mask_url

_REQUEST_HEADERS: Final = frozenset(
    {"accept", "content-type", "user-agent", "x-context-user-id", "x-requested-with"}
)
_RESPONSE_HEADERS: Final = frozenset({"content-type", "date", "location", "retry-after"})

_FORM: Final = "application/x-www-form-urlencoded"

_REMOVED: Final = b"(removed)"
"""Instead of a body that is neither JSON nor a form: a file, or a page."""


class VCRConfig(TypedDict):
    """Settings of vcrpy."""

    filter_headers: list[str]
    filter_query_parameters: list[str]
    decode_compressed_response: bool
    before_record_request: Callable[[Json], Json]
    before_record_response: Callable[[Json], Json]
    custom_patches: tuple[tuple[object, str, object], ...]


def vcr_config() -> VCRConfig:
    """Return settings that let a cassette hold no token, secret, phone, e-mail or name.

    For pytest-recording, as a fixture of this name; for vcrpy, `vcr.VCR(**vcr_config())`. Each text
    is replaced alike wherever it stands, so that requests are found again.
    """
    return {
        "filter_headers": ["authorization", "cookie", "x-auth-token", "x-refresh-token"],
        "filter_query_parameters": ["client_secret"],
        "decode_compressed_response": True,
        "before_record_request": mask_request,
        "before_record_response": mask_response,
        # vcrpy sees urllib3's connections only, and the library has connections of its own.
        "custom_patches": ((OwnSession, "get_adapter", OwnSession.plain_adapter),),
    }


def mask_request(request: Json) -> Json:
    """Return a copy of a request of vcrpy without what is secret or personal."""
    masked = copy.copy(request)
    path = urlsplit(request.uri).path
    masked.uri = mask_url(request.uri)
    masked.headers = {
        name: value for name, value in request.headers.items() if name.lower() in _REQUEST_HEADERS
    }
    kind = next((one for name, one in masked.headers.items() if name.lower() == "content-type"), "")
    masked.body = _masked(_bytes(request.body), path, is_form=_FORM in str(kind))
    return masked


def mask_response(response: Json) -> Json:
    """Return a copy of a response of vcrpy without what is secret or personal."""
    body = _masked(_bytes(response["body"].get("string"))) or b""
    headers = {
        name: [mask_url(one) for one in values] if name.lower() == "location" else list(values)
        for name, values in response["headers"].items()
        if name.lower() in _RESPONSE_HEADERS
    }
    return {**response, "headers": headers, "body": {**response["body"], "string": body}}


def _bytes(body: Json) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray)) else (_REMOVED if body else b"")


def _masked(body: bytes, path: str = "", *, is_form: bool = False) -> bytes | None:
    """Return a body without what is secret or personal; None for an empty one."""
    if not body:
        return None
    text = body.decode(errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return mask_form(text).encode() if is_form else _REMOVED
    if path.startswith("/oauth2") and isinstance(data, dict) and "code" in data:
        data = {**data, "code": "masked-code"}
    return json.dumps(mask_json(data, kind_of_path(path)), ensure_ascii=False).encode()
