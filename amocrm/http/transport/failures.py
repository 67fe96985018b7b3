"""Why no answer came: the exceptions of `requests` and urllib3, told to a person."""

from __future__ import annotations

import ssl
from http.client import IncompleteRead
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import exceptions as urllib3_errors

from amocrm._support.frames import drop_frames, related
from amocrm.http.messages import NoReply

_HANDSHAKE: Final = (
    "CERTIFICATE_VERIFY_FAILED",
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "ALERT_PROTOCOL_VERSION",
    "HANDSHAKE_FAILURE",
    "NO_PROTOCOLS_AVAILABLE",
)
"""Reasons of OpenSSL that can only arise before the first byte of a request is sent."""


OUT_OF_TIME: Final = "its time was up before the answer was whole"


def explain(error: BaseException, url: str, verify: bool | str, *, late: bool = False) -> NoReply:
    """Say what happened when no answer came, and whether anything was sent.

    Only what surely happened before the request left counts as not sent. A connection that closed
    without an answer does not: urllib3 has already replaced the ones it saw to be stale, and of the
    rest nobody knows whether the server had acted.

    Args:
        error: what was raised; it is stripped of what holds secrets.
        url: of the call.
        verify: the authorities that were asked.
        late: the time of the call is up.
    """
    root = _root(error)
    _strip(error)
    if isinstance(root, ssl.SSLError) or isinstance(error, requests.exceptions.SSLError):
        return _explain_tls(error, root, verify)
    if isinstance(error, requests.exceptions.ProxyError) and _before_the_proxy(root):
        return NoReply(False, "the proxy could not be used", "check HTTPS_PROXY", error)
    if isinstance(root, urllib3_errors.NameResolutionError):
        host = urlsplit(url).hostname
        return NoReply(False, f"{host} has no address (DNS)", "check domain and the network", error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return NoReply(False, "the server could not be reached in time", "check the network", error)
    if isinstance(root, urllib3_errors.NewConnectionError):
        return NoReply(
            False, "the connection was refused or has no route", "check the network", error
        )
    if isinstance(error, (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)):
        if late:
            return NoReply(True, OUT_OF_TIME, None, error)
        return NoReply(True, "the server fell silent before the answer was whole", None, error)
    if isinstance(error, _NEVER_SENT):
        return NoReply(
            False, f"the request could not be made ({type(error).__name__})", None, error, True
        )
    if isinstance(error, ValueError):
        # `requests` reads the address of a redirect even if it is not to follow it.
        return NoReply(True, "the answer could not be read", None, error, True)
    return NoReply(True, "the connection broke before the answer was whole", None, error)


def _strip(error: BaseException) -> None:
    """Take from an exception what holds the token and the bodies: frames, requests, half answers.

    Error trackers send the locals of a cause's frames, and whoever serializes it, its attributes.
    """
    drop_frames(error)
    for one in related(error):
        if isinstance(one, requests.RequestException):
            one.request = one.response = None
        if isinstance(one, IncompleteRead) and isinstance(one.partial, bytes):
            one.partial, one.args = b"", ()


_NEVER_SENT: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.MissingSchema,
)


def _before_the_proxy(root: BaseException) -> bool:
    """Tell a proxy that was not reached, or opened no tunnel, from one that broke off later.

    urllib3 calls both by the same name: a connection that a proxy cuts after the request was sent
    is a ProxyError, too.
    """
    unreached = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)
    return isinstance(root, unreached) or str(root).startswith("Tunnel connection failed")


def _root(error: BaseException) -> BaseException:
    """Dig out what `requests` and urllib3 have wrapped: the last reason or first argument."""
    for _ in range(6):
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error


def _explain_tls(error: BaseException, root: BaseException, verify: bool | str) -> NoReply:
    """Say which authorities were asked, and what to do."""
    reason = str(getattr(root, "reason", "") or root)
    if isinstance(root, ssl.SSLCertVerificationError):
        asked = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
        return NoReply(
            False,
            f"the server's certificate is not trusted: {root.verify_message} "
            f"(asked: the authorities in {asked})",
            "behind a company proxy or with a test server, set REQUESTS_CA_BUNDLE, or verify of "
            "your session, to a file with its authority",
            error,
            True,
        )
    sent = not any(mark in reason for mark in _HANDSHAKE)
    hint = "is this an https address?" if "WRONG_VERSION_NUMBER" in reason else None
    return NoReply(sent, f"TLS failed ({reason[:80]})", hint, error, not sent)
