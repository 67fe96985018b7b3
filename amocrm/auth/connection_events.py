"""What handlers are told of the authorisation, and with what arguments: the seed's events."""

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
        connection: what handlers are given; set once, by the facade that makes both.
    """

    def __init__(self, emitter: Emitter) -> None:
        self.connection: object = None
        self._emitter = emitter
        self._checking = threading.local()

    def step(self, event: Step) -> None:
        """Tell of a step on the way to a token."""
        self._emitter.emit(event, self.connection)

    def granted(self, response: Response) -> None:
        """Tell of a new token, which `response.data` holds."""
        self._emitter.emit("connection:newToken", response)

    def refused(self, error: GrantError) -> None:
        """Tell thrice that a grant was refused, as the seed does."""
        events: tuple[Trouble, ...] = ("connection:authError", "connection:error", "error")
        for event in events:
            self._emitter.emit(event, error, self.connection)

    def moved(self, host: str) -> None:
        """Tell that the account was renamed, and answers at another host now."""
        self._emitter.emit("connection:moved", host, self.connection)

    def check(self) -> None:
        """Tell of a call while connected; a handler that calls does not set off the next one."""
        if getattr(self._checking, "now", False):
            return
        self._checking.now = True
        try:
            self._emitter.emit("connection:checkToken", True)
        finally:
            self._checking.now = False
