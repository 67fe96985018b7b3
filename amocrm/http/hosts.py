"""Checks the account's domain, and decides which hosts may get tokens and secrets.

Source: reference 1.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from amocrm.errors import ConfigurationError

ZONES: Final = ("amocrm.ru", "amocrm.com", "kommo.com")
"""Domains of the accounts' hosts. Source: reference 1."""

DEFAULT_ZONE: Final = "amocrm.ru"
"""The domain of an account given by its login alone, as in amocrm-js."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE: Final = re.compile(r"www|amojo|(?:api|drive)(?:-[a-z0-9]+)?")
"""Hosts of amoCRM that are not accounts. Source: reference 1."""
_DRIVE: Final = re.compile(r"drive(?:-[a-z0-9]+)?")
_EXAMPLE: Final = "expected a login or a host such as mycompany.amocrm.ru"


class Portal(NamedTuple):
    """The hosts of one account.

    Attributes:
        account: host of the account, such as `example.amocrm.ru`; it is the account's name.
        origin: scheme and authority of the calls.
        consent: scheme and authority of the consent page.
        fixed: whether `origin` was given by the user (a test server) and never changes.
    """

    account: str
    origin: str
    consent: str
    fixed: bool = False

    def lookup(self, api_domain: str | None) -> str | None:
        """Return the origin that knows the new host of a moved account; None if there is none.

        `api_domain` comes from a token. It is used only if it is a host of amoCRM, because the
        refresh token is sent to it. Source: reference 1.1.
        """
        if self.fixed:
            return self.origin
        if api_domain is None or not is_api_host(api_domain):
            return None
        return f"https://{api_domain}"

    def drive(self, address: object) -> str | None:
        """Return the origin of a URL of the Files service; None if it must not get the token.

        The server sends such URLs. Any host of amoCRM that serves files is accepted, over HTTPS
        only; with a test server, only its own origin is. Source: reference 1, 7.
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
        """Return the hosts of the same account after it got a new host."""
        if self.fixed or account == self.account:
            return self._replace(account=account)
        return portal(account)


def portal(domain: str, base_url: str | None = None) -> Portal:
    """Return the hosts of an account.

    Args:
        domain: a login (`mycompany`) or the host of an account under amocrm.ru, amocrm.com or
            kommo.com, with or without scheme and trailing slash, in any case.
        base_url: origin of a test server.

    Raises:
        ConfigurationError: it is not an account of amoCRM or Kommo, or `base_url` is not an origin.
    """
    account = account_host(domain)
    if base_url is not None:
        origin = _origin(base_url)
        return Portal(account, origin, origin, fixed=True)
    zone = account.partition(".")[2]
    return Portal(account, f"https://{account}", f"https://www.{zone}")


def account_host(domain: str) -> str:
    """Return the host of an account, such as `example.amocrm.ru`, for its login or URL.

    Raises:
        ConfigurationError: it is neither; the message says what is wrong with it.
    """
    if not isinstance(domain, str) or not domain.strip():
        raise ConfigurationError("domain is empty", hint=_EXAMPLE)
    host = re.sub(r"^https?://", "", domain.strip().lower()).removesuffix("/")
    _check_no_other_parts(host)
    if "." not in host:
        host = f"{host}.{DEFAULT_ZONE}"
    if not is_account_host(host):
        raise ConfigurationError(
            f"domain {host!r} is not an account of amoCRM or Kommo",
            hint=f"{_EXAMPLE}; for a test server set base_url",
        )
    return host


def _check_no_other_parts(host: str) -> None:
    """Refuse a domain with other parts of a URL."""
    # Credentials are checked first, so that no message shows a password with the domain.
    if "@" in host:
        raise ConfigurationError("domain contains credentials before an @", hint=_EXAMPLE)
    if re.search(r"[/\\?#]", host):
        raise ConfigurationError(f"domain {host!r} contains a path or a query", hint=_EXAMPLE)
    if ":" in host:
        raise ConfigurationError(f"domain {host!r} contains a port", hint=f"{_EXAMPLE}, no port")
    if not host.isascii() or re.search(r"(?:^|\.)xn--", host):
        raise ConfigurationError(
            f"domain {host!r} contains letters other than a-z",
            hint=f"no account of amoCRM has such a name; {_EXAMPLE}",
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
    """Tell whether a host serves files, such as `drive-b.amocrm.ru`."""
    label, _, zone = host.partition(".")
    return zone in ZONES and bool(_DRIVE.fullmatch(label))


def _origin(base_url: str) -> str:
    """Return the origin of a test server: scheme and authority."""
    hint = "expected scheme, host and port, such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError("base_url is not a valid URL", hint=hint) from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url contains credentials", hint=hint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"base_url {base_url!r} is not an http(s) URL", hint=hint)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigurationError(f"base_url {base_url!r} contains a path or a query", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
