"""A body is read here and nowhere else: in small pieces, within its time and its size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar
from weakref import WeakSet

import requests
from urllib3 import BaseHTTPResponse
from urllib3 import exceptions as urllib3_errors

from amocrm.clock import Clock
from amocrm.core.wire import Lost, Reply, Sink
from amocrm.transport.loss import explain

MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes of an answer, decoded, that are taken; 250 fat leads are about 2 MB."""

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
        deadline: the instant, in monotonic seconds, at which the time of the call is up.
        outcome: what was read; None until an answer came.
    """

    __slots__ = ("_clock", "_seen", "_sink", "_url", "deadline", "outcome")

    def __init__(
        self,
        clock: Clock,
        deadline: float,
        url: str,
        seen: WeakSet[object] | None = None,
        sink: Sink | None = None,
    ) -> None:
        self._clock = clock
        self.deadline = deadline
        self._url = url
        self._seen = seen
        self._sink = sink
        self.outcome: Answer | Lost | None = None

    def __call__(self, info: requests.Response, *_: object, **__: object) -> None:
        """Serve as a hook.

        Raises:
            BrokenOffError: there is no whole answer, and nothing for further hooks to see.
        """
        self.outcome = self.read(info)
        if isinstance(self.outcome, Lost):
            raise BrokenOffError

    def read(self, info: requests.Response) -> Answer | Lost:
        """Read a body to its end, or to the limit of its time or size.

        Raises:
            SinkError: what takes the body has failed.
        """
        came = self._clock.monotonic()
        if self._sink is not None and info.status_code == 200:
            return self._pour(info, self._sink, came)
        if not isinstance(info.raw, BaseHTTPResponse):
            # Somebody's adapter or hook made this answer.
            try:
                return Answer(info.status_code, info.headers, info.content, info=info, came=came)
            except (requests.RequestException, OSError) as error:
                return explain(error, self._url, True)
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
                if self._clock.monotonic() > self.deadline:
                    info.close()
                    return Lost(True, "the answer was still trickling in when its time was up")
        except (urllib3_errors.HTTPError, OSError) as error:
            info.close()
            return explain(error, self._url, True)
        whole = b"".join(body)
        # So that `info.content`, `.text` and `.json()` work as ever.
        info.raw = io.BytesIO(whole)
        return Answer(info.status_code, info.headers, whole, info=info, came=came, fresh=fresh)

    def _pour(self, info: requests.Response, sink: Sink, came: float) -> Answer | Lost:
        """Hand on a body of any size, piece by piece."""
        raw, poured = info.raw, 0
        known = isinstance(raw, BaseHTTPResponse)
        fresh = known and self._seen is not None and _is_new(raw, self._seen)
        try:
            take = _guarded(sink)
            for piece in _pieces(info, raw) if known else info.iter_content(CHUNK):
                _guarded(take, piece)
                poured += len(piece)
                if self._clock.monotonic() > self.deadline:
                    return Lost(True, "the answer was still trickling in when its time was up")
        except (urllib3_errors.HTTPError, OSError) as error:
            return explain(error, self._url, True)
        finally:
            # After the whole of it this gives the connection back, and else it closes it.
            info.close()
        info.raw = io.BytesIO()
        return Answer(
            info.status_code, info.headers, info=info, came=came, fresh=fresh, poured=poured
        )


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
