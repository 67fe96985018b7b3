"""Gets an authorization code from a person: over a browser, or pasted.

Source: reference 2.2, 2.3.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from amocrm.auth.redirect.query import RedirectResult, read_query, read_redirect
from amocrm.auth.redirect.server import RedirectListener
from amocrm.auth.settings import RedirectServer
from amocrm.errors import ConfigurationError, NotAuthorizedError

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LONGEST: Final = 8_192
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def loopback_server(redirect_uri: str) -> RedirectServer | None:
    """Return where to listen for the redirect; None if it leads to another machine, or over TLS."""
    try:
        parts = urlsplit(redirect_uri)
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        return None
    return RedirectServer(port, parts.hostname)


def has_browser(variables: Mapping[str, str]) -> bool:
    """Whether a browser on this machine can be opened: not over SSH, and not without a display."""
    if variables.get("SSH_CONNECTION") or variables.get("SSH_TTY"):
        return False
    return sys.platform in ("win32", "darwin") or any(variables.get(one) for one in _DISPLAYS)


def code_by_browser(
    server: RedirectServer, url: str, state: str, account: str, tell: Callable[[str], object]
) -> str:
    """Open the consent page in a browser, and wait for the redirect to this machine.

    Args:
        server: where to listen.
        url: of the consent page.
        state: that must come back.
        account: host of the account.
        tell: shows the person a text if no browser opens.

    Raises:
        ConfigurationError: the port is in use.
        AuthorizationError: the person refused, or nothing came before the deadline.
    """
    with RedirectListener(server, lambda query: read_redirect(query, state, account)) as listener:
        if not webbrowser.open(url):
            tell(url)
        return _code(listener.wait())


def code_of_paste(pasted: str, state: str, account: str) -> str:
    """Return the code of a pasted address, or a pasted code.

    The state of an address is checked. A code alone has none: the person has copied it from the
    integration's window.

    Raises:
        StateMismatchError: the address is of another run, or forged.
        AccessDeniedError: the person refused, or agreed for another account.
    """
    text = pasted.strip()
    if len(text) > _LONGEST:
        raise ConfigurationError("this is too long to be an address or a code")
    if not is_address(text):
        return text
    query = urlsplit(text).query if "?" in text else text
    return _code(read_redirect(read_query(query), state, account))


def is_address(text: str) -> bool:
    """Whether a text is an address or its query, and not a code alone."""
    return "://" in text or "?" in text or "=" in text.strip("=")


def _code(result: RedirectResult) -> str:
    if result.code is None:
        raise result.error or NotAuthorizedError("the redirect has no code")
    return result.code
