"""A receiver on this machine, which tells what came, and posts it on to a program."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

from amocrm.errors import AmoCRMError
from amocrm.webhooks.addresses import ReceiverAddress
from amocrm.webhooks.event import Delivery
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.receiver.answer import OK, Answer
from amocrm.webhooks.receiver.receiver import Receiver
from amocrm.webhooks.receiver.wsgi import read_request_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATIENCE: Final = 10.0
"""Seconds to wait for the program that webhooks are posted on to."""

_KEPT: Final = ("Content-Type", "X-Signature")


class Arrived(NamedTuple):
    """A webhook that was accepted, as it came."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    delivery: Delivery


class Listener:
    """Serves a receiver, and tells each webhook that it has accepted.

    amoCRM waits two seconds for an answer: what is told is told by another thread.

    Args:
        receiver: verifies and stores.
        tell: called with each webhook, one after another.
    """

    def __init__(self, receiver: Receiver, tell: Callable[[Arrived], object]) -> None:
        self._receiver = receiver
        self._tell = tell
        self._queue: SimpleQueue[Arrived | None] = SimpleQueue()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request of a WSGI server."""
        kept: list[Arrived] = []
        answer = self._receive(environ, kept)
        start_response(f"{answer.status} {http.client.responses[answer.status]}", answer.headers)
        for one in kept:
            self._queue.put(one)
        return [answer.body]

    def _receive(self, environ: WSGIEnvironment, kept: list[Arrived]) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        place = self._receiver.admit(method, path)
        if not isinstance(place, ReceiverAddress):
            return place
        body = read_request_body(environ, self._receiver.max_body)
        if isinstance(body, Answer):
            return body
        query = environ.get("QUERY_STRING", "")
        headers = {
            "Content-Type": environ.get("CONTENT_TYPE", ""),
            "X-Signature": environ.get("HTTP_X_SIGNATURE", ""),
        }
        answer = self._receiver.store(place, query, headers, body)
        if answer == OK:
            content = query.encode() if place.kind == "uninstall" else body
            delivery = parse(content, headers["Content-Type"], kind=place.kind)
            kept.append(Arrived(method, query, headers, body, delivery))
        return answer

    @contextmanager
    def serve(self, host: str, port: int) -> Generator[int]:
        """Serve while the block runs; give the port, a free one for 0.

        Raises:
            AmoCRMError: it cannot listen there.
        """
        listening = _bind(host, port)
        with listening:
            server = make_server(
                host, port, self, threaded=True, request_handler=_Quiet, fd=listening.fileno()
            )
            threads = [
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True),
                threading.Thread(target=self._tell_all, daemon=True),
            ]
            for thread in threads:
                thread.start()
            try:
                yield int(listening.getsockname()[1])
            finally:
                server.shutdown()
                self._queue.put(None)
                for thread in threads:
                    thread.join(PATIENCE)
                server.server_close()

    def _tell_all(self) -> None:
        while (one := self._queue.get()) is not None:
            self._tell(one)


def send(url: str, method: str, headers: Mapping[str, str], body: bytes, query: str = "") -> int:
    """Send a request, and return the status of the answer.

    Raises:
        OSError, http.client.HTTPException: there was none.
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    queries = "&".join(one for one in (parts.query, query) if one)
    target = (parts.path or "/") + (f"?{queries}" if queries else "")
    try:
        kept = {name: headers[name] for name in _KEPT if headers.get(name)}
        connection.request(method, target, None if method == "GET" else body, kept)
        return connection.getresponse().status
    finally:
        connection.close()


class _Quiet(WSGIRequestHandler):
    """Handles a request without a log: its line has the secret of the address."""

    timeout = 10

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing."""


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AmoCRMError(f"cannot listen on {host}:{port}: {reason}") from error
