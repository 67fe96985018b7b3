"""Signatures of the Chats API: of requests and of hooks; each signed and verified by a pair.

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
"""The only content type that the Chats API takes."""

WINDOW: Final = 900.0
"""Seconds for which a signed `Date` is good."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DATE: Final = re.compile(
    r"(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|([+-])([0-9]{2})([0-9]{2}))"
)


class Signed(NamedTuple):
    """What is signed of a request, each as it is sent; what is not sent is empty."""

    method: str
    md5: str
    kind: str
    date: str
    path: str

    @property
    def text(self) -> bytes:
        """The signed text: five parts on lines of their own."""
        text = "\n".join((self.method.upper(), *self[1:]))
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # Half a character, which no wire has brought.
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
        secret: the channel's.
        method: in any case.
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
        secret: the channel's.
        method: in any case.
        path: as it was sent, without host and query.
        headers: by the names that `request_headers` gives them, or without regard to case.
        body: as it was sent.
        now: Unix seconds, which `Date` may be `WINDOW` away from; None takes any date.

    Raises:
        WebhookError: it was not, or its body or date is another, or it cannot be read.
        ConfigurationError: the secret or `now` is none.
    """
    if now is not None and finite(now) is None:
        raise ConfigurationError("now must be Unix seconds")
    if not isinstance(headers, Mapping) or not isinstance(body, (bytes, bytearray)):
        raise WebhookError(
            "the request cannot be read", hint="give its headers as a mapping, its body as bytes"
        )
    names = ("X-Signature", "Content-MD5", "Content-Type", "Date")
    given, md5, kind, date = (_text(headers.get(name)) for name in names)
    signed = Signed(_text(method), md5, kind, date, _text(path))
    if not _equal(given, sign_request(secret, signed)):
        raise WebhookError("the signature of the request does not fit")
    if not _equal(md5, body_md5(body)):
        raise WebhookError("the body of the request is not the one that was signed")
    if now is not None:
        at = read_date(date)
        if at is None or abs(at - now) > WINDOW:
            raise WebhookError("the request was signed at another time", hint="is the clock right?")


def sign_hook(secret: str, body: bytes) -> str:
    """Return the `X-Signature` of a hook to the channel: over its raw body alone.

    >>> sign_hook("secret", b"{}")
    '5d61605c3feea9799210ddcb71307d4ba264225f'
    """
    return _hmac(secret, body)


def verify_hook(secret: str, body: bytes, signature: str | None) -> None:
    """Check that a hook was signed with the channel's secret, in constant time.

    Raises:
        WebhookError: it was not, or has no signature.
        ConfigurationError: the secret is none.
    """
    if not isinstance(body, (bytes, bytearray)):
        raise WebhookError("the body of the hook is no bytes", hint="verify the raw bytes")
    if not isinstance(signature, str) or not _equal(signature, sign_hook(secret, body)):
        raise WebhookError(
            "the signature of the hook does not fit",
            hint="verify the raw bytes, as they came, with the secret of that very channel",
        )


def body_md5(body: bytes) -> str:
    """Return the `Content-MD5` of a body: the lower-case hex of its bytes' MD5."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def write_date(now: float) -> str:
    """Return Unix seconds as the API dates its requests, in any language of the machine.

    >>> write_date(1639571400)
    'Wed, 15 Dec 2021 12:30:00 +0000'
    """
    at = datetime(1970, 1, 1) + timedelta(seconds=int(now))
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def read_date(text: str) -> float | None:
    """Return the Unix seconds of a date as RFC 2822 writes them; None if it is none."""
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
    """Return a part of a request that is text; what is none is as good as not there."""
    return value if isinstance(value, str) else ""


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
