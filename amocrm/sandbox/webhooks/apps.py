"""Apps in this process that receive webhooks: WSGI and ASGI."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from amocrm.sandbox.http.answer import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Message: TypeAlias = MutableMapping[str, Json]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
App: TypeAlias = "WSGIApplication | ASGIApplication"

_log = logging.getLogger("amocrm.sandbox")


Received: TypeAlias = tuple[int, bytes]
"""The status of an answer, and its body."""


def call_app(app: Json, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Received:
    """Pass one request to an app; return its answer, 500 if the app raises."""
    try:
        if is_asgi(app):
            return _call_asgi(app, method, url, headers, body)
        return _call_wsgi(app, method, url, headers, body)
    except Exception as error:
        return _failed(error)


def is_asgi(app: Json) -> bool:
    """Tell whether an app is called with `await`."""
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)


def _call_wsgi(
    app: WSGIApplication, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Received:
    parts = urlsplit(url)
    builder = EnvironBuilder(
        path=parts.path or "/", base_url=f"{parts.scheme}://{parts.netloc}/",
        query_string=parts.query, method=method, headers=Headers(list(headers.items())), data=body,
    )  # fmt: skip
    try:
        environ = {**builder.get_environ(), "REMOTE_ADDR": "127.0.0.1"}
        content, status, _ = run_wsgi_app(app, environ, buffered=True)
    finally:
        builder.close()
    return int(status.partition(" ")[0]), b"".join(content)


def _call_asgi(
    app: ASGIApplication, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Received:
    answers: list[Received] = []

    def run() -> None:
        try:
            answers.append(
                asyncio.run(_exchange(app, _scope(method, url, headers, len(body)), body))
            )
        except (Exception, asyncio.CancelledError) as error:
            answers.append(_failed(error))

    # A thread of its own: the caller may have a running loop.
    thread = threading.Thread(target=run, name="amocrm-sandbox-asgi", daemon=True)
    thread.start()
    thread.join()
    return answers[0]


def _failed(error: BaseException) -> Received:
    """Log what an app raised, as servers do; return what they answer."""
    _log.error("the app that receives webhooks has failed", exc_info=error)
    return 500, b""


async def _exchange(app: ASGIApplication, scope: Message, body: bytes) -> Received:
    incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    started: list[int] = []
    content: list[bytes] = []
    forever = asyncio.Event()

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        # The client stays until the answer is complete.
        await forever.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(int(message["status"]))
        elif message["type"] == "http.response.body":
            content.append(message.get("body", b""))

    await app(scope, receive, send)
    return (started[0], b"".join(content)) if started else (500, b"")


def _scope(method: str, url: str, headers: Mapping[str, str], size: int) -> Message:
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    named = {"host": parts.netloc, **{name.lower(): one for name, one in headers.items()}}
    named["content-length"] = str(size)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(parts.path or "/"),
        "raw_path": (parts.path or "/").encode("ascii", "replace"),
        "query_string": parts.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [(name.encode(), one.encode("latin-1")) for name, one in named.items()],
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname or "", parts.port or default),
    }
