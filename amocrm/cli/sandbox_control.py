"""Calls the control address of a sandbox of this machine."""

from __future__ import annotations

import ipaddress
import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from amocrm.errors import AmoCRMError, ConfigurationError, printable
from amocrm.http.messages import Json

_ACTIONS: Final = "/_sandbox/"
_RESET: Final = "/_sandbox/reset"
_SECONDS: Final = 10.0
_MOST_BYTES: Final = 1_000_000


def reset_sandbox(url: str) -> str:
    """Begin a sandbox again; return its origin.

    Raises:
        ConfigurationError: the address is not of this machine.
        AmoCRMError: there is no sandbox, or it refuses.
    """
    scheme, host, port = _local(url)
    origin = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    kind = HTTPSConnection if scheme == "https" else HTTPConnection
    connection = kind(host, port, timeout=_SECONDS)
    try:
        # Nothing is changed at a server that does not say it is a sandbox.
        status, listed = _call(connection, "GET", _ACTIONS)
        paths = [one.get("path") for one in listed.get("actions", ())] if status == 200 else []
        if _RESET not in paths:
            raise AmoCRMError(f"there is no sandbox with {_RESET} at {origin}")
        status, answer = _call(connection, "POST", _RESET, b"{}")
    except (OSError, HTTPException) as error:
        raise AmoCRMError(f"there is no sandbox at {origin}: {error}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise AmoCRMError(f"there is no sandbox at {origin}: it does not speak JSON") from error
    finally:
        connection.close()
    if status != 200:
        raise AmoCRMError(f"{origin} refused: {status} {printable(answer.get('detail', ''), 200)}")
    return origin


def _call(
    connection: HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, Json]:
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read(_MOST_BYTES)
    return response.status, json.loads(content) if content else {}


def _local(url: str) -> tuple[str, str, int]:
    hint = "such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError("--url is not a valid URL", hint=hint) from None
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not host or extra:
        raise ConfigurationError("--url must be the origin of a sandbox", hint=hint)
    if not _is_loopback(host):
        raise ConfigurationError(
            f"{printable(host, 100)} is not this machine, and only its sandboxes are reset",
            hint=hint,
        )
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
