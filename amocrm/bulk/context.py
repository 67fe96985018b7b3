"""The shared context of listings and bulk writes, and the checks of their arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from amocrm._support.clock import Clock
from amocrm._support.forks import ForkLock
from amocrm.bulk.batch_size import BatchSize, first_size
from amocrm.errors import ConfigurationError
from amocrm.http.paths import resolve
from amocrm.http.request import Request

REMEMBERED: Final = 256
"""The largest number of stored lengths of listings, and of sizes of calls; when it is reached, all
are dropped."""

_NUMBER: Final = re.compile(r"/[0-9]+(?![^/])")


class PageCounts:
    """The numbers of pages of listings that were read to their end.

    Threads may share it: if one drops a number, another one only waits longer for its first page.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def get(self, target: str) -> int:
        """Return the number of the last page; 0 if it is not known."""
        return self._last.get(target, 0)

    def note(self, target: str, last: int) -> None:
        """Store the number of the last page."""
        if len(self._last) >= REMEMBERED:
            self._last.clear()
        self._last[target] = last


class LearnedSize:
    """The size of the calls that write to one resource. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.known = first_size(limit)
        self._lock = ForkLock()

    def learn(self, change: Callable[[BatchSize], BatchSize]) -> None:
        """Replace what is known."""
        with self._lock:
            self.known = change(self.known)


class BatchSizes:
    """The sizes of calls that write, by method and resource. Threads may share it."""

    def __init__(self) -> None:
        self._by_resource: dict[str, LearnedSize] = {}

    def of(self, method: str, path: str, limit: int) -> LearnedSize:
        """Return the size of a resource's calls; `/leads/1/notes` and `/leads/2/notes` are one."""
        if len(self._by_resource) >= REMEMBERED:
            self._by_resource.clear()
        resource = f"{method} {_NUMBER.sub('/*', path)}"
        return self._by_resource.setdefault(resource, LearnedSize(limit))


class ApiContext(NamedTuple):
    """Shared by the listings, bulk writes and resources of a client.

    Attributes:
        request: makes the calls.
        clock: the clock of the client.
        rate: calls per second of the rate limiter.
        account: the account's host, as given to the client.
        page_counts: numbers of pages of listings that were read before.
        batch_sizes: sizes of the calls that write.
        lenient: allow filters, `with` and orders that this version does not know.
    """

    request: Request
    clock: Clock
    rate: float
    account: str
    page_counts: PageCounts
    batch_sizes: BatchSizes
    lenient: bool = False


def check_is_path(path: object) -> None:
    """Check that an argument is a text, and no URL.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(path, str):
        raise ConfigurationError(
            f"expected a path such as /api/v4/leads, not {type(path).__name__}"
        )
    if "://" in path:
        raise ConfigurationError("expected a path such as /api/v4/leads, not a URL")


def path_alone(path: str) -> str:
    """Check a path that must have no query and return it.

    Raises:
        ConfigurationError: it has one, is malformed, or is a URL.
    """
    check_is_path(path)
    bare = resolve("", path)[1]
    if "?" in path:
        raise ConfigurationError("expected a path without a query")
    return bare


def read_count(name: str, value: int | None, least: int, most: int) -> int | None:
    """Check an optional number.

    Raises:
        ConfigurationError: it is not a whole number, or is out of bounds.
    """
    if value is None or (type(value) is int and least <= value <= most):
        return value
    raise ConfigurationError(f"{name} must be a whole number from {least} to {most}")
