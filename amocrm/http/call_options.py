"""Checks the arguments of a call before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm._support.arguments import check_dict
from amocrm.errors import ConfigurationError
from amocrm.http.messages import RETRY, Json, Retry, Timeout
from amocrm.http.query import check_params

READS: Final = ("GET", "HEAD")
_METHODS: Final = (*READS, "POST", "PATCH", "PUT", "DELETE")
_OURS: Final = ("authorization", "content-length", "host", "transfer-encoding")


def read_timeout(timeout: object) -> Timeout:
    """Return a `Timeout` for a `Timeout` or a number of seconds for each attempt.

    Raises:
        ConfigurationError: it is neither, or not positive.
    """
    limits = timeout
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        default = Timeout()
        limits = Timeout(min(default.connect, timeout), min(default.read, timeout), timeout)
    if not isinstance(limits, Timeout):
        raise ConfigurationError("timeout must be a number of seconds or a Timeout")
    if not all(0 < seconds < 1e6 for seconds in (limits.connect, limits.read, limits.total)):
        raise ConfigurationError("timeout must be a positive number of seconds")
    return limits


def read_method(method: object) -> str:
    """Return an HTTP method in capitals.

    Raises:
        ConfigurationError: it is not a method that the API uses.
    """
    name = method.upper() if isinstance(method, str) else ""
    if name not in _METHODS:
        raise ConfigurationError(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
    return name


def read_retry(retry: Retry) -> Retry:
    """Check the `retry` argument.

    Raises:
        ConfigurationError: it is not one of the three values.
    """
    if retry not in RETRY:
        raise ConfigurationError(f"retry must be 'auto', 'always' or 'never', not {retry!r}")
    return retry


def merge_query(params: Mapping[str, Json] | None, data: Json) -> Mapping[str, Json]:
    """Add the data of a GET to its query, as amocrm-js does; where both have a name, params win."""
    if not isinstance(data, Mapping):
        raise ConfigurationError("the data of a GET is added to its query and must be a dict")
    if params is None:
        return data
    check_params(params)
    return {**data, **params}


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Check the caller's headers.

    Raises:
        ConfigurationError: this library sets one of them, or HTTP cannot send it.
    """
    check_dict("headers", headers)
    for name, value in headers.items():
        if not isinstance(name, str) or not name.isascii() or not name.isprintable() or not name:
            raise ConfigurationError("a header's name must be printable ASCII")
        if name.lower() in _OURS:
            raise ConfigurationError(f"the header {name!r} is set by this library")
        if not isinstance(value, str) or not value.isprintable() or not value.isascii():
            raise ConfigurationError(f"the header {name!r} must be printable ASCII on one line")
    return headers
