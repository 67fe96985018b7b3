"""Checks numbers from outside before they are used.

Python's JSON reads `1e999` as infinity and accepts a number of a thousand digits. Neither can be
added to an instant, and a stored result could not be read again.
"""

from __future__ import annotations

import math
from typing import Final

_LONGEST: Final = 40
"""The largest length of a number that is given as a text."""

_MILLISECONDS: Final = 100_000_000_000
"""Instants in seconds are smaller until the year 5138; larger ones are milliseconds."""


def finite(value: object) -> float | None:
    """Return a number that a float can hold; None for anything else.

    A text with a number is accepted; booleans, infinities and NaN are not. An int stays an int.

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
