"""What an endpoint of the API accepts, and how an id is written in its path.

The shapes of what is sent and received are in `amocrm.schema`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from amocrm.errors import ConfigurationError
from amocrm.http.paths import segment

_DIGITS: Final = 18

_HUGE: Final = 10**_DIGITS
"""No id is as large; Python does not even write a number of thousands of digits."""


class Endpoint(NamedTuple):
    """One resource of the API, as the reference's table has it (4.0).

    Attributes:
        path: below its owner's path.
        source: section of the reference.
        filters: names that `filter` takes.
        withs: names that `with` takes.
        orders: names that `order` takes.
        query: it can be searched for words.
        text_id: its ids are texts, where others have numbers.
    """

    path: str
    source: str = ""
    filters: tuple[str, ...] = ()
    withs: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    query: bool = False
    text_id: bool = False


def near(name: str, known: Iterable[str]) -> str:
    """Suggest the name that was probably meant, or tell them all.

    >>> near("update_at", ["created_at", "updated_at"])
    "did you mean 'updated_at'?"
    """
    from difflib import get_close_matches  # which takes longer to import than it is needed

    names = list(known)
    close = get_close_matches(str(name), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"it takes {', '.join(names)}" if names else "it takes none"


def read_id(number: int | str, where: str, *, text: bool = False) -> str:
    """Return an id as a segment of a path.

    Raises:
        ConfigurationError: it is none: an id is a positive number, which may be written in digits,
            as webhooks do; or a text, where the resource has texts.
    """
    if text:
        if not isinstance(number, str) or number in ("", ".", ".."):
            raise ConfigurationError(f"an id of {where} is a text")
        return segment(f"an id of {where}", number)
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < _HUGE:
        return str(int(number))
    digits = number if isinstance(number, str) and len(number) <= _DIGITS else ""
    if not digits.isascii() or not digits.isdecimal() or not digits.strip("0"):
        raise ConfigurationError(f"an id of {where} is a positive whole number")
    return digits
