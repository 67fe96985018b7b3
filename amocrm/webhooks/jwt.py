"""Signs and verifies JSON web tokens with a shared secret: HS256 and HS512.

The algorithm is the caller's; a token that names another one is refused, `none` too. Source:
reference 2.13.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from amocrm._support.numbers import instant
from amocrm.errors import ConfigurationError, WebhookError
from amocrm.http.messages import Json
from amocrm.http.reply_body import NotJSONError
from amocrm.http.reply_body import parse as parse_json
from amocrm.http.signing_key import key_of

Algorithm: TypeAlias = Literal["HS256", "HS512"]

SKEW: Final = 60.0
"""Seconds by which the clocks of amoCRM and of this machine may differ."""

LONGEST: Final = 8_192
"""Characters of a token; amoCRM's have less than a thousand."""

_DIGESTS: Final[Mapping[Algorithm, str]] = {"HS256": "sha256", "HS512": "sha512"}


def sign(claims: Mapping[str, Json], secret: str, algorithm: Algorithm = "HS256") -> str:
    """Return a token with some claims.

    >>> sign({"sub": "1"}, "secret")[:36]
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9'

    Raises:
        ConfigurationError: the secret is malformed.
    """
    signed = f"{_write({'alg': algorithm, 'typ': 'JWT'})}.{_write(claims)}"
    return f"{signed}.{_signature(signed, secret, algorithm)}"


def verify(
    token: str, secret: str, algorithm: Algorithm = "HS256", *, now: float, skew: float = SKEW
) -> dict[str, Json]:
    """Return the claims of a token that was signed with a secret and is valid now.

    The signature is checked first, in constant time; nothing else is told of a forged token.

    Args:
        token: as it came.
        secret: of the integration.
        algorithm: the only one that is accepted.
        now: Unix seconds.
        skew: seconds by which the clocks may differ.

    Raises:
        WebhookError: the token is malformed, forged, or not valid now.
        ConfigurationError: the secret or the time is malformed.
    """
    if instant(now) is None or instant(skew) is None:
        raise ConfigurationError("now and skew must be seconds")
    if not isinstance(token, str) or not token:
        raise WebhookError("the webhook has no token")
    parts = token.split(".") if len(token) <= LONGEST and token.isascii() else []
    if len(parts) != 3:
        raise WebhookError("the token is not a JSON web token")
    head, body, given = parts
    expected = _signature(f"{head}.{body}", secret, algorithm)
    if _read(head).get("alg") != algorithm:
        raise WebhookError(f"the token is not signed with {algorithm}")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise WebhookError(
            "the signature of the token is wrong",
            hint="was client_secret replaced in amoCRM? A stranger may have made it, too",
        )
    claims = _read(body)
    _check_time(claims, now, skew)
    return claims


def _check_time(claims: Mapping[str, Json], now: float, skew: float) -> None:
    begin, issued, end = (_seconds(claims.get(name, 0)) for name in ("nbf", "iat", "exp"))
    if begin is None or issued is None or not end:
        raise WebhookError("the token does not say when it is valid")
    if now >= end + skew:
        raise WebhookError("the token has expired", hint="is the clock right?")
    if now < max(begin, issued) - skew:
        raise WebhookError("the token is not valid yet", hint="is the clock right?")


def _seconds(value: Json) -> float | None:
    return None if isinstance(value, str) else instant(value)


def _signature(signed: str, secret: str, algorithm: Algorithm) -> str:
    if algorithm not in _DIGESTS:
        raise ConfigurationError("the algorithm of a token must be HS256 or HS512")
    digest = getattr(hashlib, _DIGESTS[algorithm])
    return _base64(hmac.new(key_of(secret), signed.encode(), digest).digest())


def _write(value: Mapping[str, Json]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(part: str) -> dict[str, Json]:
    """Decode a part of a token; empty unless it is a JSON object."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
        found = parse_json(raw)
    except (binascii.Error, NotJSONError):
        return {}
    return found if isinstance(found, dict) else {}
