"""The redirect server: starts, waits for one redirect until a deadline, and stops.

It opens the socket itself, because werkzeug's server ends the process if the port is in use, and it
switches off werkzeug's request log, because that would print the code.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

from werkzeug.serving import WSGIRequestHandler, make_server

from amocrm.auth.redirect.app import Reader, RedirectApp
from amocrm.auth.redirect.query import RedirectResult
from amocrm.auth.settings import RedirectServer
from amocrm.errors import ConfigurationError, NotAuthorizedError


class _QuietHandler(WSGIRequestHandler):
    """Handles one request without a log; drops a client that sends nothing for 10 seconds."""

    timeout = 10
    on_response: Callable[[], None]

    def run_wsgi(self) -> None:
        """Respond to one request, and report the end even if the browser has disconnected."""
        try:
            super().run_wsgi()
        finally:
            self.on_response()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing: the request line has the code."""


class RedirectListener:
    """Waits for one redirect. A context manager: it starts the server and always stops it."""

    def __init__(self, settings: RedirectServer, read: Reader) -> None:
        self._settings = settings
        self._result: RedirectResult | None = None
        self._claiming = threading.Lock()
        self._ended = threading.Event()
        self._socket = _bind(settings.host, settings.port)
        handler = type("_Handler", (_QuietHandler,), {"on_response": staticmethod(self._end)})
        try:
            self._server = make_server(
                settings.host,
                self.port,
                RedirectApp(read, self._claim),
                threaded=True,
                request_handler=handler,
                fd=self._socket.fileno(),
            )
        except BaseException:
            self._socket.close()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="amocrm-redirect", daemon=True
        )

    @property
    def port(self) -> int:
        """The TCP port; if 0 was configured, the free one that was chosen."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> RedirectListener:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._socket.close()

    def deliver(self, result: RedirectResult) -> None:
        """End the wait from this process, as `set_code` does with a pasted code."""
        self._claim(result)
        self._end()

    def wait(self) -> RedirectResult:
        """Wait for the redirect.

        Raises:
            NotAuthorizedError: no redirect came before the deadline.
        """
        self._ended.wait(self._settings.timeout)
        if self._result is None:
            raise NotAuthorizedError(
                f"no redirect came within {self._settings.timeout:g} s",
                hint="open the URL of connection.get_auth_url() and agree; "
                "behind a tunnel, check that it leads to this port",
            )
        return self._result

    def _end(self) -> None:
        """End the wait, after the page was sent to the person."""
        if self._result is not None:
            self._ended.set()

    def _claim(self, result: RedirectResult) -> bool:
        """Store the first result; False for a reloaded page or a second redirect."""
        with self._claiming:
            if self._result is not None:
                return False
            self._result = result
            return True


def _bind(host: str, port: int) -> socket.socket:
    """Open the listening socket."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = addresses[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"the redirect server cannot listen on {host}:{port}: {error.strerror}",
            hint="check auth['server']['host']",
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Many strangers at once must not fill the queue and keep the person out.
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"the redirect server cannot listen on {host}:{port}: {error.strerror}",
            hint="another program uses the port, or it is reserved: free it or set another "
            "auth['server']['port'], in the redirect_uri too",
        ) from error
    return listener
