"""The bytes of an answer → data, by the content type they came with.

Always from the bytes: `requests` reads `text/html` without a charset as latin-1, which turns
Cyrillic into mojibake. Source: reference 3.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from amocrm.http.messages import Json, Reply

_EXCERPT: Final = 160
"""Characters of an unreadable body that a message shows."""
_MOST_DIGITS: Final = 640
"""Digits of a whole number that Python reads with any setting; ids have 19 at most."""
_TAGS: Final = re.compile(
    # What is not closed goes to the end, so that nothing is looked through twice.
    r"<(script|style)\b(?:.*?</\1\s*>|.*)|<[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)


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

    Numbers that nothing can be done with are null: NaN and Infinity, which are no JSON and which
    other writers make null, and whole numbers of more digits than Python reads. One strange number
    beside a pair of tokens or a page of deals is no reason to lose the rest. (`1e999` is a number
    of JSON, and infinite: whoever counts with a number takes it from `finite`.)

    Raises:
        NotJSONError: they are not.
    """
    for read_whole in (None, _whole):  # None is the fast reader of the module.
        try:
            return json.loads(body, parse_int=read_whole, parse_constant=_nothing)
        except json.JSONDecodeError:
            break
        except (ValueError, RecursionError):
            pass  # A number of thousands of digits is a bare ValueError.
    # Raised out here: the error of the decoder holds the whole text, which may be a token.
    raise NotJSONError(f"broken JSON of {len(body)} bytes")


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _nothing(_name: str) -> None:
    """Read `NaN`, `Infinity` and `-Infinity`."""


def excerpt(body: bytes) -> str:
    """Show the beginning of a text for a person: no markup, no line breaks, Cyrillic intact."""
    text = _TAGS.sub(" ", body[: _EXCERPT * 20].decode("utf-8", "replace"))
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}...")
