"""A listing's answer → its items, and the way to the next page. Source: reference 3.1, 3.2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from amocrm.api_limits import (
    BATCH_LIMIT,
    COMPLEX_LIMIT,
    EVENTS_PAGE_LIMIT,
    PAGE_LIMIT,
    SOURCES_LIMIT,
    TEMPLATES_PAGE_LIMIT,
    USERS_LIMIT,
)
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.http.paths import resolve

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_FILES_PAGE: Final = 50
"""Files in one page. The most is not documented (reference 7), and this is what others ask for."""
_PAGE_LIMITS: Final = {
    "/events": EVENTS_PAGE_LIMIT,
    "/chats/templates": TEMPLATES_PAGE_LIMIT,
    "/v1.0/files": _FILES_PAGE,
}
_BATCH_LIMITS: Final = {
    "/leads/complex": COMPLEX_LIMIT,
    "/sources": SOURCES_LIMIT,
    "/users": USERS_LIMIT,
}


class ShapeError(ValueError):
    """An answer has not the documented shape; the text says how. Never leaves this library."""


class Page(NamedTuple):
    """One page of a listing.

    Attributes:
        items: in the server's order.
        next: path and query of the page that follows; None on the last one.
        total: how many items there are on all pages, where the API tells it.
    """

    items: list[Json]
    next: str | None = None
    total: int | None = None


def take_page(data: Json, path: str, url: str) -> Page:
    """Split the answer of a listing.

    Shape:
        {"_total_items": int, "_links": {"next": {"href": str}}, "_embedded": {"leads": [...]}}

    Args:
        data: the decoded answer; None is an empty listing, which comes without a body.
        path: of the listing, whose last segment names the list.
        url: the address that was answered: the next page is at the same host.

    Raises:
        ShapeError: it is no listing, or its next page is at another host.
    """
    if data is None:
        return Page([], None, None)
    items = find_list(data, path)
    total = data.get("_total_items") if isinstance(data, Mapping) else None
    return Page(items, _next(data, url), total if type(total) is int else None)


def find_list(data: Json, path: str) -> list[Json]:
    """Return the list that an answer is about: the one named as the path ends, or the only one.

    Some lists are named otherwise (`events_types`, `chat_templates`, `custom_field_groups`,
    `items` of bots), and `/leads/complex` answers with a bare list. Source: reference 4.0.
    """
    if isinstance(data, list):
        return data
    embedded = data.get("_embedded") if isinstance(data, Mapping) else None
    if not isinstance(embedded, Mapping):
        raise ShapeError("something that is not a listing")
    named = embedded.get(path.rstrip("/").rpartition("/")[2])
    lists = [value for value in embedded.values() if isinstance(value, list)]
    if isinstance(named, list):
        return named
    if len(lists) != 1:
        raise ShapeError(f"{len(lists)} lists instead of one")
    return lists[0]


def _next(data: Json, url: str) -> str | None:
    links = data.get("_links") if isinstance(data, Mapping) else None
    link = links.get("next") if isinstance(links, Mapping) else None
    href = link.get("href") if isinstance(link, Mapping) else None
    if not isinstance(href, str) or not href:
        return None
    try:
        there, here = urlsplit(href), urlsplit(url)
    except ValueError:
        raise ShapeError("a next page whose address is none") from None
    if there.netloc and (there.scheme, there.netloc.lower()) != (here.scheme, here.netloc.lower()):
        raise ShapeError("a next page at another host, where this token must not go")
    target = f"{there.path}?{there.query}" if there.query else there.path
    try:
        resolve("", target)
    except (ConfigurationError, UnicodeError):
        raise ShapeError("a next page whose address cannot be called") from None
    return target


def part_page(target: str) -> tuple[str, int]:
    """Take the number of the page out of a path with its query; without one it is the first."""
    path, _, query = target.partition("?")
    kept, number = [], 1
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name != "page":
            kept.append(part)
        elif _NUMBER.fullmatch(value):
            number = int(value)
    return (f"{path}?{'&'.join(kept)}" if kept else path), number


def number_of(address: str, base: str) -> int | None:
    """Return the number of a page whose address differs from a base in that number alone."""
    there, here = urlsplit(address), urlsplit(base)
    pairs = parse_qsl(there.query, keep_blank_values=True)
    numbers = [value for name, value in pairs if name == "page"]
    rest = [pair for pair in pairs if pair[0] != "page"]
    if there.path != here.path or len(numbers) != 1 or not _NUMBER.fullmatch(numbers[0]):
        return None
    same = sorted(rest) == sorted(parse_qsl(here.query, keep_blank_values=True))
    return int(numbers[0]) if same else None


def limit_of(target: str) -> int:
    """Return the items per page that a path with its query asks for; 0 if it does not say."""
    found = re.search(r"[?&]limit=([0-9]{1,9})(?:&|$)", target)
    return int(found[1]) if found else 0


def page_limit(path: str) -> int:
    """Return the most items that a page of this path may hold. Source: reference 3.5."""
    return _limit(path, _PAGE_LIMITS, PAGE_LIMIT)


def batch_limit(path: str) -> int:
    """Return the most items that one write to this path may hold. Source: reference 3.5."""
    return _limit(path, _BATCH_LIMITS, BATCH_LIMIT)


def _limit(path: str, known: Mapping[str, int], usual: int) -> int:
    bare = path.partition("?")[0].rstrip("/")
    return next((limit for end, limit in known.items() if bare.endswith(end)), usual)
