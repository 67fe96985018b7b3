"""What is answered to a webhook: a status, and nothing else, because amoCRM reads nothing else."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple


class Answer(NamedTuple):
    """An HTTP response.

    Attributes:
        status: of HTTP.
        allow: the only method that is accepted, for a 405.
    """

    status: int
    allow: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the response."""
        allow = [("Allow", self.allow)] if self.allow else []
        length = ("Content-Length", str(len(self.body)))
        return [("Content-Type", "text/plain"), length, ("Cache-Control", "no-store"), *allow]

    @property
    def body(self) -> bytes:
        """The body of the response: the status in words."""
        return f"{self.status} {HTTPStatus(self.status).phrase}\n".encode()


OK: Final = Answer(200)
BAD_REQUEST: Final = Answer(400)
NOT_FOUND: Final = Answer(404)
TOO_LARGE: Final = Answer(413)
UNAVAILABLE: Final = Answer(503)
