"""Addresses with a secret, for the webhooks that amoCRM does not sign.

Account webhooks and those of a pipeline have no signature (reference 6.1), so that an address
nobody can guess must protect them. The secret of an address is computed from a key, the kind and
the account: nothing has to be stored, and an address is good for its own account only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final, NamedTuple, get_args
from urllib.parse import urlsplit

from amocrm.errors import ConfigurationError
from amocrm.http.signing_key import key_of
from amocrm.webhooks.event import Kind

UNSIGNED: Final[tuple[Kind, ...]] = ("account", "pipeline", "pipeline_widget")
"""The kinds whose address has a secret."""

ANY: Final = "any"
"""Stands for the account in an address that several accounts use, such as a widget's."""

SHORTEST_KEY: Final = 32
"""Characters of a key, at least: those of `Receiver.new_key`."""

_SECRET_BYTES: Final = 24
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}


class ReceiverAddress(NamedTuple):
    """What an address says.

    Attributes:
        kind: of the webhooks that come there.
        account_id: of the account it belongs to; None for any account.
        scope_id: of the chats' channel and account; None for other kinds.
    """

    kind: Kind
    account_id: int | None = None
    scope_id: str | None = None

    @property
    def shown(self) -> str:
        """The path without its secret, for logs and the inbox."""
        if self.kind in UNSIGNED:
            return f"/{self.kind}/{self.account_id or ANY}"
        return f"/{self.kind}/{self.scope_id}" if self.scope_id else f"/{self.kind}"


def check_keys(keys: object) -> tuple[str, ...]:
    """Return one key or several as several.

    Raises:
        ConfigurationError: there is none, or one is too short to be safe.
    """
    several = [keys] if isinstance(keys, str) else keys
    if not isinstance(several, Sequence) or not several:
        raise ConfigurationError("key must be a string of Receiver.new_key(), or a list of them")
    for key in several:
        key_of(key)
        if len(key) < SHORTEST_KEY:
            raise ConfigurationError(
                f"key has {len(key)} characters; at least {SHORTEST_KEY} are needed",
                hint="make one with Receiver.new_key() and keep it like a password",
            )
    return tuple(several)


def check_base(url: object) -> str:
    """Return the public URL that addresses begin with, without a slash at its end.

    Raises:
        ConfigurationError: it is not an http(s) URL, has a query, or its host is not ASCII.
    """
    if not isinstance(url, str) or not url.isascii():
        # amoCRM does not send to Cyrillic hosts (reference 6.1).
        raise ConfigurationError("url must be an ASCII http(s) URL; write the host in Punycode")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("url must look like https://example.com/amocrm, without a query")
    return url.rstrip("/")


def path_of(key: str, kind: Kind, account_id: int | None = None) -> str:
    """Return the path of an address, with its secret where the kind needs one.

    >>> path_of("k" * 32, "account", 12345)
    '/account/12345/iodEFX0oGmXDkmqhd3tQ4CiQT6Gd_kw-'
    >>> path_of("k" * 32, "chat")
    '/chat/:scope_id'
    """
    if kind == "chat":
        return "/chat/:scope_id"
    if kind not in UNSIGNED:
        return f"/{kind}"
    account = str(account_id) if account_id else ANY
    return f"/{kind}/{account}/{_secret(key, kind, account)}"


def read_path(keys: Sequence[str], path: str) -> ReceiverAddress | None:
    """Return what a path says; None if its secret is wrong or it is no path of ours.

    Only the last parts are read, so that the receiver can be mounted below any prefix. The secret
    is compared in constant time.
    """
    parts = path.rstrip("/").split("/")[-3:]
    if len(parts) == 3 and parts[0] in UNSIGNED:
        kind, account, given = parts
        # Every key is tried, so that the time does not tell which one is right.
        right = [
            hmac.compare_digest(
                given.encode("utf-8", "replace"), _secret(key, kind, account).encode()
            )
            for key in keys
        ]
        if any(right):
            return ReceiverAddress(_KINDS[kind], None if account == ANY else int(account))
    elif len(parts) >= 2 and parts[-2] == "chat":
        return ReceiverAddress("chat", scope_id=parts[-1])
    elif parts[-1] in ("bot", "uninstall"):
        return ReceiverAddress(_KINDS[parts[-1]])
    return None


def without_secret(url: str) -> str | None:
    """Return an address of `path_of` without its secret; None if it is another URL."""
    place, _, secret = url.rpartition("/")
    kind, _, account = place.rpartition("/")
    is_ours = kind.endswith(tuple(f"/{kind}" for kind in UNSIGNED)) and _SECRET.fullmatch(secret)
    return place if is_ours and (account == ANY or account.isdecimal()) else None


def shown_address(url: str) -> str:
    """Return an address without its secret; of another program's, only the host."""
    ours = without_secret(url)
    return f"{without_password(ours)}/..." if ours is not None else f"{urlsplit(url).hostname}/..."


def without_password(url: str) -> str:
    """Return a URL without the user and the password that a proxy may ask for.

    >>> without_password("https://user:password@hooks.example.com/amocrm")
    'https://hooks.example.com/amocrm'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _secret(key: str, kind: str, account: str) -> str:
    message = f"{kind}/{account}".encode("utf-8", "replace")
    digest = hmac.new(key_of(key), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_SECRET_BYTES]).decode()
