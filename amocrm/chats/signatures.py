"""Signs and verifies requests and webhooks of the Chats API.

Source: reference 8.1, 8.3.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

from amocrm._support.numbers import finite
from amocrm.errors import ConfigurationError, WebhookError
from amocrm.http.signing_key import key_of

JSON_TYPE: Final = "application/json"
"""The only content type that the Chats API accepts."""

WINDOW: Final = 900.0
"""Seconds by which a signed `Date` may differ from now."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DATE: Final = re.compile(
    r"(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|([+-])([0-9]{2})([0-9]{2}))"
)


class Signed(NamedTuple):
    """The signed parts of a request, each as it is sent; a part that is not sent is empty."""

    method: str
    md5: str
    kind: str
    date: str
    path: str

    @property
    def text(self) -> bytes:
        """The signed text: five lines."""
        text = "\n".join((self.method.upper(), *self[1:]))
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # Half a surrogate pair, which cannot come over the network.
            return text.encode("utf-8", "replace")


def sign_request(secret: str, signed: Signed) -> str:
    """Return the `X-Signature` of a request: the lower-case hex of an HMAC-SHA1.

    >>> sign_request("secret", Signed(
    ...     "POST", "99914b932bd37a50b983c5e7c90ae93b", "application/json",
    ...     "Wed, 15 Dec 2021 12:30:00 +0000", "/v2/origin/custom/chan/connect",
    ... ))
    '2291f2d34048bb28e82f86fc599852d4ab7c300b'
    """
    return _hmac(secret, signed.text)


def request_headers(secret: str, method: str, path: str, body: bytes, now: float) -> dict[str, str]:
    """Return the four headers of a signed request.

    Args:
        secret: of the channel.
        method: upper or lower case.
        path: as it is sent, without host and query.
        body: as it is sent; empty for none.
        now: Unix seconds.
    """
    signed = Signed(method, body_md5(body), JSON_TYPE, write_date(now), path)
    return {
        "Date": signed.date,
        "Content-Type": signed.kind,
        "Content-MD5": signed.md5,
        "X-Signature": sign_request(secret, signed),
    }


def verify_request(
    secret: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: float | None = None,
) -> None:
    """Check that a request was signed with a secret, in constant time.

    Args:
        secret: of the channel.
        method: upper or lower case.
        path: as it was sent, without host and query.
        headers: with the names of `request_headers`, or a case-insensitive mapping.
        body: as it was sent.
        now: Unix seconds, from which `Date` may differ by `WINDOW`; None accepts any date.

    Raises:
        WebhookError: the signature is wrong, or that of another body or date, or cannot be read.
        ConfigurationError: the secret or `now` is malformed.
    """
    if now is not None and finite(now) is None:
        raise ConfigurationError("now must be Unix seconds")
    if not isinstance(headers, Mapping) or not isinstance(body, (bytes, bytearray)):
        raise WebhookError(
            "the request cannot be read", hint="pass its headers as a mapping and its body as bytes"
        )
    names = ("X-Signature", "Content-MD5", "Content-Type", "Date")
    given, md5, kind, date = (_text(headers.get(name)) for name in names)
    signed = Signed(_text(method), md5, kind, date, _text(path))
    if not _equal(given, sign_request(secret, signed)):
        raise WebhookError("the signature of the request is wrong")
    if not _equal(md5, body_md5(body)):
        raise WebhookError("the body of the request is not the signed one")
    if now is not None:
        at = read_date(date)
        if at is None or abs(at - now) > WINDOW:
            raise WebhookError("the request was signed at another time", hint="is the clock right?")


def sign_hook(secret: str, body: bytes) -> str:
    """Return the `X-Signature` of a webhook to the channel: over its raw body only.

    >>> sign_hook("secret", b"{}")
    '5d61605c3feea9799210ddcb71307d4ba264225f'
    """
    return _hmac(secret, body)


def verify_hook(secret: str, body: bytes, signature: str | None) -> None:
    """Check that a webhook was signed with the channel's secret, in constant time.

    Raises:
        WebhookError: the signature is wrong or missing.
        ConfigurationError: the secret is malformed.
    """
    if not isinstance(body, (bytes, bytearray)):
        raise WebhookError("the body of the webhook must be bytes", hint="verify the raw bytes")
    if not isinstance(signature, str) or not _equal(signature, sign_hook(secret, body)):
        raise WebhookError(
            "the signature of the webhook is wrong",
            hint="verify the raw bytes, as received, with the secret of this channel",
        )


def body_md5(body: bytes) -> str:
    """Return the `Content-MD5` of a body: the lower-case hex of its bytes' MD5."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def write_date(now: float) -> str:
    """Return Unix seconds as a `Date` of the API, in English for any locale.

    >>> write_date(1639571400)
    'Wed, 15 Dec 2021 12:30:00 +0000'
    """
    at = datetime(1970, 1, 1) + timedelta(seconds=int(now))
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def read_date(text: str) -> float | None:
    """Return the Unix seconds of an RFC 2822 date; None if it is malformed."""
    parts = _DATE.fullmatch(text)
    if parts is None or parts[2] not in _MONTHS:
        return None
    month = _MONTHS.index(parts[2]) + 1
    day, year, hour, minute, second = (int(parts[at]) for at in (1, 3, 4, 5, 6))
    ahead = timedelta(hours=int(parts[8] or 0), minutes=int(parts[9] or 0))
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
        return (at - (-ahead if parts[7] == "-" else ahead)).timestamp()
    except (ValueError, OverflowError):
        return None


def _hmac(secret: str, text: bytes) -> str:
    return hmac.new(key_of(secret), text, hashlib.sha1).hexdigest()


def _text(value: object) -> str:
    """Return a part of a request; an empty text if it is not a string."""
    return value if isinstance(value, str) else ""


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
