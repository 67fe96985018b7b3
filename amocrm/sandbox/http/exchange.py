"""What one request sent and what was answered, cut to a size, and shown without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.masking import mask_headers, mask_text
from amocrm.sandbox.http.request import IncomingRequest

MOST_BYTES = 65536
"""Of each body."""


@dataclass(frozen=True)
class Body:
    """The first bytes of a body, and how many there were."""

    data: bytes = field(repr=False)
    size: int

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Cut a body."""
        return cls(data[:MOST_BYTES], len(data))

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut."""
        return len(self.data) == self.size

    @property
    def text(self) -> str:
        """The body without secrets; of what is no text, the number of bytes."""
        # A cut may have divided a letter.
        text = self.data.decode("utf-8", errors="replace" if self.is_whole else "ignore")
        if "\0" in text or text.count("\ufffd") > len(text) / 8:
            return f"({self.size} bytes)"
        return mask_text(text)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    Attributes:
        number: of the request in the log.
    """

    number: int
    sent: Body
    answered: Body
    _headers: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def of(cls, number: int, request: IncomingRequest, answer: Answer) -> Exchange:
        """Keep what is shown later."""
        return cls(number, Body.of(request.body), Body.of(answer.body), answer.headers)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, without secrets."""
        shown = mask_headers(list(self._headers))
        return {name: mask_text(value) for name, value in shown.items()}
