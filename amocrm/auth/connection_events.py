"""Emits the events of a connection, with the seed's names and arguments."""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias

from amocrm._support.emitter import Emitter
from amocrm.errors import GrantError
from amocrm.http.transport.transport import Response

Step: TypeAlias = Literal[
    "connection:beforeConnect",
    "connection:beforeConsent",
    "connection:beforeFetchToken",
    "connection:beforeRefreshToken",
    "connection:connected",
]
Trouble: TypeAlias = Literal["connection:authError", "connection:error", "error"]


class ConnectionEvents:
    """Emits the events of one connection.

    Attributes:
        connection: the argument of the handlers; `AmoCRM` sets it once, when it makes both.
    """

    def __init__(self, emitter: Emitter) -> None:
        self.connection: object = None
        self._emitter = emitter
        self._checking = threading.local()

    def step(self, event: Step) -> None:
        """Emit the event of one step of the authorization."""
        self._emitter.emit(event, self.connection)

    def granted(self, response: Response) -> None:
        """Emit `connection:newToken`; `response.data` is the token."""
        self._emitter.emit("connection:newToken", response)

    def refused(self, error: GrantError) -> None:
        """Emit the three events of a refused grant, in the seed's order."""
        events: tuple[Trouble, ...] = ("connection:authError", "connection:error", "error")
        for event in events:
            self._emitter.emit(event, error, self.connection)

    def moved(self, host: str) -> None:
        """Emit `connection:moved`: the account was renamed and has another host now."""
        self._emitter.emit("connection:moved", host, self.connection)

    def check(self) -> None:
        """Emit `connection:checkToken` before a call; not for calls that its handlers make."""
        if getattr(self._checking, "running", False):
            return
        self._checking.running = True
        try:
            self._emitter.emit("connection:checkToken", True)
        finally:
            self._checking.running = False
