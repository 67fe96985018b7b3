"""Words of others, made fit for one line of a message or of a log."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 2_000
"""Characters of a message, and of a hint, that are shown."""

SHORT: Final = 300
"""Characters of a word of the server's in the middle of a message."""

_HIDDEN: Final = re.compile(
    # What moves a cursor, ends a line, turns the direction of writing, or is half a character.
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: object, most: int = LONGEST) -> str:
    r"""Return a text without line breaks and terminal commands, cut where it is too long.

    What cannot be printed is shown as Python escapes it; letters of all scripts stay.

    >>> print(printable("made\nup \x1b[31mred"))
    made\nup \x1b[31mred
    """
    whole = str(text)
    shown = whole[: most + 1]
    if not shown.isprintable():
        shown = _HIDDEN.sub(_escaped, shown)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
