"""Who may call a sandbox on a port: programs of this machine, and no page of the open web.

A web page can make a browser call 127.0.0.1. Through a host name that resolves to this machine (DNS
rebinding) it could even read the answers, so unknown names are refused. It can also send forms, to
the consent page for instance; browsers send headers that name the origin of such requests.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from amocrm.sandbox.http.request import discard_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ZONES = (".amocrm.ru", ".amocrm.com", ".kommo.com")
"""Names of the platforms, which clients are led here by without a setting of their own."""

CONTROL = "amocrm.sandbox.control"
"""Member of a WSGI environment: whether the request may reach `/_sandbox/`."""

_READS = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Passes requests with a known host name, unless another site sent them.

    Args:
        app: the portal.
        hosts: names besides `localhost`, addresses, and those of the platforms.
        control: whether requests may reach `/_sandbox/`.
    """

    def __init__(
        self, app: WSGIApplication, hosts: Iterable[str], *, control: bool = False
    ) -> None:
        """Remember the names."""
        self._app = app
        self._control = control
        self._hosts = frozenset(_name(host) for host in hosts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or refuse with a reason."""
        host = environ.get("HTTP_HOST", "")
        if host and not self._is_known(_name(host)):
            why = "This Host is not served here: name it in hosts=, or after --allow-host"
            return _refuse(environ, start_response, "421 Misdirected Request", why)
        if environ.get("REQUEST_METHOD", "GET") not in _READS and _is_foreign(environ, host):
            why = "A page of another site sent this"
            return _refuse(environ, start_response, "403 Forbidden", why)
        environ[CONTROL] = self._control
        return self._app(environ, start_response)

    def _is_known(self, name: str) -> bool:
        if name in self._hosts or name == "localhost" or name.endswith((".localhost", *_ZONES)):
            return True
        try:
            # A page of the open web reaches this machine by a name, never by an address.
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens on an address."""
    name = _name(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _is_foreign(environ: WSGIEnvironment, host: str) -> bool:
    """Tell whether the headers of a browser name another site; programs do not send them."""
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("same-origin", "none"):
        return True
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and origin.partition("://")[2].lower() != host.lower()


def _name(host: str) -> str:
    """Return a host in lower case, without port, brackets and the last dot."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return (name if port.isdecimal() and ":" not in name else host).rstrip(".")


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: str, why: str
) -> list[bytes]:
    discard_body(environ)
    body = json.dumps({"title": status.partition(" ")[2], "detail": why}).encode()
    length = str(len(body))
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", length)])
    return [body]
