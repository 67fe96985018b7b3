"""The bytes of an answer → data, by the content type they came with.

Always from the bytes: `requests` reads `text/html` without a charset as latin-1, which turns
Cyrillic into mojibake. Source: reference 3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from amocrm.core.wire import Json, Reply

_EXCERPT: Final = 160
"""Characters of an unreadable body that a message shows."""
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class NotJSONError(ValueError):
    """The body is not JSON; the text says what it is instead. Never leaves the core."""


def decode(reply: Reply) -> Json:
    """Read an answer's body as JSON; an empty body is None.

    Raises:
        NotJSONError: by its content type it is something else, or it is broken.
    """
    body = undecoded(reply)
    return None if body is None else parse(body)


def undecoded(reply: Reply) -> bytes | None:
    """Return an answer's body for `parse`; an empty one is None.

    Raises:
        NotJSONError: by its content type it is something else.
    """
    if reply.oversize:
        raise NotJSONError("a body too large to be an answer of the API")
    if not reply.body:
        return None
    media = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media and not (media.endswith(("/json", "+json"))):
        raise NotJSONError(f"{media} instead of JSON: {excerpt(reply.body)}")
    return reply.body


def read_problem(reply: Reply) -> tuple[Json, Mapping[str, Json]]:
    """Read a refusal's body: what it was, and its parts by name; neither has to be there."""
    try:
        data = decode(reply)
    except NotJSONError:
        data = None
    return data, data if isinstance(data, Mapping) else {}


def words(value: object) -> str | None:
    """Return a part of a problem that is text and says something; None otherwise."""
    return value if isinstance(value, str) and value else None


def parse(body: bytes) -> Json:
    """Read bytes as JSON, whatever they were called.

    Raises:
        NotJSONError: they are not.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    # Raised out here: the error of the decoder holds the whole text, which may be a token.
    raise NotJSONError(f"broken JSON of {len(body)} bytes")


def excerpt(body: bytes) -> str:
    """Show the beginning of a text for a person: no markup, no line breaks, Cyrillic intact."""
    text = _TAGS.sub(" ", body[: _EXCERPT * 20].decode("utf-8", "replace"))
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}...")
