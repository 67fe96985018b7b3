"""Sends a body of bytes in small pieces, within the time limit of its call."""

from __future__ import annotations

import io

from amocrm.http.transport.deadline import Deadline


class Sending(io.BytesIO):
    """A body as a file, because a socket's timeout applies to each piece that is sent.

    Args:
        body: the bytes.
        deadline: of the call; after it nothing more is sent.
    """

    def __init__(self, body: bytes, deadline: Deadline) -> None:
        super().__init__(body)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece.

        Raises:
            TimeoutError: the deadline has passed.
        """
        if self._deadline.passed:
            raise TimeoutError("the call timed out before its body was sent")
        return super().read(size)
