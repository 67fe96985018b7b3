"""The sandbox in the same process, behind a `requests` session.

Errors are those of the real stack: the raw response is urllib3's own, over a stream that can end
too early, stall or drip, and a lost answer is the exception a cut socket would have caused.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse, Timeout
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from amocrm.sandbox.clock import Clock
from amocrm.sandbox.http.answer import Answer, BodyStream, Json, phrase
from amocrm.sandbox.http.guard import CONTROL

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class SandboxAdapter(HTTPAdapter):
    """Passes prepared requests to the sandbox instead of a socket."""

    def __init__(self, respond: Callable[[WSGIEnvironment], Answer], clock: Clock) -> None:
        """Remember where requests go and whose time passes."""
        super().__init__()
        self._respond = respond
        self._clock = clock

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Json = None,
        verify: bool | str = True,
        cert: Json = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one prepared request.

        Raises:
            requests.exceptions.ConnectionError: the answer was lost.
            requests.exceptions.ReadTimeout: the first byte came later than the read timeout.
        """
        patience = _read_timeout(timeout)
        answer = self._respond(_environ(request))
        self._wait(answer, patience, request)
        if answer.ending == "none":
            gone = http.client.RemoteDisconnected("Remote end closed connection without response")
            raise requests.exceptions.ConnectionError(
                ProtocolError("Connection aborted.", gone), request=request
            )
        return self.build_response(request, self._raw(answer, patience, request))

    def _wait(
        self, answer: Answer, patience: float | None, request: requests.PreparedRequest
    ) -> None:
        if patience is None or answer.waited + answer.late <= patience:
            self._clock.sleep(answer.late)
            return
        self._clock.sleep(max(0.0, patience - answer.waited))
        # urllib3 wants the pool it happened in; here is none.
        error = ReadTimeoutError(
            cast("Json", None), request.url, f"Read timed out. (read timeout={patience})"
        )
        raise requests.exceptions.ReadTimeout(error, request=request)

    def _raw(
        self, answer: Answer, patience: float | None, request: requests.PreparedRequest
    ) -> HTTPResponse:
        def sleep(seconds: float) -> None:
            if patience is not None and seconds > patience:
                self._clock.sleep(patience)
                raise TimeoutError("timed out")
            self._clock.sleep(seconds)

        source = cast("socket.socket", _Wire(answer, sleep))
        received = http.client.HTTPResponse(source, method=request.method)
        received.begin()
        return HTTPResponse(
            body=received,
            headers=HTTPHeaderDict(received.msg.items()),
            status=received.status,
            version=received.version,
            reason=received.reason,
            preload_content=False,
            decode_content=False,
            original_response=received,
            request_method=request.method,
            request_url=request.url,
        )


class _Wire(BodyStream):
    """The bytes of a whole HTTP answer, in the place of a socket."""

    def __init__(self, answer: Answer, sleep: Callable[[float], None]) -> None:
        super().__init__(answer, sleep)
        lines = [f"HTTP/1.1 {answer.status} {phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        self._head = "\r\n".join([*lines, "", ""]).encode("latin-1")

    def makefile(self, mode: str) -> io.BufferedReader:
        # Buffered like a socket's file: read(n) waits for n bytes, read1 takes what is there.
        return io.BufferedReader(self)

    def readinto(self, buffer: Json, /) -> int:
        if not self._head:
            return super().readinto(buffer)
        chunk, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _environ(request: requests.PreparedRequest) -> WSGIEnvironment:
    parts = urlsplit(request.url or "")
    body = _body(request.body)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc.rpartition("@")[2],
        CONTROL: True,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ |= _header_entries(request.headers)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


def _header_entries(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        plain = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        entries[key if plain else f"HTTP_{key}"] = _text(value)
    return entries


def _text(value: Json) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(body: Json) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if hasattr(body, "read"):
        read = body.read()
        return read.encode("utf-8") if isinstance(read, str) else bytes(read)
    return b"".join(cast("Iterable[bytes]", body))


def _read_timeout(timeout: Json) -> float | None:
    if isinstance(timeout, tuple):
        timeout = cast("tuple[float | None, float | None]", timeout)[1]
    if isinstance(timeout, Timeout):
        running = timeout.clone()
        running.start_connect()
        timeout = running.read_timeout
    return float(timeout) if isinstance(timeout, (int, float)) else None
