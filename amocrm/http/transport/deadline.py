"""The time of a call, held at the socket: every read and every write gets what is left of it.

A socket's own limit is for one silence. A server that sends a byte now and then, of a line that
never ends, would keep a call for ever; so would one that sends gzip of nothing, of which no byte of
a body is ever seen.
"""

from __future__ import annotations

import io
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Final, Protocol

from amocrm._support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

PIECE: Final = 16_384
"""Bytes of a body that are written at once. TLS counts a socket's limit anew for each record of so
many bytes."""


class Deadline:
    """The instant at which the time of a call is up.

    Args:
        clock: whose time it is.
        seconds: from now.
    """

    __slots__ = ("_clock", "_instant")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._instant = clock.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self._clock.monotonic() > self._instant

    def left(self, limit: float | None) -> float:
        """Return the seconds that the next step may take: what is left, but not above a limit.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self._instant - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the time of the call is up")
        return left if limit is None else min(limit, left)


class Timed(Protocol):
    """A socket, of whatever kind."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Set the limit of each step."""
        ...

    def gettimeout(self) -> float | None:
        """Return the limit of each step."""
        ...


class TimedFile(io.RawIOBase):
    """Reads from a socket's file, each time within what is left.

    Args:
        file: of the socket; what it has buffered is read first.
        sock: the socket; its limit in this moment is the limit of each read.
        deadline: when the time is up.
    """

    def __init__(
        self, file: io.RawIOBase | io.BufferedReader, sock: Timed, deadline: Deadline
    ) -> None:
        super().__init__()
        self._file = file
        self._sock = sock
        self._limit = sock.gettimeout()
        self._deadline = deadline
        # One read of the socket at most, or the limit would be counted more than once.
        self._read: Callable[[WriteableBuffer], int | None] = (
            file.readinto1 if isinstance(file, io.BufferedReader) else file.readinto
        )

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._file.fileno()

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read once.

        Raises:
            TimeoutError: the server is silent, or the time is up.
        """
        self._sock.settimeout(self._deadline.left(self._limit))
        return self._read(buffer)

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        finally:
            super().close()


def hold(response: HTTPResponse, sock: Timed, deadline: Deadline) -> None:
    """Hold a response that is still to be read to a deadline."""
    file = response.fp
    if isinstance(file, io.BufferedReader):
        response.fp = io.BufferedReader(TimedFile(file, sock, deadline))
