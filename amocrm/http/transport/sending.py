"""A body of bytes leaves in small pieces, and within the time of its call."""

from __future__ import annotations

import io

from amocrm.http.transport.deadline import Deadline


class Sending(io.BytesIO):
    """Bytes on their way out; a socket's own limit counts for each piece alone.

    Args:
        body: what is sent.
        deadline: when the time of the call is up; after it no more is sent.
    """

    def __init__(self, body: bytes, deadline: Deadline) -> None:
        super().__init__(body)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece.

        Raises:
            TimeoutError: the time of the call is up.
        """
        if self._deadline.passed:
            raise TimeoutError("its time was up before all of it was sent")
        return super().read(size)
