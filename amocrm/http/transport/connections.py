"""The library's own session: reports new connections and sent requests, and enforces timeouts.

It applies the total timeout of a call to every byte, and keeps queries out of urllib3's log.

The rate limiter counts from these reports: a request over a new connection arrives later than over
an open one, and a busy machine may send it some time after its slot. A user's session cannot report
this, because its adapters are not changed; there, `reading` recognizes new connections by the
response.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Final, Protocol, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from amocrm._support.clock import SystemClock
from amocrm.http.messages import Json
from amocrm.http.transport.deadline import PIECE, Deadline, Timed, limit_reading

if TYPE_CHECKING:
    import socket

    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection


_clock: Final = SystemClock()


class Watch(Protocol):
    """Receives reports about one call."""

    def opening(self) -> None:
        """Report that the call opens a connection."""
        ...

    def leaving(self) -> None:
        """Report that the request's headers are about to be sent."""
        ...

    def sent(self) -> None:
        """Report that the request's headers have been sent."""
        ...


class _CurrentCall(threading.local):
    """The call that this thread sends.

    Attributes:
        watch: receives reports about it.
        deadline: when it times out.
        shown: the path that logs and exceptions show.
        target: the path and query, or the URL for a proxy, that is sent.
    """

    watch: Watch | None = None
    deadline: Deadline | None = None
    shown: str | None = None
    target: str | None = None


current_call: Final = _CurrentCall()


class TimedResponse(HTTPResponse):
    """A response that is read within the time limit of its call, from the first byte."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None,
        url: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(sock, debuglevel, method, url)
        if current_call.deadline is not None:
            limit_reading(self, sock, current_call.deadline)


class _Plain(HTTPConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        if current_call.watch is not None:
            current_call.watch.opening()
        super().connect()

    def _new_conn(self) -> socket.socket:
        self.timeout = self._left()
        sock = super()._new_conn()
        try:
            # Limits the TLS handshake.
            sock.settimeout(self._left())
        except ConnectTimeoutError:
            sock.close()
            raise
        return sock

    def _left(self) -> float | None:
        try:
            return (
                self.timeout
                if current_call.deadline is None
                else current_call.deadline.left(self.timeout)
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error

    def putrequest(
        self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False
    ) -> None:
        super().putrequest(method, current_call.target or url, skip_host, skip_accept_encoding)

    def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
        if current_call.watch is not None:
            current_call.watch.leaving()
        super().endheaders(cast("None", message_body), encode_chunked=encode_chunked)
        if current_call.watch is not None:
            current_call.watch.sent()

    def send(self, data: Json) -> None:
        if current_call.deadline is None or not isinstance(data, bytes):
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        sock = cast("Timed", self.sock)
        for start in range(0, len(data), PIECE):
            sock.settimeout(current_call.deadline.left(self.timeout))
            super().send(data[start : start + PIECE])


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = cast("type[BaseHTTPConnection]", _Plain)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = cast("type[BaseHTTPSConnection]", _Secure)


_POOLS: Final[dict[str, type[HTTPConnectionPool] | type[HTTPSConnectionPool]]] = {
    "http": _PlainPool,
    "https": _SecurePool,
}


class ReportingAdapter(HTTPAdapter):
    """An adapter whose connections report when they are opened, also through a proxy."""

    _last: tuple[tuple[object, ...], HTTPConnectionPool] | None = None

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Json, proxies: Json = None,
        cert: Json = None,
    ) -> HTTPConnectionPool:  # fmt: skip
        """Return the connection pool of a host; the last one is remembered.

        Most clients call one host, and looking up its pool takes a twentieth of a call's time.
        """
        url = str(request.url)
        key = (url[: url.index("/", 8)], verify, cert, proxies)
        last = self._last
        if last is not None and last[0] == key:
            return last[1]
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        self._last = key, pool
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Json) -> str:
        """Return the path for urllib3, which logs it and puts it into exceptions.

        A query may contain a person's data, and some paths give access to a file. So urllib3 gets
        the path that messages show, and the connection sends the real one.
        """
        target = super().request_url(request, proxies)
        current_call.target = None if current_call.shown is None else target
        if current_call.shown is None:
            return target
        # A request to a proxy contains the URL, of which urllib3 needs the host.
        origin = "" if target.startswith("/") else target[: target.index("/", 8)]
        return f"{origin}/{current_call.shown.lstrip('/')}"

    def close(self) -> None:
        """Close all pools."""
        self._last = None
        super().close()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **settings: object
    ) -> None:
        """Create the pools."""
        super().init_poolmanager(connections, maxsize, block, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Json) -> object:
        """Return the pools of a proxy."""
        manager = super().proxy_manager_for(proxy, **settings)
        if not proxy.lower().startswith("socks"):  # SOCKS connections have their own classes.
            manager.pool_classes_by_scheme = _POOLS
        return manager


class OwnSession(requests.Session):
    """A session that only this library uses: without user settings, cookies and redirects.

    In `requests`, handling those takes as long as everything else in a call.
    """

    _plain: HTTPAdapter | None = None

    def __init__(self, hosts: int, pool: int) -> None:
        super().__init__()
        adapter = ReportingAdapter(pool_connections=hosts, pool_maxsize=pool, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def plain_adapter(self, url: str) -> HTTPAdapter:
        """Return an adapter with the usual connections of urllib3, the only ones vcrpy records.

        It takes the place of `get_adapter` while a cassette is in use: see `amocrm.testing`.
        """
        if self._plain is None:
            self._plain = HTTPAdapter(max_retries=0)
        return self._plain

    def close(self) -> None:
        """Close all connections."""
        super().close()
        if self._plain is not None:
            self._plain.close()

    def send(self, request: requests.PreparedRequest, **settings: Json) -> requests.Response:
        """Send a request, and call its hooks with the response as the only argument.

        Args:
            request: to send.
            settings: of `requests`, and `call`: watch, deadline and shown path of the call.
        """
        settings.pop("allow_redirects", None)
        current_call.watch, current_call.deadline, current_call.shown = settings.pop(
            "call", (None, None, None)
        )
        current_call.target = None
        try:
            adapter = self.get_adapter(str(request.url))
            started = _clock.monotonic()
            info = adapter.send(request, **settings)
            info.elapsed = timedelta(seconds=_clock.monotonic() - started)
            for hook in request.hooks["response"]:
                hook(info)
            return info
        finally:
            current_call.watch = current_call.deadline = current_call.shown = (
                current_call.target
            ) = None
