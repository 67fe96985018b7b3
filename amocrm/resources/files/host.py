"""Where the files of an account are: at a host of their own, which the account tells.

The token goes there only after the account was asked, and only if the host is one of amoCRM's.
Source: reference 1, 4.1, 7.
"""

from __future__ import annotations

from typing import Final

from amocrm._support.clock import Clock
from amocrm.errors import AmoCRMError, ConfigurationError
from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json, Retry, Timeout
from amocrm.http.paths import ACCOUNT_PATH, resolve
from amocrm.http.request import (
    Request,
    Response,
    Target,
    origin_at,
    origin_of,
    redirect,
    usual_timeout,
)

ASK_REST: Final = 60.0
"""Seconds after the account was asked in which it is not asked again, however the host answers: a
file that is not there is no sign that all of them have moved."""

SLOWEST: Final = 1024
"""Bytes of a file a second that must get through, beside the usual time of a call."""

LONGEST: Final = 900_000.0
"""Seconds of a call at most, however large a file is said to be."""


class DriveHost:
    """The host of an account's files: asked for once, and again when they seem to have moved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin: str | None = None
        self._asked_at = float("-inf")

    def find(self, account: Request, retry: Retry | None = None) -> str:
        """Return scheme and authority of the host.

        Raises:
            UnexpectedReplyError: the account names none, or one where the token must not go.
        """
        if (known := self._origin) is not None:
            return known
        self._asked_at = self._clock.monotonic()
        response = account.get(ACCOUNT_PATH, {"with": "drive_url"}, retry=retry)
        drive = led_to(account, response, "drive_url", "GET", ACCOUNT_PATH)
        self._origin = origin = origin_of(drive)
        return origin

    def has_moved(self, account: Request) -> bool:
        """Ask again where the files are, unless that was done only just now."""
        before = self._origin
        if before is None or self._clock.monotonic() - self._asked_at < ASK_REST:
            return False
        self._origin = None
        try:
            return self.find(account, "never") != before
        except AmoCRMError:
            self._origin = before  # What it was called for went wrong, and is what is to be told.
            return False


def on_drive(account: Request, host: DriveHost) -> Request:
    """Return a copy of a request whose calls go to the host of the files, wherever it moves to."""
    return redirect(
        account, Target(lambda: host.find(account), has_moved=lambda: host.has_moved(account))
    )


def time_for(request: Request, size: int) -> Timeout:
    """Return the limits of a call that carries so many bytes: silence is bounded as ever."""
    usual = usual_timeout(request)
    return usual._replace(total=max(usual.total, min(usual.total + size / SLOWEST, LONGEST)))


def keys(request: Request, address: Json, shown: str) -> Request | str:
    """Return a copy for the host of an address that was told, or what is wrong with the address.

    `shown` stands for the address in messages.
    """
    origin = origin_at(request, address)
    if origin is None:
        return "leads to a host where this token must not go" if address else "is missing"
    try:
        resolve(origin, address)
    except (ConfigurationError, UnicodeError):
        return "is no address that can be called"
    return redirect(request, Target(lambda: origin, shown))


def led_to(
    request: Request, response: Response, name: str, method: str, path: str, shown: str = "..."
) -> Request:
    """Return a twin of a request for the host of an address that an answer names.

    `shown` stands for the address in messages.

    Raises:
        UnexpectedReplyError: there is no address, or it leads where the token must not go.
    """
    data: Json = response.data
    address = data.get(name) if isinstance(data, dict) else None
    found = keys(request, address, shown)
    if isinstance(found, Request):
        return found
    info = response.info
    raise unexpected_response(
        method, path, f"an unusable {name}: it {found}" if address else f"no {name}",
        status=info.status_code, request_id=info.headers.get("X-Request-Id"),
        hint=None if address else "check that the integration has the scope `files`",
    )  # fmt: skip
