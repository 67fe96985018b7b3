"""The way to the account's host: proxy, DNS, connection and TLS, and the clocks at both ends."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, NamedTuple, cast
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

from amocrm._support.clock import Clock, read_http_date
from amocrm.cli.doctor.finding import DAY, Finding, day, failed
from amocrm.cli.texts import tr
from amocrm.http.messages import Json

PATIENCE: Final = 5.0
"""Seconds to wait for a connection, and for its answer."""

SLIGHT_SKEW: Final = 5.0
"""Seconds by which clocks may differ: the answer tells whole seconds, and takes a while."""
GREAT_SKEW: Final = 60.0
"""Seconds from which on signed webhooks are refused, and tokens are refreshed too late."""
CERTIFICATE_DAYS: Final = 14

_PORTS: Final = {"http": 80, "https": 443}
_CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

Resolve = Callable[[str, int], list[str]]


class Greeting(NamedTuple):
    """What one request without a token has shown.

    Attributes:
        tls: the protocol's version; empty without TLS.
        issuer: who has issued the host's certificate.
        valid_until: Unix seconds until which the certificate is valid; None without TLS.
        date: header of the answer; None if it has none.
        asked_at, answered_at: Unix seconds by this machine's clock.
    """

    tls: str
    issuer: str
    valid_until: float | None
    date: str | None
    asked_at: float
    answered_at: float


def port_of(origin: str) -> int:
    """Return the port of an origin."""
    parts = urlsplit(origin)
    return parts.port or _PORTS[parts.scheme]


def find_proxy(origin: str) -> str | None:
    """Return the URL of the proxy that the environment sets for an origin; None if it sets none."""
    parts = urlsplit(origin)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return None if not found or proxy_bypass(parts.netloc) else found


def check_proxy(proxy: str | None) -> Finding:
    """Tell which proxy is used; its password is not shown."""
    if proxy is None:
        return Finding("proxy", "ok", tr("none", "нет"))
    parts = _proxy_parts(proxy)
    if parts is None:
        return Finding(
            "proxy", "failed",
            tr("its address is no URL", "его адрес — не URL"),
            tr("correct HTTPS_PROXY, for example http://proxy.example.com:3128",
               "исправьте HTTPS_PROXY, например http://proxy.example.com:3128"),
        )  # fmt: skip
    return Finding("proxy", "ok", f"{parts.scheme}://{parts.hostname}:{parts.port or 80}")


def check_dns(host: str, port: int, proxy: str | None, resolve: Resolve | None = None) -> Finding:
    """Look the host up."""
    if proxy is not None:
        return Finding("dns", "skipped", tr("the proxy does it", "адрес ищет прокси"))
    try:
        addresses = (resolve or _resolve)(host, port)
    except OSError as error:
        advice = tr(
            "check the name of the account and the DNS server of this machine",
            "проверьте имя аккаунта и DNS-сервер этой машины",
        )
        found = failed("dns", error, advice)
        return found._replace(found=f"{host}: {found.found}")
    return Finding("dns", "ok", f"{host}: {', '.join(addresses[:4])}")


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def ca_file(variables: Mapping[str, str]) -> str:
    """Return the file or folder of the certificates that are trusted, as `requests` takes it."""
    return next((path for name in _CA_VARIABLES if (path := variables.get(name))), certifi.where())


def greet(origin: str, proxy: str | None, clock: Clock, variables: Mapping[str, str]) -> Greeting:
    """Ask the host for nothing, without a token.

    Raises:
        OSError, HTTPException: there is no connection, or no answer.
    """
    connection = _connection(urlsplit(origin), proxy, variables)
    try:
        connection.connect()
        plain = proxy is not None and origin.startswith("http:")
        asked_at = clock.time()
        connection.request("HEAD", f"{origin}/" if plain else "/")
        date = connection.getresponse().getheader("Date")
        answered_at = clock.time()
        return Greeting(*_certificate(connection.sock), date, asked_at, answered_at)
    finally:
        connection.close()


def check_connection(
    greeting: Greeting | Exception, now: float, variables: Mapping[str, str]
) -> Finding:
    """Tell whether the host can be reached, and whose certificate it has."""
    if isinstance(greeting, Exception):
        return _unreachable(greeting, variables)
    if greeting.valid_until is None:
        return Finding("connection", "ok", tr("without TLS", "без TLS"))
    ca = ca_file(variables)
    shown = f"{greeting.tls}, {greeting.issuer}, {day(greeting.valid_until)}; CA: {ca}"
    if greeting.valid_until - now < CERTIFICATE_DAYS * DAY:
        return Finding(
            "connection", "warning", shown,
            tr("the certificate ends soon: is the clock of this machine right?",
               "сертификат скоро истекает: верны ли часы этой машины?"),
        )  # fmt: skip
    return Finding("connection", "ok", shown)


def check_clock(greeting: Greeting | Exception) -> Finding:
    """Compare this machine's clock with the host's."""
    date = None if isinstance(greeting, Exception) else greeting.date
    if isinstance(greeting, Exception) or date is None:
        return Finding(
            "clock", "skipped", tr("no answer tells the time", "нет ответа, время не узнать")
        )
    there = read_http_date(date)
    if there is None:
        return Finding("clock", "skipped", tr("the answer tells no time", "в ответе нет времени"))
    # The time of an answer is cut to whole seconds.
    ahead = (greeting.asked_at + greeting.answered_at) / 2 - (there + 0.5)
    shown = tr(f"{ahead:+.0f} s to the server", f"{ahead:+.0f} с относительно сервера")
    advice = tr("synchronize the clock of this machine (NTP)", "синхронизируйте часы машины (NTP)")
    if abs(ahead) <= SLIGHT_SKEW:
        return Finding("clock", "ok", shown)
    return Finding("clock", "warning" if abs(ahead) <= GREAT_SKEW else "failed", shown, advice)


def _unreachable(error: Exception, variables: Mapping[str, str]) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Finding(
            "connection", "failed", f"TLS: {error.verify_message}; CA: {ca_file(variables)}",
            tr("something between here and amoCRM has a certificate of its own, or the clock is "
               "wrong: let REQUESTS_CA_BUNDLE name the CA of your network",
               "между вами и amoCRM кто-то подставляет свой сертификат, или неверны часы: "
               "укажите CA вашей сети в REQUESTS_CA_BUNDLE"),
        )  # fmt: skip
    if isinstance(error, ssl.SSLError):
        return failed("connection", error, tr("is it a proxy?", "не прокси ли это?"))
    if isinstance(error, TimeoutError):
        found = tr(f"no answer within {PATIENCE:.0f} s", f"нет ответа за {PATIENCE:.0f} с")
        return Finding("connection", "failed", found, _firewall())
    return failed("connection", error, _firewall())


def _firewall() -> str:
    return tr(
        "check the firewall and the proxy (HTTPS_PROXY)",
        "проверьте межсетевой экран и прокси (HTTPS_PROXY)",
    )


def _connection(
    parts: SplitResult, proxy: str | None, variables: Mapping[str, str]
) -> HTTPConnection:
    host, port = parts.hostname or "", port_of(parts.geturl())
    via = None if proxy is None else _proxy_parts(proxy)
    if proxy is not None and (via is None or via.scheme != "http"):
        raise HTTPException(tr("this kind of proxy cannot be tried", "такой прокси не проверить"))
    there = (host, port) if via is None else (via.hostname or "", via.port or 80)
    if parts.scheme == "http":
        return HTTPConnection(*there, timeout=PATIENCE)
    connection = HTTPSConnection(*there, timeout=PATIENCE, context=_context(ca_file(variables)))
    if via is not None:
        connection.set_tunnel(host, port, _proxy_headers(via))
    return connection


def _context(ca: str) -> ssl.SSLContext:
    folder, file = (ca, None) if os.path.isdir(ca) else (None, ca)
    return ssl.create_default_context(cafile=file, capath=folder)


def _proxy_parts(proxy: str) -> SplitResult | None:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        _ = parts.port  # It is read now, and may be none.
    except ValueError:
        return None
    return parts if parts.hostname else None


def _proxy_headers(via: SplitResult) -> dict[str, str]:
    if via.username is None:
        return {}
    pair = f"{unquote(via.username)}:{unquote(via.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _certificate(sock: object) -> tuple[str, str, float | None]:
    """Return TLS's version, the issuer and the end of a connection's certificate."""
    if not isinstance(sock, ssl.SSLSocket):
        return "", "", None
    found = cast("Mapping[str, Json]", sock.getpeercert() or {})
    issuer = {name: value for group in found.get("issuer", ()) for name, value in group}
    end = ssl.cert_time_to_seconds(str(found["notAfter"])) if "notAfter" in found else None
    name = issuer.get("organizationName") or issuer.get("commonName") or "?"
    return sock.version() or "TLS", str(name), end
