"""Writes form bodies as PHP's `http_build_query` does: the sender's side of the parser's tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

ACCOUNT: dict[str, Any] = {
    "subdomain": "test",
    "id": "1",
    "_links": {"self": "https://test.amocrm.ru"},
}


def fields(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Give the names with brackets and the texts of nested data."""
    if isinstance(value, Mapping):
        inner = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list):
        inner = [(str(number), one) for number, one in enumerate(value)]
    else:
        yield name, str(value)
        return
    for key, one in inner:
        yield from fields(one, f"{name}[{key}]" if name else key)


def form(data: Mapping[str, Any]) -> bytes:
    """Encode nested data as amoCRM does."""
    return urlencode(list(fields(data))).encode()


def hook(entity: str, action: str, *items: Mapping[str, Any]) -> bytes:
    """Encode an account webhook."""
    return form({entity: {action: list(items)}, "account": ACCOUNT})
