"""A secret text that is not shown by accident."""

from __future__ import annotations

import hmac


class Secret:
    """A secret; unlike a `str`, it is hidden in the local variables that error trackers send.

    It is false if the text is empty or is not a string.
    """

    __slots__ = ("_text",)

    def __init__(self, text: object) -> None:
        self._text = text if isinstance(text, str) else ""

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(*_bytes(self, other))

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<secret>" if self else "<no secret>"

    def reveal(self) -> str:
        """Return the text, to send it or to sign with it."""
        return self._text


def _bytes(*secrets: Secret) -> tuple[bytes, ...]:
    return tuple(one.reveal().encode("utf-8", "surrogatepass") for one in secrets)
