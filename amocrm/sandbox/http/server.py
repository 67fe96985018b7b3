"""The sandbox on a TCP port: cheroot when it is installed, else werkzeug's own server.

werkzeug answers every request with `Connection: close`; only cheroot keeps connections.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from werkzeug.serving import WSGIRequestHandler, make_server

from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_POLL = 0.05
"""Seconds between two looks whether the server should stop."""


class _Running(Protocol):
    port: int

    def run(self) -> None: ...
    def stop(self) -> None: ...
    def keep_alive(self, keep: bool) -> None: ...


@dataclass(frozen=True)
class Served:
    """An open port.

    Attributes:
        page: what a person opens in a browser, "" if the port has no page.
    """

    url: str
    port: int
    _server: _Running = field(repr=False)
    page: str = ""

    def keep_alive(self, keep: bool) -> None:
        """Keep connections open between requests, or close each after its answer."""
        self._server.keep_alive(keep)


@contextlib.contextmanager
def serve(
    app: WSGIApplication,
    host: str,
    port: int,
    *,
    tls: tuple[str, str] | None,
    threads: int,
    closing: threading.Event,
    shake: Callable[[], None],
) -> Generator[Served]:
    """Serve `app` while the block runs; the port is open when the block begins.

    `closing` is set while the server stops, so that nothing sleeps through it; `shake` is called
    for each new connection, before its first request is read.

    Raises:
        OSError: the port is busy.
    """
    server = _make(app, host, port, tls, threads, shake)
    thread = threading.Thread(target=server.run, name="amocrm-sandbox", daemon=True)
    thread.start()
    scheme = "https" if tls else "http"
    shown = f"[{host}]" if ":" in host else host
    try:
        yield Served(f"{scheme}://{shown}:{server.port}", server.port, server)
    finally:
        closing.set()
        server.stop()
        thread.join()
        closing.clear()


def _make(
    app: WSGIApplication,
    host: str,
    port: int,
    tls: tuple[str, str] | None,
    threads: int,
    shake: Callable[[], None],
) -> _Running:
    try:
        import cheroot.wsgi as _  # noqa: F401  # an extra: imported where it is used
    except ImportError:
        sys.stderr.write(
            "connections are not kept alive: that takes cheroot (the extra 'server')\n"
        )
        return _Werkzeug(app, host, port, tls)
    return _Cheroot(app, host, port, tls, threads, shake)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


class _Cheroot:
    def __init__(
        self,
        app: WSGIApplication,
        host: str,
        port: int,
        tls: tuple[str, str] | None,
        threads: int,
        shake: Callable[[], None],
    ) -> None:
        from cheroot.ssl.builtin import BuiltinSSLAdapter
        from cheroot.wsgi import Server

        if port:
            # cheroot leaves a socket open when a port is busy; find out before it does.
            _bind(host, port).close()
        server: Json = Server((host, port), app, numthreads=threads, request_queue_size=256)
        server.shutdown_timeout = 1
        server.error_log = _silent
        server.keep_alive_conn_limit = None
        server.expiration_interval = _POLL
        server.ConnectionClass = _connection_class(shake)
        if tls:
            server.ssl_adapter = BuiltinSSLAdapter(*tls)
        server.prepare()
        self._server = server
        self.port = int(server.bind_addr[1])

    def run(self) -> None:
        self._server.serve()

    def stop(self) -> None:
        self._server.stop()

    def keep_alive(self, keep: bool) -> None:
        self._server.keep_alive_conn_limit = None if keep else 0


def _connection_class(shake: Callable[[], None]) -> Json:
    from cheroot.server import HTTPConnection, HTTPRequest

    class Request(HTTPRequest):
        """Closes the connection behind a body that was not read to its end.

        The rest would be kept in memory, or be taken for the next request.
        """

        def send_headers(self) -> None:
            body: Json = self.rfile
            is_read = body.closed if self.chunked_read else not getattr(body, "remaining", 0)
            if not is_read:
                self.close_connection = True
            super().send_headers()

    class Connection(HTTPConnection):
        """Delays its first request, and drops output for a client that closed the connection."""

        RequestHandlerClass = Request
        is_new = True

        def communicate(self) -> bool:
            if self.is_new:
                self.is_new = False
                shake()
            serve: Json = super().communicate
            return bool(serve())

        def close(self) -> None:
            super().close()
            # Otherwise the garbage collector flushes the rest into a closed socket and warns.
            self.wfile.raw.close()

    return Connection


class _Quiet(WSGIRequestHandler):
    """A handler that writes no log: request lines can hold codes."""

    def log(self, type: str, message: str, *args: Json) -> None:  # noqa: A002
        """Say nothing."""

    def connection_dropped(
        self, error: BaseException, environ: WSGIEnvironment | None = None
    ) -> None:
        """Close the connection: nothing was answered, so werkzeug would keep it open."""
        self.close_connection = True


class _Werkzeug:
    def __init__(
        self, app: WSGIApplication, host: str, port: int, tls: tuple[str, str] | None
    ) -> None:
        context: ssl.SSLContext | None = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        # Bound here because werkzeug leaves the process when a port is busy.
        with _bind(host, port) as bound:
            self._server = make_server(
                host,
                port,
                app,
                threaded=True,
                request_handler=_Quiet,
                ssl_context=context,
                fd=bound.fileno(),
            )
        self.port = int(self._server.socket.getsockname()[1])

    def run(self) -> None:
        self._server.serve_forever(_POLL)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep_alive(self, keep: bool) -> None:
        """Do nothing: this server closes every connection."""


def _silent(*args: Json, **options: Json) -> None:
    """Drop cheroot's error log: a cut connection is meant."""
