"""What a call may be asked for, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.errors import ConfigurationError
from amocrm.http.messages import RETRY, Json, Retry, Timeout

READS: Final = ("GET", "HEAD")
_METHODS: Final = (*READS, "POST", "PATCH", "PUT", "DELETE")
_OURS: Final = ("authorization", "content-length", "host", "transfer-encoding")


def read_timeout(timeout: object) -> Timeout:
    """Read seconds for the whole of an attempt, or a `Timeout`.

    Raises:
        ConfigurationError: it is neither, or not positive.
    """
    limits = timeout
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        usual = Timeout()
        limits = Timeout(min(usual.connect, timeout), min(usual.read, timeout), timeout)
    if not isinstance(limits, Timeout):
        raise ConfigurationError("timeout must be a number of seconds or a Timeout")
    if not all(0 < seconds < 1e6 for seconds in (limits.connect, limits.read, limits.total)):
        raise ConfigurationError("timeout must be a positive number of seconds")
    return limits


def read_method(method: object) -> str:
    """Read a method, in any case.

    Raises:
        ConfigurationError: there is none of this name.
    """
    verb = method.upper() if isinstance(method, str) else ""
    if verb not in _METHODS:
        raise ConfigurationError(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
    return verb


def read_retry(retry: Retry) -> Retry:
    """Check a way to retry.

    Raises:
        ConfigurationError: there is none of this name.
    """
    if retry not in RETRY:
        raise ConfigurationError(f"retry must be 'auto', 'always' or 'never', not {retry!r}")
    return retry


def both(params: Mapping[str, Json] | None, data: Json) -> Mapping[str, Json]:
    """Read a GET's data as its query, as the seed does; `params` win."""
    if not isinstance(data, Mapping):
        raise ConfigurationError("the data of a GET is its query, and must be a dict")
    return {**data, **(params or {})}


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Check headers that are sent besides ours.

    Raises:
        ConfigurationError: one of them is ours, or HTTP cannot carry it.
    """
    for name, value in headers.items():
        if not isinstance(name, str) or not name.isascii() or not name.isprintable() or not name:
            raise ConfigurationError("a header's name must be printable ASCII")
        if name.lower() in _OURS:
            raise ConfigurationError(f"the header {name!r} is set by this library alone")
        if not isinstance(value, str) or not value.isprintable() or not value.isascii():
            raise ConfigurationError(f"the header {name!r} must be printable ASCII on one line")
    return headers
