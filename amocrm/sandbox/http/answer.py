"""Answers, and the stream of their bytes, whole or not.

An `Answer` says what is sent and how: whole, cut before the first byte, cut in the middle, or one
byte at a time. The TCP server and the in-process adapter read the same stream, so a fault looks the
same through both.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias, TypeGuard

Json: TypeAlias = Any
"""Decoded JSON: the one place where the sandbox gives up static types."""


def is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    """Tell whether decoded JSON is an object."""
    return isinstance(value, dict)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Tell whether decoded JSON is an array."""
    return isinstance(value, list)


Ending = Literal["whole", "none", "half"]


@dataclass(frozen=True)
class Answer:
    """One answer and how it is delivered.

    Attributes:
        pad: spaces sent before the body; JSON stays JSON, and a body can be huge without memory.
        ending: `none` cuts the connection before the first byte, `half` in the middle of the body.
        drip: seconds before each byte of the body; 0 sends it at once.
        waited: seconds already spent on the way to the portal.
        late: seconds still to pass before the first byte.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pad: int = 0
    ending: Ending = "whole"
    drip: float = 0.0
    waited: float = 0.0
    late: float = 0.0

    @property
    def length(self) -> int:
        """The length that the answer declares; a half answer declares all of it."""
        return self.pad + len(self.body)


def json_answer(body: Json, *, status: int = 200, kind: str = "application/hal+json") -> Answer:
    """Encode `body`; Cyrillic is not escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, (("Content-Type", kind),), text.encode("utf-8"))


def html_answer(text: str, *, status: int = 200, charset: bool = True) -> Answer:
    """Encode a page; without `charset` the header does not name the encoding."""
    kind = "text/html; charset=utf-8" if charset else "text/html"
    return Answer(status, (("Content-Type", kind),), text.encode("utf-8"))


def phrase(status: int) -> str:
    """Return the reason phrase of a status."""
    if status == 422:
        return "Unprocessable Entity"  # Python 3.13 renamed it; reference 3.3 keeps the old words.
    known = status in set(HTTPStatus)
    return HTTPStatus(status).phrase if known else "Unknown"


NO_CONTENT = Answer(204)
"""An empty listing, or an unknown id (reference 3.2)."""


class BodyStream(io.RawIOBase):
    """The bytes of one answer, made as they are read, so that a large body needs no memory."""

    def __init__(self, answer: Answer, sleep: Callable[[float], None]) -> None:
        """Start at the first byte; `sleep` is called before each byte of a dripping body."""
        super().__init__()
        self._answer = answer
        self._sleep = sleep
        self._sent = 0
        self._end = answer.length // 2 if answer.ending == "half" else answer.length

    def readable(self) -> bool:
        """Say that the stream can be read."""
        return True

    def readinto(self, buffer: Json, /) -> int:
        """Fill `buffer` with the next bytes; 0 is the end, early or not."""
        room = min(len(buffer), self._end - self._sent)
        if room <= 0:
            return 0
        if self._answer.drip:
            self._sleep(self._answer.drip)
            room = 1
        chunk = self._slice(self._sent, self._sent + room)
        buffer[: len(chunk)] = chunk
        self._sent += len(chunk)
        return len(chunk)

    def _slice(self, start: int, stop: int) -> bytes:
        pad = self._answer.pad
        if stop <= pad:
            return b" " * (stop - start)
        spaces = max(0, pad - start)
        return b" " * spaces + self._answer.body[max(0, start - pad) : stop - pad]
