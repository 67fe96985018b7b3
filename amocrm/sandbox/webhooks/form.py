"""Form bodies with brackets, as PHP's `http_build_query` writes them (reference 6.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import quote_plus

from amocrm.sandbox.http.answer import Json

Tree: TypeAlias = "dict[str, Json]"
"""A body before it is encoded: nested dictionaries and lists of values."""


def encode_form(tree: Tree) -> bytes:
    """Return the body of a webhook.

    Nulls and empty lists are left out, `true` is 1 and `false` 0, as in PHP.

    >>> encode_form({"leads": {"add": [{"id": 7001, "name": "Anna & Co", "price": None}]}})
    b'leads%5Badd%5D%5B0%5D%5Bid%5D=7001&leads%5Badd%5D%5B0%5D%5Bname%5D=Anna+%26+Co'
    """
    pairs = (f"{_quote(name)}={_quote(value)}" for name, value in _flat("", tree))
    return "&".join(pairs).encode("ascii")


def _flat(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(f"{name}[{key}]" if name else str(key), one)
    elif isinstance(value, (list, tuple)):
        yield from _flat(name, dict(enumerate(value)))
    elif value is not None:
        yield name, _text(value)


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _quote(text: str) -> str:
    # PHP's urlencode leaves only `-`, `_` and `.` as they are.
    return quote_plus(text, safe="", errors="replace").replace("~", "%7E")
