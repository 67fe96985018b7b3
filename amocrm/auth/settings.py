"""Reads and checks the `auth` mapping of a client, before any I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict
from urllib.parse import urlsplit

from amocrm._support.frames import frameless
from amocrm.errors import ConfigurationError

REDIRECT_DEADLINE: Final = 300.0
"""Seconds that the redirect server waits for a person to agree; a code is valid for 20 minutes."""

_LONGEST_DEADLINE: Final = 86_400.0

LOOPBACK: Final = "127.0.0.1"

_KEYS: Final = (
    "client_id", "client_secret", "redirect_uri", "code", "state", "server", "access_token",
)  # fmt: skip
_SERVER_KEYS: Final = ("port", "host", "timeout")
_GRANT_KEYS: Final = ("client_id", "client_secret", "redirect_uri")
_NO_SPACES: Final = re.compile(r"\S+")


class ServerSettings(TypedDict, total=False):
    """`auth["server"]`: the redirect server.

    Keys:
        port: TCP port to listen on.
        host: address to listen on; the loopback address unless a tunnel or a proxy needs another.
        timeout: seconds to wait for the redirect.
    """

    port: int
    host: str
    timeout: float


class AuthSettings(TypedDict, total=False):
    """`auth`: how this client gets a token.

    Keys:
        client_id, client_secret, redirect_uri: of the integration; the last one equal byte for byte
            to its settings in amoCRM.
        code: an authorization code; the first call exchanges it.
        state: the state that must come back with the redirect; a random one if missing.
        server: start a redirect server when a person has to agree.
        access_token: a long-lived token, instead of all keys above.
    """

    client_id: str
    client_secret: str
    redirect_uri: str
    code: str
    state: str
    server: ServerSettings
    access_token: str


class RedirectServer(NamedTuple):
    """Where to listen for the redirect, and for how many seconds."""

    port: int
    host: str = LOOPBACK
    timeout: float = REDIRECT_DEADLINE


class Settings:
    """Checked settings; `repr` shows no secret. No tuple: error trackers show a tuple's items."""

    __slots__ = (
        "access_token", "client_id", "client_secret", "code", "redirect_uri", "server", "state",
    )  # fmt: skip

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        redirect_uri: str | None = None,
        code: str | None = None,
        state: str | None = None,
        server: RedirectServer | None = None,
        access_token: str | None = None,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.redirect_uri = redirect_uri
        self.code = code
        self.state = state
        self.server = server
        self.access_token = access_token

    def __repr__(self) -> str:
        return f"Settings(client_id={self.client_id!r}, redirect_uri={self.redirect_uri!r})"


@frameless
def read_auth(auth: object) -> Settings:
    """Check the `auth` mapping.

    Raises:
        ConfigurationError: a key is missing, unknown or malformed; the message names it.
    """
    given = _mapping(auth, "auth", _KEYS)
    if not given:
        raise ConfigurationError(
            "auth is empty", hint=f"pass {', '.join(_GRANT_KEYS)}, or a long-lived access_token"
        )
    requests_grants = "server" in given or any(key in given for key in _GRANT_KEYS)
    for key in _GRANT_KEYS if requests_grants or "access_token" not in given else ():
        if key not in given:
            raise ConfigurationError(f"auth has no {key!r}")
    if "access_token" in given and "code" in given:
        raise ConfigurationError(
            "auth has both a code and a long-lived access_token: pass one of them"
        )
    texts = {key: _text(given[key], key) for key in _KEYS if key in given and key != "server"}
    if "redirect_uri" in texts:
        _check_redirect_uri(texts["redirect_uri"])
    server = _read_server(given["server"]) if "server" in given else None
    return Settings(server=server, **texts)


def _mapping(value: object, name: str, known: tuple[str, ...]) -> dict[str, object]:
    """Return a mapping of known keys; a key whose value is None counts as missing."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict with the keys {', '.join(known)}")
    for key in value:
        if key not in known:
            # amocrm-js has this name for it.
            is_bearer = key == "bearer" and "access_token" in known
            hint = "use 'access_token' for a long-lived token" if is_bearer else _known(known)
            raise ConfigurationError(f"{name} has an unknown key {key!r}", hint=hint)
    return {str(key): item for key, item in value.items() if item is not None}


def _known(keys: tuple[str, ...]) -> str:
    return f"known keys: {', '.join(keys)}"


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"auth[{key!r}] must be a non-empty string")
    if not _NO_SPACES.fullmatch(value):
        raise ConfigurationError(
            f"auth[{key!r}] has spaces or line breaks", hint="copy it again, without them"
        )
    return value


def _check_redirect_uri(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"auth['redirect_uri'] must be an http(s) URL, not {uri!r}",
            hint="copy it from the integration's settings, byte for byte",
        )


def _read_server(value: object) -> RedirectServer:
    given = _mapping(value, "auth['server']", _SERVER_KEYS)
    port, host = given.get("port"), given.get("host", LOOPBACK)
    timeout = given.get("timeout", REDIRECT_DEADLINE)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ConfigurationError(
            "auth['server']['port'] must be a number from 0 to 65535", hint="0 chooses a free port"
        )
    if not isinstance(host, str) or not host:
        raise ConfigurationError("auth['server']['host'] must be an address to listen on")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise ConfigurationError("auth['server']['timeout'] must be a number of seconds")
    if not 0 < timeout <= _LONGEST_DEADLINE:
        raise ConfigurationError(
            "auth['server']['timeout'] must be more than 0 s and at most a day"
        )
    return RedirectServer(port, host, float(timeout))
