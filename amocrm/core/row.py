"""A row of the table: what a family of the API is, and which questions it takes.

The shapes of what goes in and out stand in `amocrm.schema`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

from amocrm.core.query import has_half_character
from amocrm.core.wire import Json
from amocrm.errors import ConfigurationError

Direction: TypeAlias = Literal["asc", "desc"]
_DIRECTIONS: Final = ("asc", "desc")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS: Final = 18
_HUGE: Final = 10**_DIGITS
"""No id is as large; Python does not even write a number of thousands of digits."""


class Row(NamedTuple):
    """One family of the API, as the reference's table has it (4.0).

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


def read_question(
    row: Row,
    where: str,
    *,
    lenient: bool,
    filter: Mapping[str, Json] | None = None,  # noqa: A002  the API's own word
    with_: Iterable[str] | None = None,
    order: Mapping[str, Json] | None = None,
    query: str | int | None = None,
) -> dict[str, Json]:
    """Check a question against its row, and return it as the API's query.

    Args:
        row: what the family takes.
        where: its path, for messages.
        lenient: let through what the family is not known to take.
        filter: by names of the family.
        with_: more parts of each item.
        order: one name, and its direction.
        query: words to look for.

    Raises:
        ConfigurationError: the family does not take it; the nearest name is suggested.
    """
    asked: dict[str, Json] = {}
    if filter is not None:
        if not isinstance(filter, Mapping):
            raise ConfigurationError("filter must be a dict", hint='such as {"id": [1, 2]}')
        _check(f"filter of {where}", filter, None if lenient else row.filters)
        asked["filter"] = dict(filter)
    if with_ is not None:
        if isinstance(with_, str) or not isinstance(with_, Iterable):
            raise ConfigurationError("with_ must be a list of names")
        wanted = list(with_)
        _check(f"with_ of {where}", wanted, None if lenient else row.withs)
        asked["with"] = ",".join(wanted)
    if order is not None:
        if not isinstance(order, Mapping) or len(order) != 1:
            raise ConfigurationError("order takes one name", hint='such as {"updated_at": "asc"}')
        _check(f"order of {where}", order, None if lenient else row.orders)
        if not set(order.values()) <= set(_DIRECTIONS):
            raise ConfigurationError("order goes one of two ways", hint="asc or desc")
        asked["order"] = dict(order)
    if query is not None:
        if not lenient and not row.query:
            raise ConfigurationError(f"{where} cannot be searched for words")
        asked["query"] = query
    return asked


def _check(what: str, names: Iterable[str], known: tuple[str, ...] | None) -> None:
    for name in names:
        if known is not None and name not in known:
            raise ConfigurationError(f"there is no {name!r} in the {what}", hint=near(name, known))


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


def segment(name: str, text: object, safe: str = "") -> str:
    """Return a text as one segment of a path.

    Raises:
        ConfigurationError: it is none, or one that leads to another place: `.` and `..` do, however
            they are written, for what stands between decodes them.
    """
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{name} must be a text that is not empty")
    if any(part in (".", "..") for part in unquote(text).replace("\\", "/").split("/")):
        raise ConfigurationError(f"{name} is {text!r}, which leads to another path")
    if has_half_character(text) or _CONTROLS.search(text):
        raise ConfigurationError(f"{name} holds characters that no path carries")
    return quote(text, safe=safe)


def read_id(number: int | str, where: str, *, text: bool = False) -> str:
    """Return an id as a segment of a path.

    Raises:
        ConfigurationError: it is none: an id is a positive number, which may be written in digits,
            as webhooks do; or a text, where the family has texts.
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
