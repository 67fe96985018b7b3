"""Our own session: it tells when a call opens a connection, and when it is on its way.

It keeps a call within its time from the first byte to the last, and a query out of urllib3's log.

The rate limiter counts from there: a call over a new connection arrives later than one over a warm
one, and between a turn and the sending a busy machine may take its time. Only our own session can
tell: the adapters of a given one stay as they are, and what was new is seen from its answer (see
`reading`).
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
from amocrm.http.transport.deadline import PIECE, Deadline, Timed, hold

if TYPE_CHECKING:
    import socket

    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection


_clock: Final = SystemClock()


class Watch(Protocol):
    """Who wants to know of a call."""

    def opening(self) -> None:
        """Hear that a connection has to be opened for it."""
        ...

    def sent(self) -> None:
        """Hear that its head has been sent."""
        ...


class _Here(threading.local):
    """The call that this thread makes.

    Attributes:
        watch: who watches it.
        deadline: when its time is up.
        shown: the path that stands for its address in logs and exceptions.
        target: the path and query, or the address, that are really asked for.
    """

    watch: Watch | None = None
    deadline: Deadline | None = None
    shown: str | None = None
    target: str | None = None

    def begin(self, watch: Watch | None, deadline: Deadline, shown: str) -> None:
        self.watch, self.deadline, self.shown, self.target = watch, deadline, shown, None

    def end(self) -> None:
        self.watch = self.deadline = self.shown = self.target = None


here: Final = _Here()


class TimedResponse(HTTPResponse):
    """An answer that is read within the time of its call, from its first byte."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None,
        url: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(sock, debuglevel, method, url)
        if here.deadline is not None:
            hold(self, sock, here.deadline)


class _Plain(HTTPConnection):
    response_class = TimedResponse

    def connect(self) -> None:
        if here.watch is not None:
            here.watch.opening()
        super().connect()

    def _new_conn(self) -> socket.socket:
        self.timeout = self._left()
        sock = super()._new_conn()
        try:
            # For the handshake of TLS.
            sock.settimeout(self._left())
        except ConnectTimeoutError:
            sock.close()
            raise
        return sock

    def _left(self) -> float | None:
        try:
            return self.timeout if here.deadline is None else here.deadline.left(self.timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error

    def putrequest(
        self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False
    ) -> None:
        super().putrequest(method, here.target or url, skip_host, skip_accept_encoding)

    def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
        super().endheaders(cast("None", message_body), encode_chunked=encode_chunked)
        if here.watch is not None:
            here.watch.sent()

    def send(self, data: Json) -> None:
        if here.deadline is None or not isinstance(data, bytes):
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        sock = cast("Timed", self.sock)
        for start in range(0, len(data), PIECE):
            sock.settimeout(here.deadline.left(self.timeout))
            super().send(data[start : start + PIECE])


class _Secure(_Plain, HTTPSConnection):
    """Tells the same; what it does beside that is HTTPSConnection's."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = cast("type[BaseHTTPConnection]", _Plain)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = cast("type[BaseHTTPSConnection]", _Secure)


_POOLS: Final[dict[str, type[HTTPConnectionPool] | type[HTTPSConnectionPool]]] = {
    "http": _PlainPool,
    "https": _SecurePool,
}


class TellingAdapter(HTTPAdapter):
    """An adapter whose connections tell when they are opened, through a proxy as well."""

    _last: tuple[tuple[object, ...], HTTPConnectionPool] | None = None

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Json, proxies: Json = None,
        cert: Json = None,
    ) -> HTTPConnectionPool:  # fmt: skip
        """Return the pool of a host: the last one, if that is asked for again.

        Most clients call one host, and to find its pool anew costs a twentieth of a call.
        """
        url = str(request.url)
        asked = (url[: url.index("/", 8)], verify, cert, proxies)
        last = self._last
        if last is not None and last[0] == asked:
            return last[1]
        pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        self._last = asked, pool
        return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Json) -> str:
        """Return what urllib3 is told to ask for, which it logs and puts into exceptions.

        A query may hold a person's data, and some paths open a file to whoever has them: so it is
        told what messages show, and the connection asks for the real one.
        """
        target = super().request_url(request, proxies)
        here.target = None if here.shown is None else target
        if here.shown is None:
            return target
        # A proxy is asked for a whole address; urllib3 needs to know which host's.
        origin = "" if target.startswith("/") else target[: target.index("/", 8)]
        return f"{origin}/{here.shown.lstrip('/')}"

    def close(self) -> None:
        """Let go of all pools."""
        self._last = None
        super().close()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **settings: object
    ) -> None:
        """Make the pools."""
        super().init_poolmanager(connections, maxsize, block, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Json) -> object:
        """Return the pools of a proxy."""
        manager = super().proxy_manager_for(proxy, **settings)
        if not proxy.lower().startswith("socks"):  # Connections to those are made otherwise.
            manager.pool_classes_by_scheme = _POOLS
        return manager


class OwnSession(requests.Session):
    """A session that nobody but us has: no settings of others, no cookies, no redirect to look for.

    What `requests` does for those costs as much as all that we do for a call.
    """

    def __init__(self, hosts: int, pool: int) -> None:
        super().__init__()
        adapter = TellingAdapter(pool_connections=hosts, pool_maxsize=pool, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **settings: Json) -> requests.Response:
        """Send a request; its hooks are called with the response alone."""
        settings.pop("allow_redirects", None)
        adapter = self.get_adapter(str(request.url))
        started = _clock.monotonic()
        info = adapter.send(request, **settings)
        info.elapsed = timedelta(seconds=_clock.monotonic() - started)
        for hook in request.hooks["response"]:
            hook(info)
        return info
