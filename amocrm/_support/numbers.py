"""Numbers that come from outside: every one of them passes here before anybody counts with it.

Python's JSON takes `1e999` as infinity and a number of a thousand digits as it is; neither can be
added to an instant, and what was counted from it cannot be read again.
"""

from __future__ import annotations

import math
from typing import Final

_LONGEST: Final = 40
"""Characters of a number that is written as a text."""

_MILLISECONDS: Final = 100_000_000_000
"""No instant in seconds is as large before the year 5138: above it, milliseconds were meant."""


def finite(value: object) -> float | None:
    """Return a number that a float can hold; None for anything else.

    A text that is a number counts as one; booleans, infinities and NaN are none. A whole number
    stays an int.

    >>> finite("1.5"), finite(7), finite(float("nan")), finite(10**400), finite(True)
    (1.5, 7, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and len(value) > _LONGEST:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return number if isinstance(value, str) else value


def instant(value: object) -> float | None:
    """Return Unix seconds from 1970 to 5138; None for anything else."""
    seconds = finite(value)
    return seconds if seconds is not None and 0 <= seconds <= _MILLISECONDS else None
