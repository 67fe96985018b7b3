"""Explains why no response arrived: exceptions of `requests` and urllib3 as one line of text."""

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
"""Errors of OpenSSL that occur only before the first byte of a request is sent."""

TIMED_OUT: Final = "the call timed out before the response was complete"


def explain(error: BaseException, url: str, verify: bool | str, *, late: bool = False) -> NoReply:
    """Return why no response arrived, and whether the request may have been received.

    A request counts as not sent only if the error certainly occurred before. A connection that
    closed without a response is not such an error: urllib3 replaces stale connections itself, and
    the server may have acted on any other.

    Args:
        error: the exception; secrets are removed from it.
        url: of the call.
        verify: the certificate authorities in use.
        late: whether the total timeout of the call has passed.
    """
    root = _root(error)
    _strip(error)
    if isinstance(root, ssl.SSLError) or isinstance(error, requests.exceptions.SSLError):
        return _explain_tls(error, root, verify)
    if isinstance(error, requests.exceptions.ProxyError) and _before_the_proxy(root):
        return NoReply(
            False,
            "the proxy could not be reached, or refused the tunnel",
            "check HTTPS_PROXY",
            error,
        )
    if isinstance(root, urllib3_errors.NameResolutionError):
        host = urlsplit(url).hostname
        return NoReply(
            False, f"DNS found no address of {host}", "check domain and the network", error
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return NoReply(False, "connect timed out", "check the network", error)
    if isinstance(root, urllib3_errors.NewConnectionError):
        return NoReply(
            False, "the connection was refused or has no route", "check the network", error
        )
    if isinstance(error, (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)):
        if late:
            return NoReply(True, TIMED_OUT, None, error)
        return NoReply(True, "read timed out", None, error)
    if isinstance(error, _NEVER_SENT):
        return NoReply(
            False, f"the request is not valid ({type(error).__name__})", None, error, True
        )
    if isinstance(error, ValueError):
        # `requests` parses the URL of a redirect even if it does not follow it.
        return NoReply(True, "the response could not be read", None, error, True)
    return NoReply(True, "the connection closed before the response was complete", None, error)


def _strip(error: BaseException) -> None:
    """Remove tokens and bodies from an exception: frames, requests and partial responses.

    Error trackers send the local variables of its frames, and serializers its attributes.
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
    """Tell whether a proxy failed before the request was sent: unreachable, or no tunnel.

    urllib3 also raises ProxyError if a proxy closes the connection after the request was sent.
    """
    unreached = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)
    return isinstance(root, unreached) or str(root).startswith("Tunnel connection failed")


def _root(error: BaseException) -> BaseException:
    """Return the innermost error that `requests` and urllib3 have wrapped."""
    for _ in range(6):
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error


def _explain_tls(error: BaseException, root: BaseException, verify: bool | str) -> NoReply:
    """Return why TLS failed, which authorities were in use, and what to do."""
    reason = str(getattr(root, "reason", "") or root)
    if isinstance(root, ssl.SSLCertVerificationError):
        authorities = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
        return NoReply(
            False,
            f"the server's certificate is not trusted: {root.verify_message} "
            f"(certificate authorities: {authorities})",
            "behind a company proxy or with a test server, set REQUESTS_CA_BUNDLE, or verify of "
            "your session, to a file with its certificate authority",
            error,
            True,
        )
    sent = not any(mark in reason for mark in _HANDSHAKE)
    hint = "check that the server uses https" if "WRONG_VERSION_NUMBER" in reason else None
    return NoReply(sent, f"TLS failed ({reason[:80]})", hint, error, not sent)
