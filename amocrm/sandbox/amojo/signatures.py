"""Signatures of the Chats API: of requests, and of hooks (reference 8.1, 8.3)."""

from __future__ import annotations

import hashlib
import hmac
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from amocrm.sandbox.amojo.problem import bad_signature, invalid
from amocrm.sandbox.http.request import IncomingRequest

KIND = "application/json"
DATE_SECONDS = 900
"""How far `Date` may be from the portal's clock, to either side (reference 8.1)."""


def check_signature(request: IncomingRequest, secret: str, now: float) -> None:
    """See that a request is signed as reference 8.1 says.

    Raises:
        ChatRefusedError: 403; 400 when everything is signed, but the body is said to be no JSON.
    """
    md5, kind, date, signature = (
        request.headers.get(name, "")
        for name in ("Content-MD5", "Content-Type", "Date", "X-Signature")
    )
    path = quote(request.path, safe="/!$&'()*+,;=:@~")
    wanted = sign_request(secret, request.method, md5, kind, date, path)
    if not hmac.compare_digest(signature.encode(), wanted.encode()):
        raise bad_signature()
    # Assumed (reference 8.1): a wrong Content-MD5 and an old Date count as a wrong signature.
    body_md5 = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
    if md5 != body_md5 or not _is_fresh(date, now):
        raise bad_signature()
    if kind != KIND:
        raise invalid(f"Content-Type must be {KIND}")


def sign_request(secret: str, method: str, md5: str, kind: str, date: str, path: str) -> str:
    """Return the signature of a request.

    >>> sign_request(
    ...     "secret", "POST", "99914b932bd37a50b983c5e7c90ae93b", "application/json",
    ...     "Wed, 15 Dec 2021 12:30:00 +0000", "/v2/origin/custom/chan/connect",
    ... )
    '2291f2d34048bb28e82f86fc599852d4ab7c300b'
    """
    return _hmac(secret, "\n".join((method.upper(), md5, kind, date, path)).encode("latin-1"))


def sign_hook(secret: str, body: bytes) -> str:
    """Return the signature of a hook: over the raw body alone."""
    return _hmac(secret, body)


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha1).hexdigest()


def _is_fresh(date: str, now: float) -> bool:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return False
    # Without a zone a date means no moment.
    return moment.tzinfo is not None and abs(moment.timestamp() - now) <= DATE_SECONDS
