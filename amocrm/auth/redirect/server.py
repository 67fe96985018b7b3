"""A socket, a thread and a deadline around the redirect app.

We bind ourselves and hand the descriptor over, because werkzeug's server ends the whole process
when its port is busy; and its request log is silenced, because it would print the code.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

from werkzeug.serving import WSGIRequestHandler, make_server

from amocrm.auth.redirect.query import Answered
from amocrm.auth.redirect.app import Reader, RedirectApp
from amocrm.auth.settings import RedirectServer
from amocrm.errors import ConfigurationError, NotAuthorizedError


class _Quiet(WSGIRequestHandler):
    """A handler that logs nothing, drops a client that says nothing, and tells when it is done."""

    timeout = 10
    done: Callable[[], None]

    def run_wsgi(self) -> None:
        """Answer one request; tell so however it ends: a browser may be gone before its page."""
        try:
            super().run_wsgi()
        finally:
            self.done()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing: the request line holds the code."""


class RedirectListener:
    """Listens for one redirect; a context manager that always gives the port back."""

    def __init__(self, settings: RedirectServer, read: Reader) -> None:
        self._settings = settings
        self._answered: Answered | None = None
        self._claiming = threading.Lock()
        self._told = threading.Event()
        self._socket = _bind(settings.host, settings.port)
        handler = type("_Handler", (_Quiet,), {"done": staticmethod(self._announce)})
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
        """The port that is listened on; tells which one was free when 0 was asked for."""
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

    def deliver(self, answered: Answered) -> None:
        """End the wait from inside, as `set_code` does with a code that was pasted."""
        self._claim(answered)
        self._announce()

    def wait(self) -> Answered:
        """Wait for the person.

        Raises:
            NotAuthorizedError: nobody came before the deadline.
        """
        self._told.wait(self._settings.timeout)
        if self._answered is None:
            raise NotAuthorizedError(
                f"no redirect came within {self._settings.timeout:g} s",
                hint="open the address of connection.get_auth_url() and agree; "
                "behind a tunnel, check that it leads to this port",
            )
        return self._answered

    def _announce(self) -> None:
        """End the wait, once the person has had the chance to see the page."""
        if self._answered is not None:
            self._told.set()

    def _claim(self, answered: Answered) -> bool:
        """Take the first answer; a reloaded page, or a second one, is told that it came late."""
        with self._claiming:
            if self._answered is not None:
                return False
            self._answered = answered
            return True


def _bind(host: str, port: int) -> socket.socket:
    """Open the listening socket, or say why not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"the redirect server cannot listen on {host}:{port}: {error.strerror}",
            hint="check auth['server']['host']",
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # A crowd of strangers must not keep the person waiting for a place in the queue.
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"the redirect server cannot listen on {host}:{port}: {error.strerror}",
            hint="another program holds the port, or it is reserved: free it or set another "
            "auth['server']['port'], in the redirect_uri too",
        ) from error
    return listener
