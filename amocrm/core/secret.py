"""A text that nobody sees by accident."""

from __future__ import annotations


class Secret:
    """Holds a secret where a `str` would stand in the locals that error trackers send.

    It is false where there is none: an empty text, or no text at all.
    """

    __slots__ = ("_text",)

    def __init__(self, text: object) -> None:
        self._text = text if isinstance(text, str) else ""

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "<secret>" if self else "<no secret>"

    def reveal(self) -> str:
        """Return the text, for the one who sends it or signs with it."""
        return self._text
