"""Encodes nested data as a query with brackets, as amoCRM reads it.

`{"filter": {"id": [1, 2]}}` becomes `filter[id][0]=1&filter[id][1]=2`, percent-encoded. None is an
empty value, booleans are `true` and `false`, empty lists and dicts add nothing. Source: reference
3.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_plus

from amocrm._support.arguments import check_dict
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

_DEEPEST: Final = 32
"""Maximum levels of nesting; deeper data is a cycle or a mistake."""


def encode(params: Json) -> str:
    """Encode a mapping as a query, without the question mark.

    Raises:
        ConfigurationError: a query cannot represent a value; the message names its path.
    """
    return "&".join([f"{_quoted_name(key)}={_quoted(value)}" for key, value in _pairs(params)])


def merge(query: str, params: Json) -> str:
    """Add data to a query; where both have a name, `params` wins."""
    if not query:
        return encode(params)
    pairs = list(_pairs(params))
    names = {name for name, _ in pairs}
    rest = [part for part in query.split("&") if part and _name(part) not in names]
    return "&".join([*rest, *(f"{_quoted_name(key)}={_quoted(value)}" for key, value in pairs)])


def check_params(params: object) -> None:
    """Check that data for a query is a dict.

    Raises:
        ConfigurationError: it is something else.
    """
    check_dict("params", params, 'for example {"limit": 250, "filter": {"id": [1, 2]}}')


def _name(part: str) -> str:
    return unquote_plus(part.partition("=")[0])


def _quoted(text: str) -> str:
    return text if text.isalnum() and text.isascii() else quote(text, safe="")


# Names only, of which a program has few: values may be data of persons.
_quoted_name: Final = lru_cache(1024)(_quoted)


def _pairs(params: Json) -> Iterator[tuple[str, str]]:
    check_params(params)
    for key, value in params.items():
        yield from _flatten(_key(key, "params"), value, 1)


def _flatten(name: str, value: Json, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        raise ConfigurationError(f"params are nested deeper than {_DEEPEST} levels at {name}")
    if type(value) is int or type(value) is str:  # Most are, and the other checks take longer.
        yield name, _scalar(name, value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(f"{name}[{_key(key, name)}]", item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{name}[{index}]", item, depth + 1)
    else:
        yield name, _scalar(name, value)


def _key(key: object, where: str) -> str:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise ConfigurationError(
            f"{where} has a key of type {type(key).__name__}; keys must be strings"
        )
    return str.__str__(key) if isinstance(key, str) else int.__repr__(key)


def _scalar(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{name} is {value}, which a query cannot represent")
    if isinstance(value, str):
        if has_half_character(value):
            raise ConfigurationError(f"{name} contains half a character (a lone surrogate)")
        return str.__str__(value)
    if isinstance(value, (int, float)):
        # As in JSON: a member of an IntEnum is sent as its number, not its name.
        return _int(name, value) if isinstance(value, int) else float.__repr__(value)
    raise ConfigurationError(
        f"{name} is of type {type(value).__name__}, which a query cannot represent",
        hint=advice(value),
    )


def _int(name: str, value: int) -> str:
    try:
        return int.__repr__(value)
    except ValueError:  # Python does not format integers with thousands of digits.
        raise ConfigurationError(f"{name} has too many digits") from None


def has_half_character(text: str) -> bool:
    """Tell whether a text contains a lone surrogate, which UTF-8 cannot encode."""
    return any("\ud800" <= char <= "\udfff" for char in text)


def advice(value: object) -> str | None:
    """Return how to send a value that neither JSON nor a query can represent."""
    if hasattr(value, "timestamp"):
        return "amoCRM expects Unix seconds: int(value.timestamp())"
    if isinstance(value, date):
        return "amoCRM expects Unix seconds; typed calls take dates: crm.leads.list(filter=...)"
    if isinstance(value, (bytes, bytearray)):
        return "decode it to a string first"
    if isinstance(value, (set, frozenset)):
        return "convert it to a list: sorted(value)"
    return "send strings, numbers, booleans, None, lists and dicts"
