"""A path as people write it → the one address it may mean.

The token travels with every call, so an address that leads anywhere but to the account's own host
is refused here, before anything is sent.
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
"""A path that needs no second look: most of them."""

_KEYS: Final = re.compile(r"(?<=/)(upload|download)/.+")
"""What opens a file to whoever has it: the address of a part, and of a content (reference 7)."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\]")

_SAFE: Final = "/%:@!$&'()*+,;=-._~"

_HINT: Final = "give a path such as /api/v4/leads"


def resolve(origin: str, path: str, params: Json = None) -> tuple[str, str]:
    """Return the target of a call (path and query), and its path alone, as messages show it.

    What is shown of the address of a file's content ends in `...`.

    Args:
        origin: scheme and authority of the account.
        path: a path, with or without its leading slash and with or without a query; or a whole
            address at the same origin, such as a listing's `next` link.
        params: data for the query, merged with the path's own.

    Raises:
        ConfigurationError: the path is malformed or leads elsewhere, or `params` cannot be a query.
    """
    shown = None
    if isinstance(path, str) and _PLAIN.fullmatch(path):
        bare, query = path, ""
    else:
        bare, query = _inspect(origin, path)
        shown = _KEYS.sub(r"\1/...", bare)
    if params is not None:
        query = merge(query, params)
    return (f"{bare}?{query}" if query else bare), shown or bare


def _inspect(origin: str, path: str) -> tuple[str, str]:
    """Take an unusual path apart: its clean form and its query."""
    if not isinstance(path, str) or not path:
        raise ConfigurationError("the path is empty", hint=_HINT)
    if _UNSAFE.search(path):
        raise ConfigurationError("the path holds control characters or backslashes", hint=_HINT)
    if "#" in path:
        raise ConfigurationError("the path holds a fragment (#)", hint="quote # as %23 in values")
    rest = _at_home(origin, path)
    bare, _, query = rest.partition("?")
    bare = bare if bare.startswith("/") else f"/{bare}"
    if any(part in (".", "..") for part in unquote(bare).replace("\\", "/").split("/")):
        raise ConfigurationError("the path holds . or .. segments", hint=_HINT)
    return quote(bare, safe=_SAFE), quote(query, safe=_SAFE + "?[]")


def _at_home(origin: str, path: str) -> str:
    """Strip the origin from a whole address, if it is ours; a bare path stays as it is."""
    if path.startswith("//"):
        raise ConfigurationError("the path names another host (//...)", hint=_HINT)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return path
    try:
        parts = urlsplit(path)
        theirs = f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        raise ConfigurationError("the path is not an address", hint=_HINT) from None
    if theirs != origin:
        shown = parts.netloc.rpartition("@")[2] or "none"
        raise ConfigurationError(
            f"the address leads to another host ({shown}), where this token must not go",
            hint=f"calls of this client go to {origin}",
        )
    return path[len(origin) :] or "/"


_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


def missing_prefix(path: str) -> str | None:
    """Return the full path that a path such as `/leads` may stand for; None if it is not one."""
    rest = path.removeprefix("/v4")
    return f"/api/v4{rest}" if f"{rest}/".split("/")[1] in _RESOURCES else None


def segment(name: str, text: object, safe: str = "") -> str:
    """Return a text as one segment of a path.

    Raises:
        ConfigurationError: it is none, or one that leads to another place: `.` and `..` do, however
            they are written, for what stands between decodes them.
    """
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{name} must be a text that is not empty")
    if any(part in (".", "..") for part in unquote(text).replace("\\", "/").split("/")):
        raise ConfigurationError(f"{name} is {text!r}, which leads to another path")
    if has_half_character(text) or _CONTROLS.search(text):
        raise ConfigurationError(f"{name} holds characters that no path carries")
    return quote(text, safe=safe)
