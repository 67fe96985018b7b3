"""The grant as a value: what it holds, how fresh it is, and its plain form for JSON.

All instants are Unix seconds. Source: reference 2.5, 2.6, 2.8.
"""

from __future__ import annotations

import base64
import binascii
import enum
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from amocrm._support.frames import frameless
from amocrm._support.numbers import finite, instant
from amocrm.api_limits import ACCESS_TOKEN_SECONDS
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

RENEW_EARLY: Final = 900.0
"""Seconds before expiry from which one caller renews a token; the others go on with it."""

RENEW_MARGIN: Final = 300.0
"""Seconds before expiry from which everybody waits for its renewal, so that no call leaves with a
dying token; longer than a call may stand in the queue of the rate limiter."""

_HIGHEST_ID: Final = 10**18
"""Above every id that amoCRM will ever give, and within what every store can hold."""

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


class Freshness(enum.Enum):
    """How far a token is from its expiry: good, to be renewed early, now, or too late."""

    FRESH = "fresh"
    STALE = "stale"
    DUE = "due"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Token:
    """One grant of access.

    Attributes:
        access_token: sent with every call.
        refresh_token: spent once to get the next grant; None for a long-lived token.
        expires_at: when `access_token` dies; None if nobody said.
        extra: whatever else the answer held (`token_type`, `expires_in`, `server_time`, ...).
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    extra: Mapping[str, Json] = field(default_factory=dict, repr=False)

    def freshness(self, now: float) -> Freshness:
        """Tell how fresh the token is at an instant; one without known expiry is fresh."""
        if self.expires_at is None or now < self.expires_at - RENEW_EARLY:
            return Freshness.FRESH
        if now < self.expires_at - RENEW_MARGIN:
            return Freshness.STALE
        return Freshness.DUE if now < self.expires_at else Freshness.EXPIRED

    def is_older_than(self, other: Token) -> bool:
        """Tell whether another pair was surely granted later: by amoCRM's clock, if both say so.

        The clocks of the machines that saved them may differ; they count where nothing else does.
        """
        ours, theirs = self.issued_at, other.issued_at
        if ours is None or theirs is None:
            ours, theirs = self.expires_at, other.expires_at
        return ours is not None and theirs is not None and ours < theirs

    @property
    def issued_at(self) -> float | None:
        """When the pair was granted, in Unix seconds of amoCRM's clock; None if it is not told."""
        return _moment(self.access_token, "iat")

    @property
    def granted_at(self) -> float | None:
        """When the pair was granted, in Unix seconds; None if nothing tells."""
        if (issued := self.issued_at) is not None:
            return issued
        if self.expires_at is None:
            return None
        return self.expires_at - (_lifetime(self.extra.get("expires_in")) or ACCESS_TOKEN_SECONDS)

    def as_dict(self) -> dict[str, Json]:
        """Return the plain form that `json.dumps` takes and `read_token` reads."""
        plain: dict[str, Json] = {**self.extra, "access_token": self.access_token}
        if self.refresh_token is not None:
            plain["refresh_token"] = self.refresh_token
        if self.expires_at is not None:
            plain["expires_at"] = self.expires_at
        return plain


@frameless
def read_token(data: object) -> Token:
    """Read a token from its plain form, as saved by this library or by amocrm-js.

    Shape:
        {"access_token": str, "refresh_token": str?, "expires_at": seconds?, ...}

    `expires_at` may be a number or a numeric string, in seconds or, as amocrm-js writes it, in
    milliseconds. When it is missing, the token's own `exp` claim serves.

    Raises:
        ConfigurationError: it is not a token; the message names the part that is wrong.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(
            f"a token is a dict, not {_kind(data)}",
            hint="pass what connection.get_token() or connection:newToken gave",
        )
    fields: dict[str, Json] = {str(key): value for key, value in data.items()}
    access = _secret(fields.pop("access_token", None), "access_token")
    refresh = fields.pop("refresh_token", None)
    expires_at = _instant(fields.pop("expires_at", None))
    return Token(
        access_token=access,
        refresh_token=None if refresh is None else _secret(refresh, "refresh_token"),
        expires_at=expires_at if expires_at is not None else claimed_expiry(access),
        extra=fields,
    )


@frameless
def granted(data: Mapping[str, Json], asked_at: float) -> Token:
    """Read the token endpoint's answer.

    Shape:
        {"token_type": "Bearer", "expires_in": 86400, "server_time": int?, "access_token": str,
         "refresh_token": str}

    Args:
        data: the decoded answer.
        asked_at: the moment *before* the grant was asked for: the age counts from there, so a slow
            answer never makes a token look younger than it is.

    Raises:
        ConfigurationError: a token is missing or is not what it should be.
    """
    fields = dict(data)
    access = _secret(fields.pop("access_token", None), "access_token")
    refresh = _secret(fields.pop("refresh_token", None), "refresh_token")
    lifetime = _lifetime(data.get("expires_in"))
    if lifetime is None and (claimed := claimed_expiry(access)) is not None:
        return Token(access, refresh, claimed, fields)
    return Token(access, refresh, math.floor(asked_at) + (lifetime or ACCESS_TOKEN_SECONDS), fields)


def _lifetime(value: object) -> float | None:
    """Read `expires_in`; None if it is no use. A pair is never thrown away for its form."""
    seconds = instant(value)
    if not seconds:
        return None
    return int(seconds) if seconds == int(seconds) else seconds


def claims(access_token: str) -> Mapping[str, Json]:
    """Read what an access token says of itself; empty if it is not a JWT.

    The signature is not checked: amoCRM publishes no key, and nothing is granted on the strength
    of these claims. Source: reference 2.8.
    """
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        read = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def claimed_expiry(access_token: str) -> float | None:
    """Tell when an access token says it dies; None if it does not say."""
    return _moment(access_token, "exp")


def account_id(access_token: str) -> int | None:
    """Tell whose account an access token opens; None if it does not say."""
    return known_id(claims(access_token).get("account_id"))


def known_id(value: object) -> int | None:
    """Read an account's id; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < _HIGHEST_ID else None


def _moment(access_token: str, claim: str) -> float | None:
    moment = claims(access_token).get(claim)
    return None if isinstance(moment, str) else instant(moment)


def api_domain(access_token: str) -> str | None:
    """Tell which shared host knows the account's whereabouts. Source: reference 1.1."""
    domain = claims(access_token).get("api_domain")
    return domain if isinstance(domain, str) else None


def is_visible(value: object) -> bool:
    """Tell whether a value is a text that can be a token or a code: ASCII without spaces."""
    return isinstance(value, str) and bool(_VISIBLE.fullmatch(value))


def _secret(value: object, name: str) -> str:
    """Accept a token that can travel in a header; never show it."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the token has no {name}")
    if not _VISIBLE.fullmatch(value):
        raise ConfigurationError(f"{name} holds spaces, line breaks or letters no token has")
    return value


def _instant(value: object) -> float | None:
    """Read `expires_at` in any of the forms people store."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ConfigurationError(f"expires_at is {_kind(value)}, not a number of seconds")
    number = finite(value)
    if number is None or number < 0:
        raise ConfigurationError("expires_at is not an instant in Unix seconds")
    seconds = number / 1000 if instant(number) is None else number
    return int(seconds) if seconds == int(seconds) else seconds


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
