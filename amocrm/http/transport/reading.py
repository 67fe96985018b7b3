"""A body is read here and nowhere else: in small pieces, within its time and its size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Final, TypeVar, cast
from weakref import WeakSet

import requests
from urllib3 import BaseHTTPResponse
from urllib3 import exceptions as urllib3_errors

from amocrm._support.clock import Clock
from amocrm.http.messages import NoReply, Reply, Sink
from amocrm.http.transport.connections import TimedResponse
from amocrm.http.transport.deadline import Deadline, Timed, hold
from amocrm.http.transport.failures import OUT_OF_TIME, explain

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of an answer, decoded, that are taken; 250 fat leads are about 2 MB, and decoded JSON takes
up to 25 times the memory of its text. What goes to a sink, as files do, has no limit here."""

ENCODINGS: Final = "gzip, deflate"
"""Content encodings that are asked for: urllib3 decodes them piece by piece, however much they
unpack to. Brotli's older releases unpack all at once."""

CHUNK: Final = 65_536

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Answer(Reply):
    """A Reply together with the `requests.Response` it was read from.

    Attributes:
        came: the instant its headers had come, in monotonic seconds.
        fresh: it came over a connection not seen before; told of given sessions only.
        poured: bytes of its body that went elsewhere, and are not in `body`.
    """

    info: requests.Response = field(repr=False)
    came: float
    fresh: bool = False
    poured: int = 0


class SinkError(Exception):
    """What takes a body has failed. No `OSError`, which `requests` and we take for the network's.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class BrokenOffError(requests.RequestException):
    """The body did not come whole; ends the sending, and goes no further."""


class Reader:
    """Reads one answer. As the first response hook, it does so before anybody else can.

    `requests` reads the body of a redirect by itself, and a user's hook may read any, both without
    limit of time or size; and what a hook raises would hide an answer that has come.

    Attributes:
        deadline: when the time of the call is up.
        outcome: what was read; None until an answer came.
    """

    __slots__ = ("_clock", "_seen", "_sink", "_url", "deadline", "outcome")

    def __init__(
        self,
        clock: Clock,
        deadline: Deadline,
        url: str,
        seen: WeakSet[object] | None = None,
        sink: Sink | None = None,
    ) -> None:
        self._clock = clock
        self.deadline = deadline
        self._url = url
        self._seen = seen
        self._sink = sink
        self.outcome: Answer | NoReply | None = None

    def __call__(self, info: requests.Response, *_: object, **__: object) -> None:
        """Serve as a hook.

        Raises:
            BrokenOffError: there is no whole answer, and nothing for further hooks to see.
        """
        self.outcome = self.read(info)
        if isinstance(self.outcome, NoReply):
            raise BrokenOffError

    def read(self, info: requests.Response) -> Answer | NoReply:
        """Read a body to its end, or to the limit of its time or size.

        Raises:
            SinkError: what takes the body has failed.
        """
        came = self._clock.monotonic()
        if (odd := _odd_encoding(info.headers)) is not None:
            info.close()
            return NoReply(True, odd, None, None, True)
        if isinstance(info.raw, BaseHTTPResponse):
            _hold(info.raw, self.deadline)
        if self._sink is not None and info.status_code == 200:
            return self._pour(info, self._sink, came)
        if not isinstance(info.raw, BaseHTTPResponse):
            # Somebody's adapter or hook made this answer.
            try:
                made, big = info.content, len(info.content) > MAX_BODY
            except (requests.RequestException, OSError) as error:
                return self._explain(error)
            body_taken = b"" if big else made
            return Answer(info.status_code, info.headers, body_taken, big, info=info, came=came)
        fresh = self._seen is not None and _is_new(info.raw, self._seen)
        body: list[bytes] = []
        size = 0
        try:
            for piece in _pieces(info, info.raw):
                body.append(piece)
                size += len(piece)
                if size > MAX_BODY:
                    info.close()
                    return Answer(
                        info.status_code, info.headers, oversize=True, info=info, came=came
                    )
                if self.deadline.passed:
                    info.close()
                    return NoReply(True, OUT_OF_TIME)
        except (urllib3_errors.HTTPError, OSError) as error:
            info.close()
            return self._explain(error)
        whole = b"".join(body)
        # So that `info.content`, `.text` and `.json()` work as ever.
        info.raw = io.BytesIO(whole)
        return Answer(info.status_code, info.headers, whole, info=info, came=came, fresh=fresh)

    def _pour(self, info: requests.Response, sink: Sink, came: float) -> Answer | NoReply:
        """Hand on a body of any size, piece by piece."""
        raw, poured = info.raw, 0
        known = isinstance(raw, BaseHTTPResponse)
        fresh = known and self._seen is not None and _is_new(raw, self._seen)
        try:
            take = _guarded(sink)
            for piece in _pieces(info, raw) if known else info.iter_content(CHUNK):
                _guarded(take, piece)
                poured += len(piece)
                if self.deadline.passed:
                    return NoReply(True, OUT_OF_TIME)
        except (urllib3_errors.HTTPError, OSError) as error:
            return self._explain(error)
        finally:
            # After the whole of it this gives the connection back, and else it closes it.
            info.close()
        info.raw = io.BytesIO()
        return Answer(
            info.status_code, info.headers, info=info, came=came, fresh=fresh, poured=poured
        )

    def _explain(self, error: BaseException) -> NoReply:
        return explain(error, self._url, True, late=self.deadline.passed)


def _odd_encoding(headers: Mapping[str, str]) -> str | None:
    """Say what is wrong with the content encoding of an answer, if anything is.

    Encodings around one another unpack to a million times their size.
    """
    encoding = headers.get("Content-Encoding")
    if encoding is None:
        return None
    if "," in encoding:
        return "the answer cannot be read: it has more than one content encoding"
    if encoding.strip().lower() in ("br", "zstd"):
        return "the answer cannot be read: its content encoding was not asked for"
    return None


def _hold(raw: BaseHTTPResponse, deadline: Deadline) -> None:
    """Hold the rest of an answer over a given session to its time; our own holds all of it."""
    response = getattr(raw, "_original_response", None)
    if not isinstance(response, HTTPResponse) or isinstance(response, TimedResponse):
        return
    # Where the connection is to be closed it has let go of its socket, and the file has it.
    sock = getattr(raw.connection, "sock", None)
    if sock is None:
        sock = getattr(getattr(response.fp, "raw", None), "_sock", None)
    if sock is not None:
        hold(response, cast("Timed", sock), deadline)


def _guarded(step: Callable[..., _T], *args: bytes) -> _T:
    try:
        return step(*args)
    except Exception as error:
        raise SinkError(error) from error


def _is_new(raw: BaseHTTPResponse, seen: WeakSet[object]) -> bool:
    """Tell whether an answer comes over a socket not seen before; what has none is not new."""
    sock = getattr(raw.connection, "sock", None)
    if sock is None or sock in seen:
        return False
    seen.add(sock)
    return True


def _pieces(info: requests.Response, raw: BaseHTTPResponse) -> Iterator[bytes]:
    """Yield what comes as it comes; `read` would wait until a piece is full."""
    encoded = "Content-Encoding" in info.headers
    while piece := raw.read1(CHUNK, decode_content=True):
        yield piece
        # When all that was announced has come, asking once more would only cost time. Not so with
        # a content encoding, where a decoder may still hold something back.
        if raw.length_remaining == 0 and not encoded:
            return
