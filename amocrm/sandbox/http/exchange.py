"""What one request sent and what was answered, cut to a size, and shown without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.masking import mask_headers, mask_text

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


class Exchange:
    """One request and its answer.

    Attributes:
        number: of the request in the log.
    """

    __slots__ = ("_answered", "_headers", "_sent", "number")

    def __init__(self, number: int, sent: bytes, answer: Answer) -> None:
        """Keep what is shown later, cut."""
        self.number = number
        self._sent = (sent[:MOST_BYTES], len(sent))
        self._answered = (answer.body[:MOST_BYTES], len(answer.body))
        self._headers = answer.headers

    @property
    def sent(self) -> Body:
        """The body of the request."""
        return Body(*self._sent)

    @property
    def answered(self) -> Body:
        """The body of the answer."""
        return Body(*self._answered)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, without secrets."""
        shown = mask_headers(list(self._headers))
        return {name: mask_text(value) for name, value in shown.items()}
