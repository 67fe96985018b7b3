"""What everything long works through, and how it reads its arguments."""

from __future__ import annotations

from typing import Final, NamedTuple

from amocrm._support.clock import Clock
from amocrm.errors import ConfigurationError
from amocrm.http.paths import resolve
from amocrm.http.request import Request

REMEMBERED: Final = 256
"""Listings whose length a client remembers; when there are more, it begins anew."""


class PageCounts:
    """How many pages listings had when they were last read to their end.

    Threads may share it: what one forgets for another costs that one a wait for its first page.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def get(self, target: str) -> int:
        """Return the number of the last page; 0 if it is not known."""
        return self._last.get(target, 0)

    def note(self, target: str, last: int) -> None:
        """Remember the number of the last page."""
        if len(self._last) >= REMEMBERED:
            self._last.clear()
        self._last[target] = last


class ApiContext(NamedTuple):
    """What the long things of a client work through.

    Attributes:
        request: makes the calls.
        clock: whose time it is.
        rate: calls a second that the rate limiter lets through.
        account: the account's host, as the client was made with.
        page_counts: how long its listings were.
        lenient: let through filters, `with` and orders that the table does not know.
    """

    request: Request
    clock: Clock
    rate: float
    account: str
    page_counts: PageCounts
    lenient: bool = False


def bare_path(path: str) -> str:
    """Check a path and return it without its query.

    Raises:
        ConfigurationError: it is malformed, or a whole address.
    """
    if isinstance(path, str) and "://" in path:
        raise ConfigurationError("this takes a path, not an address", hint="such as /api/v4/leads")
    return resolve("", path)[1]


def path_alone(path: str) -> str:
    """Check a path that must have no query and return it.

    Raises:
        ConfigurationError: it has one, is malformed, or a whole address.
    """
    bare = bare_path(path)
    if "?" in path:
        raise ConfigurationError("this takes a path without a query")
    return bare


def read_count(name: str, value: int | None, least: int, most: int) -> int | None:
    """Check a number of things that may be left to us.

    Raises:
        ConfigurationError: it is no number, or out of bounds.
    """
    if value is None or (type(value) is int and least <= value <= most):
        return value
    raise ConfigurationError(f"{name} must be a whole number from {least} to {most}")
