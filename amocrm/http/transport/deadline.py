"""Enforces the total timeout of a call at the socket: each read and write gets the time left.

A socket's timeout applies to one read. A server that sends a byte from time to time, or endless
gzip that decompresses to nothing, would otherwise keep a call open forever.
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
"""Bytes of a body that are written at once. With TLS, a socket's timeout applies to each record of
this size."""


class Deadline:
    """The moment at which a call times out.

    Args:
        clock: measures the time.
        seconds: from now.
    """

    __slots__ = ("_clock", "_instant")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._instant = clock.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the call has timed out."""
        return self._clock.monotonic() > self._instant

    def left(self, limit: float | None) -> float:
        """Return the seconds that the next read or write may take: the rest, or `limit` if less.

        Raises:
            TimeoutError: the call has timed out.
        """
        left = self._instant - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the call timed out")
        return left if limit is None else min(limit, left)


class Timed(Protocol):
    """A socket of any kind."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Set the timeout of each read and write."""
        ...

    def gettimeout(self) -> float | None:
        """Return the timeout of each read and write."""
        ...


class TimedFile(io.RawIOBase):
    """Reads from a socket's file; each read may take the time left until the deadline.

    Args:
        file: of the socket; bytes that it has buffered are read first.
        sock: the socket; its current timeout limits each read.
        deadline: of the call.
    """

    def __init__(
        self, file: io.RawIOBase | io.BufferedReader, sock: Timed, deadline: Deadline
    ) -> None:
        super().__init__()
        self._file = file
        self._sock = sock
        self._limit = sock.gettimeout()
        self._deadline = deadline
        # At most one read of the socket, because the timeout applies to each.
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
            TimeoutError: the read or the call timed out.
        """
        self._sock.settimeout(self._deadline.left(self._limit))
        return self._read(buffer)

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        finally:
            super().close()


def limit_reading(response: HTTPResponse, sock: Timed, deadline: Deadline) -> None:
    """Apply a deadline to a response whose body has not been read yet."""
    file = response.fp
    if isinstance(file, io.BufferedReader):
        response.fp = io.BufferedReader(TimedFile(file, sock, deadline))
