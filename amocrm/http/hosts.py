"""What people type as a domain, and which hosts may ever see a secret.

A token is sent to the host of its account and nowhere else; this module is the one that decides
what that host is. Source: reference 1.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from amocrm.errors import ConfigurationError

ZONES: Final = ("amocrm.ru", "amocrm.com", "kommo.com")
"""Domains under which accounts live. Source: reference 1."""

DEFAULT_ZONE: Final = "amocrm.ru"
"""Where a bare login lives, as in the seed."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE: Final = re.compile(r"www|amojo|(?:api|drive)(?:-[a-z0-9]+)?")
"""Hosts of amoCRM that are nobody's account. Source: reference 1."""
_DRIVE: Final = re.compile(r"drive(?:-[a-z0-9]+)?")
_EXAMPLE: Final = "give the login or the account's address, such as mycompany.amocrm.ru"


class Portal(NamedTuple):
    """Where one account is reached.

    Attributes:
        account: host of the account, such as `example.amocrm.ru`; it names the account.
        origin: scheme and authority that calls go to.
        consent: scheme and authority of the consent page.
        fixed: `origin` was given by the user (a test server), and never follows a move.
    """

    account: str
    origin: str
    consent: str
    fixed: bool = False

    def lookup(self, api_domain: str | None) -> str | None:
        """Tell the origin that knows where a moved account went; None if nobody does.

        `api_domain` comes from a token and is trusted only as a host of amoCRM's own, because
        a refresh token will be shown to it. Source: reference 1.1.
        """
        if self.fixed:
            return self.origin
        if api_domain is None or not is_api_host(api_domain):
            return None
        return f"https://{api_domain}"

    def drive(self, address: object) -> str | None:
        """Tell the origin of an address at the Files service; None if the token must not go there.

        Such addresses come from the server: of amoCRM's own hosts it may be any that serves files,
        and over HTTPS alone; a test server has everything at one place. Source: reference 1, 7.
        """
        if not isinstance(address, str):
            return None
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        host = parts.netloc.lower()
        origin = f"{parts.scheme}://{host}"
        if self.fixed:
            return origin if origin == self.origin else None
        return origin if parts.scheme == "https" and is_drive_host(host) else None

    def moved(self, account: str) -> Portal:
        """Return the portal of the same account under its new host."""
        if self.fixed or account == self.account:
            return self._replace(account=account)
        return portal(account)


def portal(domain: str, base_url: str | None = None) -> Portal:
    """Read what a person typed as the domain of an account.

    Args:
        domain: a login (`mycompany`) or the host of an account under amocrm.ru, amocrm.com or
            kommo.com, with or without scheme and trailing slash, in any case.
        base_url: origin of a test server that plays the account.

    Raises:
        ConfigurationError: it is not an account of amoCRM or Kommo, or `base_url` is no origin.
    """
    account = account_host(domain)
    if base_url is not None:
        origin = _origin(base_url)
        return Portal(account, origin, origin, fixed=True)
    zone = account.partition(".")[2]
    return Portal(account, f"https://{account}", f"https://www.{zone}")


def account_host(domain: str) -> str:
    """Turn a login or an address of an account into its host, such as `example.amocrm.ru`.

    Raises:
        ConfigurationError: it is anything else; the message says what is wrong with it.
    """
    if not isinstance(domain, str) or not domain.strip():
        raise ConfigurationError("domain is empty", hint=_EXAMPLE)
    host = re.sub(r"^https?://", "", domain.strip().lower()).removesuffix("/")
    _refuse_all_but_a_name(host)
    if "." not in host:
        host = f"{host}.{DEFAULT_ZONE}"
    if not is_account_host(host):
        raise ConfigurationError(
            f"domain {host!r} is not an account of amoCRM or Kommo",
            hint=f"{_EXAMPLE}; for a test server set base_url",
        )
    return host


def _refuse_all_but_a_name(host: str) -> None:
    """Say which part of an address does not belong into a domain."""
    # The order matters: credentials are looked for first, so that a message that shows the
    # domain never shows a password.
    if "@" in host:
        raise ConfigurationError("domain holds credentials before an @", hint=_EXAMPLE)
    if re.search(r"[/\\?#]", host):
        raise ConfigurationError(f"domain {host!r} holds a path or a query", hint=_EXAMPLE)
    if ":" in host:
        raise ConfigurationError(f"domain {host!r} holds a port", hint=f"{_EXAMPLE}, no port")
    if not host.isascii() or re.search(r"(?:^|\.)xn--", host):
        raise ConfigurationError(
            f"domain {host!r} holds letters outside a-z",
            hint=f"amoCRM has no such names; {_EXAMPLE}",
        )


def is_account_host(host: str) -> bool:
    """Tell whether a host is an account's, directly under amocrm.ru, amocrm.com or kommo.com."""
    label, _, zone = host.partition(".")
    named = bool(_LABEL.fullmatch(label)) and not label.startswith("xn--")
    return zone in ZONES and named and not _SERVICE.fullmatch(label)


def is_api_host(host: str) -> bool:
    """Tell whether a host is a shared API host of amoCRM, such as `api-b.amocrm.ru`."""
    label, _, zone = host.partition(".")
    return zone in ZONES and bool(re.fullmatch(r"api(?:-[a-z0-9]+)?", label))


def is_drive_host(host: str) -> bool:
    """Tell whether a host is one that serves files, such as `drive-b.amocrm.ru`."""
    label, _, zone = host.partition(".")
    return zone in ZONES and bool(_DRIVE.fullmatch(label))


def _origin(base_url: str) -> str:
    """Read the origin of a test server: scheme and authority, nothing more."""
    hint = "give scheme, host and port, such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError("base_url is not an address", hint=hint) from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url holds credentials", hint=hint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"base_url {base_url!r} is not an http(s) address", hint=hint)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigurationError(f"base_url {base_url!r} holds a path or a query", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
