"""What everything long works through, and how it reads its arguments."""

from __future__ import annotations

from typing import NamedTuple

from amocrm.clock import Clock
from amocrm.core.address import resolve
from amocrm.drivehost import DriveHost, DriveRequest
from amocrm.errors import ConfigurationError
from amocrm.request import Request


class Way(NamedTuple):
    """What the long things of a client work through.

    Attributes:
        request: makes the calls.
        clock: whose time it is.
        rate: calls a second that the pace lets through.
        account: the account's host, as the client was made with.
        drive: knows where the account's files are.
        lenient: let through filters, `with` and orders that the table does not know.
    """

    request: Request
    clock: Clock
    rate: float
    account: str
    drive: DriveHost
    lenient: bool = False

    def to_files(self) -> Way:
        """Return the same way, to the host of the account's files."""
        return self._replace(request=DriveRequest(self.request, self.drive))


def bare_path(path: str) -> str:
    """Check a path and return it without its query.

    Raises:
        ConfigurationError: it is malformed, or a whole address.
    """
    if isinstance(path, str) and "://" in path:
        raise ConfigurationError("this takes a path, not an address", hint="such as /api/v4/leads")
    return resolve("", path)[1]


def read_count(name: str, value: int | None, least: int, most: int) -> int | None:
    """Check a number of things that may be left to us.

    Raises:
        ConfigurationError: it is no number, or out of bounds.
    """
    if value is None or (type(value) is int and least <= value <= most):
        return value
    raise ConfigurationError(f"{name} must be a whole number from {least} to {most}")
