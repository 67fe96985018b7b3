"""Serves the receiver as an ASGI app, without a framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from amocrm._support.forks import after_fork
from amocrm.http.messages import Json
from amocrm.webhooks.receiver.answer import BAD_REQUEST, TOO_LARGE, Answer

if TYPE_CHECKING:
    from amocrm.webhooks.receiver.receiver import Receiver

Message = MutableMapping[str, Json]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS: Final = 8
"""That write to the inbox. They are its own: the loop's default ones also resolve host names."""


class ASGIApp:
    """The receiver for uvicorn, hypercorn, or a mount in FastAPI and Starlette."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.renew_after_fork()
        after_fork(self)

    def renew_after_fork(self) -> None:
        """Begin without threads, which start when they are needed: the parent's do not run here."""
        self._executor = ThreadPoolExecutor(THREADS, "amocrm-receiver")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(scope, receive)
            headers = [(name.lower().encode(), text.encode()) for name, text in answer.headers]
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await send(start)
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        receiver = self._receiver
        place = receiver.admit(scope["method"], scope["path"])
        if isinstance(place, Answer):
            return place
        body = await _read(receive, receiver.max_body)
        if isinstance(body, Answer):
            return receiver.refuse(place, body, "its body is cut off or too large")
        headers = {
            name: text.decode("latin-1")
            for name in ("Content-Type", "X-Signature")
            for given, text in scope["headers"]
            if given == name.lower().encode()
        }
        query = scope.get("query_string", b"").decode("latin-1")
        loop = asyncio.get_running_loop()
        # Shielded: if the client hangs up meanwhile, the delivery is stored all the same.
        stored = loop.run_in_executor(self._executor, receiver.store, place, query, headers, body)
        return await asyncio.shield(stored)


async def _read(receive: Receive, limit: int) -> bytes | Answer:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return BAD_REQUEST
        body += message.get("body", b"")
        if len(body) > limit:
            return TOO_LARGE
        if not message.get("more_body", False):
            return bytes(body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
