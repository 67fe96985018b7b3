"""A body of bytes leaves in small pieces, and within the time of its call."""

from __future__ import annotations

import io

from amocrm.clock import Clock


class Sending(io.BytesIO):
    """Bytes on their way out; a socket's own limit counts for each piece alone.

    Args:
        body: what is sent.
        clock: whose time it is.
        deadline: the instant, in monotonic seconds, after which no more is sent.
    """

    def __init__(self, body: bytes, clock: Clock, deadline: float) -> None:
        super().__init__(body)
        self._clock = clock
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece.

        Raises:
            TimeoutError: the time of the call is up.
        """
        if self._clock.monotonic() > self._deadline:
            raise TimeoutError("its time was up before all of it was sent")
        return super().read(size)
