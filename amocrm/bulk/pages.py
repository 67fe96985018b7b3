"""Reads a page of a listing: its items and the next page. Source: reference 3.1, 3.2."""

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
"""Files in one page. The limit is not documented (reference 7); other clients use this number."""
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
    """A response does not have the documented shape; the text describes it. For internal use."""


class Page(NamedTuple):
    """One page of a listing.

    Attributes:
        items: in the server's order.
        next: path and query of the next page; None on the last one.
        total: number of items on all pages; None if the API does not send it.
    """

    items: list[Json]
    next: str | None = None
    total: int | None = None


def take_page(data: Json, path: str, url: str) -> Page:
    """Read the response of a listing.

    Shape:
        {"_total_items": int, "_links": {"next": {"href": str}}, "_embedded": {"leads": [...]}}

    Args:
        data: the decoded body; None for an empty listing, whose response has no body.
        path: of the listing; its last segment names the list.
        url: of the request; the next page must be at the same host.

    Raises:
        ShapeError: it is not a listing, or its next page is at another host.
    """
    if data is None:
        return Page([], None, None)
    items = find_list(data, path)
    total = data.get("_total_items") if isinstance(data, Mapping) else None
    return Page(items, _next(data, url), total if type(total) is int else None)


def find_list(data: Json, path: str) -> list[Json]:
    """Return the list of a response: the one that the path names, or the only one.

    Some lists have other names (`events_types`, `chat_templates`, `custom_field_groups`,
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
        raise ShapeError("a malformed URL of the next page") from None
    if there.netloc and (there.scheme, there.netloc.lower()) != (here.scheme, here.netloc.lower()):
        raise ShapeError("a next page at another host, which must not get the token")
    target = f"{there.path}?{there.query}" if there.query else there.path
    try:
        resolve("", target)
    except (ConfigurationError, UnicodeError):
        raise ShapeError("an invalid URL of the next page") from None
    return target


def part_page(target: str) -> tuple[str, int]:
    """Split a path with its query into the part without `page` and the page's number, or 1."""
    path, _, query = target.partition("?")
    if "page=" not in query:
        return target, 1
    rest, number = [], 1
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name != "page":
            rest.append(part)
        elif _NUMBER.fullmatch(value):
            number = int(value)
    return (f"{path}?{'&'.join(rest)}" if rest else path), number


def number_of(address: str, base: str) -> int | None:
    """Return the number of a page; None if its URL differs from the base in more than `page`."""
    there, here = urlsplit(address), urlsplit(base)
    pairs = parse_qsl(there.query, keep_blank_values=True)
    numbers = [value for name, value in pairs if name == "page"]
    rest = [pair for pair in pairs if pair[0] != "page"]
    if there.path != here.path or len(numbers) != 1 or not _NUMBER.fullmatch(numbers[0]):
        return None
    same = sorted(rest) == sorted(parse_qsl(here.query, keep_blank_values=True))
    return int(numbers[0]) if same else None


def limit_of(target: str) -> int:
    """Return the `limit` in the query of a path; 0 if there is none."""
    found = re.search(r"[?&]limit=([0-9]{1,9})(?:&|$)", target)
    return int(found[1]) if found else 0


def page_limit(path: str) -> int:
    """Return the largest number of items in a page of this path. Source: reference 3.5."""
    return _limit(path, _PAGE_LIMITS, PAGE_LIMIT)


def batch_limit(path: str) -> int:
    """Return the largest number of items in one write to this path. Source: reference 3.5."""
    return _limit(path, _BATCH_LIMITS, BATCH_LIMIT)


def _limit(path: str, known: Mapping[str, int], usual: int) -> int:
    bare = path.partition("?")[0].rstrip("/")
    return next((limit for end, limit in known.items() if bare.endswith(end)), usual)
