"""Decodes the body of a response according to its content type.

It reads the bytes itself, because `requests` decodes `text/html` without a charset as latin-1,
which makes Cyrillic unreadable. Source: reference 3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from amocrm.http.messages import Json, Reply

_EXCERPT: Final = 160
"""Characters of an unexpected body in a message."""

_MOST_DIGITS: Final = 640
"""Digits of an integer that Python can parse with any setting; ids have 19 at most."""

_TAGS: Final = re.compile(
    # An element that is not closed extends to the end, so the text is scanned only once.
    r"<(script|style)\b(?:.*?</\1\s*>|.*)|<[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)


class NotJSONError(ValueError):
    """The body is not JSON; the message says what it is. Internal to this library."""


def decode(reply: Reply) -> Json:
    """Return the JSON value of a body; None if it is empty.

    Raises:
        NotJSONError: the content type is not JSON, or the JSON is broken.
    """
    body = undecoded(reply)
    return None if body is None else parse(body)


def undecoded(reply: Reply) -> bytes | None:
    """Return the bytes of a JSON body, for `parse`; None if it is empty.

    Raises:
        NotJSONError: the content type is not JSON, or the body is too large.
    """
    if reply.oversize:
        raise NotJSONError("a body that is too large for a response of the API")
    if not reply.body:
        return None
    media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type and not (media_type.endswith(("/json", "+json"))):
        raise NotJSONError(f"{media_type} instead of JSON: {excerpt(reply.body)}")
    return reply.body


def read_problem(reply: Reply) -> tuple[Json, Mapping[str, Json]]:
    """Return the JSON value of an error response and its members; None and {} without JSON."""
    try:
        data = decode(reply)
    except NotJSONError:
        data = None
    return data, data if isinstance(data, Mapping) else {}


def words(value: object) -> str | None:
    """Return a member of an error response if it is a non-empty string; otherwise None."""
    return value if isinstance(value, str) and value else None


def parse(body: bytes) -> Json:
    """Return the JSON value of some bytes, whatever their content type.

    Unusable numbers become None: NaN and Infinity, which are not JSON, and integers with more
    digits than Python parses. One such number must not make a token or a page of leads unreadable.
    (`1e999` is a JSON number and becomes infinity; code that calculates uses `finite`.)

    Raises:
        NotJSONError: the bytes are not JSON.
    """
    for parse_int in (None, _parse_int):  # None selects the module's fast function.
        try:
            return json.loads(body, parse_int=parse_int, parse_constant=_ignore)
        except json.JSONDecodeError:
            break
        except (ValueError, RecursionError):
            pass  # An integer with thousands of digits raises a plain ValueError.
    # Raised outside of `except`: the decoder's error contains the text, which may be a token.
    raise NotJSONError(f"broken JSON of {len(body)} bytes")


def _parse_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _ignore(_name: str) -> None:
    """Return None for `NaN`, `Infinity` and `-Infinity`."""


def excerpt(body: bytes) -> str:
    """Return the beginning of a text, without markup and line breaks, Cyrillic included."""
    text = _TAGS.sub(" ", body[: _EXCERPT * 20].decode("utf-8", "replace"))
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}...")
