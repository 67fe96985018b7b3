"""Turns the path that a caller gives into the target of a request, and refuses other hosts.

Every call sends the token, so a URL of any host but the account's is refused before anything is
sent.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.http.query import has_half_character, merge

ACCOUNT_PATH: Final = "/api/v4/account"
"""The account's settings. Source: reference 4.1."""

_RESOURCES: Final = frozenset(
    {
        "account", "bots", "calls", "catalogs", "chats", "companies", "contacts", "currencies",
        "customers", "events", "files", "leads", "products", "roles", "short_links", "sources",
        "talks", "tasks", "users", "webhooks", "website_buttons", "widgets",
    }
)  # fmt: skip
"""First segments of the API's paths, after `/api/v4`. Source: reference 4."""

_PLAIN: Final = re.compile(r"(?:/[A-Za-z0-9_-]+)+")
"""A path that needs no further check, as most do."""

_FILE_KEYS: Final = re.compile(r"(?<=/)(upload|download)/.+")
"""Paths that give access to a file without a token: an upload's part, a download (reference 7)."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\]")

_SAFE: Final = "/%:@!$&'()*+,;=-._~"

_HINT: Final = "expected a path such as /api/v4/leads"


def resolve(origin: str, path: str, params: Json = None) -> tuple[str, str]:
    """Return the target of a call (path and query), and the path that messages show.

    For a file's upload or download URL, the second ends in `...`.

    Args:
        origin: scheme and authority of the account.
        path: a path, with or without its leading slash and a query; or a URL with the same origin,
            such as a listing's `next` link.
        params: data that is added to the path's query.

    Raises:
        ConfigurationError: the path is malformed or belongs to another host, or `params` cannot be
            encoded.
    """
    shown = None
    if isinstance(path, str) and _PLAIN.fullmatch(path):
        bare, query = path, ""
    else:
        bare, query = _inspect(origin, path)
        shown = _FILE_KEYS.sub(r"\1/...", bare)
    if params is not None:
        query = merge(query, params)
    return (f"{bare}?{query}" if query else bare), shown or bare


def _inspect(origin: str, path: str) -> tuple[str, str]:
    """Check an unusual path; return it and its query, quoted."""
    if not isinstance(path, str) or not path:
        raise ConfigurationError("the path is empty", hint=_HINT)
    if _UNSAFE.search(path):
        raise ConfigurationError("the path contains control characters or backslashes", hint=_HINT)
    if "#" in path:
        raise ConfigurationError(
            "the path contains a fragment (#)", hint="in a value, write # as %23"
        )
    rest = _without_origin(origin, path)
    bare, _, query = rest.partition("?")
    bare = bare if bare.startswith("/") else f"/{bare}"
    if any(part in (".", "..") for part in unquote(bare).replace("\\", "/").split("/")):
        raise ConfigurationError("the path contains . or .. segments", hint=_HINT)
    return quote(bare, safe=_SAFE), quote(query, safe=_SAFE + "?[]")


def _without_origin(origin: str, path: str) -> str:
    """Remove the origin from a URL of the account; return a path unchanged."""
    if path.startswith("//"):
        raise ConfigurationError("the path contains another host (//...)", hint=_HINT)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return path
    try:
        parts = urlsplit(path)
        its_origin = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        raise ConfigurationError("the path is not a valid URL", hint=_HINT) from None
    if its_origin != origin:
        shown = parts.netloc.rpartition("@")[2] or "none"
        raise ConfigurationError(
            f"the URL belongs to another host ({shown}), which must not get the token",
            hint=f"this client calls {origin} only",
        )
    return path[len(origin) :] or "/"


_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


def missing_prefix(path: str) -> str | None:
    """Return the full path that a path such as `/leads` may stand for; None if it is not one."""
    rest = path.removeprefix("/v4")
    return f"/api/v4{rest}" if f"{rest}/".split("/")[1] in _RESOURCES else None


def segment(name: str, text: object, safe: str = "") -> str:
    """Return a text as one segment of a path, quoted.

    Raises:
        ConfigurationError: it is not a string, is empty, or would change the path: `.` and `..` do,
            however they are quoted, because proxies decode them.
    """
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{name} must be a non-empty string")
    if any(part in (".", "..") for part in unquote(text).replace("\\", "/").split("/")):
        raise ConfigurationError(f"{name} is {text!r}, which would change the path")
    if has_half_character(text) or _CONTROLS.search(text):
        raise ConfigurationError(f"{name} contains characters that are not allowed in a path")
    return quote(text, safe=safe)
