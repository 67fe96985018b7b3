"""Reads the body of a response, in pieces, within limits of time and size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPResponse
from typing import Final, TypeVar, cast
from weakref import WeakSet

import requests
from urllib3 import BaseHTTPResponse
from urllib3 import exceptions as urllib3_errors

from amocrm._support.clock import Clock
from amocrm.http.messages import NoReply, Reply, Sink
from amocrm.http.transport.connections import TimedResponse
from amocrm.http.transport.deadline import Deadline, Timed, limit_reading
from amocrm.http.transport.failures import TIMED_OUT, explain

MAX_BODY: Final = 8 * 1024 * 1024
"""Maximum bytes of a decompressed body. 250 large leads are about 2 MB, and decoded JSON takes up
to 25 times the memory of its text. A body that goes to a sink, such as a file, has no limit."""

ENCODINGS: Final = "gzip, deflate"
"""Accepted content encodings. urllib3 decompresses them in pieces of limited size; older releases
of Brotli decompress everything at once."""

CHUNK: Final = 65_536

_T = TypeVar("_T")


class ReceivedReply(Reply):
    """A Reply with the `requests.Response` from which it was read.

    Attributes:
        info: the response of `requests`.
        came: when its headers had arrived, in monotonic seconds.
        fresh: whether it arrived over a new connection; only known of a user's session.
        poured: bytes of the body that went to a sink and are not in `body`.
    """

    __slots__ = ("came", "fresh", "info", "poured")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        oversize: bool = False,
        *,
        info: requests.Response,
        came: float,
        fresh: bool = False,
        poured: int = 0,
    ) -> None:
        super().__init__(status, headers, body, oversize)
        self.info = info
        self.came = came
        self.fresh = fresh
        self.poured = poured


class SinkError(Exception):
    """A sink raised an exception. Not an `OSError`, which would count as a network error.

    Attributes:
        error: the exception.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class IncompleteBodyError(requests.RequestException):
    """The body did not arrive completely; ends `Session.send`, and is caught by the transport."""


class Reader:
    """Reads one response. It is the first response hook, so it runs before any other code.

    `requests` itself reads the body of a redirect, and a user's hook may read any body, both
    without limits. And an exception of a hook would hide the response.

    Attributes:
        deadline: when the call times out.
        outcome: the result; None until a response arrives.
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
        self.outcome: ReceivedReply | NoReply | None = None

    def __call__(self, info: requests.Response, *_: object, **__: object) -> None:
        """Read the response, as a response hook.

        Raises:
            IncompleteBodyError: the response is incomplete; further hooks are not called.
        """
        self.outcome = self.read(info)
        if isinstance(self.outcome, NoReply):
            raise IncompleteBodyError

    def read(self, info: requests.Response) -> ReceivedReply | NoReply:
        """Read a body to its end, or to a limit of time or size.

        Raises:
            SinkError: the sink raised an exception.
        """
        came = self._clock.monotonic()
        encoding = info.headers.get("Content-Encoding")
        if encoding is not None and (problem := _encoding_problem(encoding)) is not None:
            info.close()
            return NoReply(True, problem, None, None, True)
        if isinstance(info.raw, BaseHTTPResponse):
            _limit_reading(info.raw, self.deadline)
        if self._sink is not None and info.status_code == 200:
            return self._pour(info, self._sink, came)
        if not isinstance(info.raw, BaseHTTPResponse):
            # A user's adapter or hook created this response.
            try:
                content = info.content
            except (requests.RequestException, OSError) as error:
                return self._explain(error)
            oversize = len(content) > MAX_BODY
            content = b"" if oversize else content
            return ReceivedReply(
                info.status_code, info.headers, content, oversize, info=info, came=came
            )
        fresh = self._seen is not None and _is_new(info.raw, self._seen)
        pieces: list[bytes] = []
        size = 0
        try:
            for piece in _pieces(info, info.raw):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_BODY:
                    info.close()
                    return ReceivedReply(
                        info.status_code, info.headers, oversize=True, info=info, came=came
                    )
                if self.deadline.passed:
                    info.close()
                    return NoReply(True, TIMED_OUT)
        except (urllib3_errors.HTTPError, OSError) as error:
            info.close()
            return self._explain(error)
        body = b"".join(pieces)
        # So that `info.content`, `.text` and `.json()` work as usual.
        info.raw = io.BytesIO(body)
        return ReceivedReply(
            info.status_code, info.headers, body, info=info, came=came, fresh=fresh
        )

    def _pour(self, info: requests.Response, sink: Sink, came: float) -> ReceivedReply | NoReply:
        """Pass a body of any size to a sink, in pieces."""
        raw, poured = info.raw, 0
        is_urllib3 = isinstance(raw, BaseHTTPResponse)
        fresh = is_urllib3 and self._seen is not None and _is_new(raw, self._seen)
        try:
            receive = _call_sink(sink)
            for piece in _pieces(info, raw) if is_urllib3 else info.iter_content(CHUNK):
                _call_sink(receive, piece)
                poured += len(piece)
                if self.deadline.passed:
                    return NoReply(True, TIMED_OUT)
        except (urllib3_errors.HTTPError, OSError) as error:
            return self._explain(error)
        finally:
            # A complete body returns the connection to the pool; otherwise it is closed.
            info.close()
        info.raw = io.BytesIO()
        return ReceivedReply(
            info.status_code, info.headers, info=info, came=came, fresh=fresh, poured=poured
        )

    def _explain(self, error: BaseException) -> NoReply:
        return explain(error, self._url, True, late=self.deadline.passed)


def _encoding_problem(encoding: str) -> str | None:
    """Return why a content encoding is refused; None if it is accepted.

    Nested encodings can decompress to a million times their size.
    """
    if "," in encoding:
        return "the response has more than one content encoding"
    if encoding.strip().lower() in ("br", "zstd"):
        return "the response has a content encoding that was not requested"
    return None


def _limit_reading(raw: BaseHTTPResponse, deadline: Deadline) -> None:
    """Apply the deadline to the rest of a response over a user's session.

    Our own session applies it from the first byte.
    """
    response = getattr(raw, "_original_response", None)
    if not isinstance(response, HTTPResponse) or isinstance(response, TimedResponse):
        return
    # A connection that is about to be closed no longer refers to its socket, but the file does.
    sock = getattr(raw.connection, "sock", None)
    if sock is None:
        sock = getattr(getattr(response.fp, "raw", None), "_sock", None)
    if sock is not None:
        limit_reading(response, cast("Timed", sock), deadline)


def _call_sink(step: Callable[..., _T], *args: bytes) -> _T:
    try:
        return step(*args)
    except Exception as error:
        raise SinkError(error) from error


def _is_new(raw: BaseHTTPResponse, seen: WeakSet[object]) -> bool:
    """Tell whether a response arrived over a new socket; without a socket it did not."""
    sock = getattr(raw.connection, "sock", None)
    if sock is None or sock in seen:
        return False
    seen.add(sock)
    return True


def _pieces(info: requests.Response, raw: BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the bytes as they arrive; `read` would wait until a piece is full."""
    encoded = "Content-Encoding" in info.headers
    while piece := raw.read1(CHUNK, decode_content=True):
        yield piece
        # After the announced length, another read would only take time; except with a content
        # encoding, whose decoder may have buffered more.
        if raw.length_remaining == 0 and not encoded:
            return
