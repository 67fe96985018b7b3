"""A token pair as a value: its parts, its freshness, its plain form for JSON.

All instants are Unix seconds. Source: reference 2.5, 2.6, 2.8.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm._support.frames import frameless
from amocrm._support.numbers import finite, instant
from amocrm.api_limits import ACCESS_TOKEN_SECONDS
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json

REFRESH_EARLY: Final = 900.0
"""Seconds before expiry from which one thread refreshes a token; the others go on with it."""

REFRESH_SPREAD: Final = 4 * 3600.0
"""Seconds over which the early refreshes of an integration's accounts are spread: ten thousand that
were installed in one hour would otherwise be renewed in one hour of each day. Every pair has its
own instant, so each day they are spread a little more."""

_SPREAD_PART: Final = 6
"""The spread is at most this part of a token's life, so that no new token is refreshed at once."""

REFRESH_MARGIN: Final = 300.0
"""Seconds before expiry from which all threads wait for the refresh, so that no call is sent with a
token that expires on the way; longer than a call may wait for the rate limiter."""

_HIGHEST_ID: Final = 10**18
"""Above every account id of amoCRM, and within the range of every store."""

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


class Freshness(enum.Enum):
    """How close a token is to its expiry: use it, refresh it early, refresh it now, expired."""

    FRESH = "fresh"
    STALE = "stale"
    DUE = "due"
    EXPIRED = "expired"


class Claims(NamedTuple):
    """The claims of an access token that this library reads; None for each that is missing.

    Attributes:
        account_id: id of the account that the token opens.
        issued_at: when the token was granted, by amoCRM's clock.
        expires_at: when the token expires.
        api_domain: shared API host that knows the account's current host. Source: reference 1.1.
    """

    account_id: int | None = None
    issued_at: float | None = None
    expires_at: float | None = None
    api_domain: str | None = None


class Token:
    """A token pair, or a long-lived access token.

    Attributes:
        access_token: sent with every call.
        refresh_token: used once, to get the next pair; None for a long-lived token.
        expires_at: when `access_token` expires; None if unknown.
        extra: the other fields of the response (`token_type`, `expires_in`, `server_time`, ...).
        claims: read from `access_token`; not compared.
    """

    __slots__ = ("access_token", "claims", "expires_at", "extra", "refresh_token")

    def __init__(
        self,
        access_token: str,
        refresh_token: str | None = None,
        expires_at: float | None = None,
        extra: Mapping[str, Json] | None = None,
    ) -> None:
        self.access_token = access_token
        self.refresh_token = refresh_token
        self.expires_at = expires_at
        self.extra: Mapping[str, Json] = {} if extra is None else extra
        # Read once: a refresh compares the claims of the same pair several times.
        self.claims: Claims = read_claims(access_token)

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Token):
            return NotImplemented
        return (self.access_token, self.refresh_token, self.expires_at, self.extra) == (
            other.access_token, other.refresh_token, other.expires_at, other.extra,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.access_token)

    def freshness(self, now: float, spread: float = 0.0) -> Freshness:
        """Return how fresh the token is at an instant; without a known expiry it is fresh.

        Args:
            now: Unix seconds.
            spread: seconds by which it may be stale earlier. All processes that share a pair draw
                the same part of them from it.
        """
        if self.expires_at is None or now < self.expires_at - REFRESH_EARLY - spread:
            return Freshness.FRESH
        if spread and now < self.expires_at - REFRESH_EARLY - self._share_of(spread):
            return Freshness.FRESH
        if now < self.expires_at - REFRESH_MARGIN:
            return Freshness.STALE
        return Freshness.DUE if now < self.expires_at else Freshness.EXPIRED

    def _share_of(self, spread: float) -> float:
        life = _lifetime(self.extra.get("expires_in")) or ACCESS_TOKEN_SECONDS
        digest = hashlib.sha256((self.refresh_token or "").encode()).digest()
        drawn = int.from_bytes(digest[:8], "big") / 2**64
        return min(spread, life / _SPREAD_PART) * drawn

    def is_older_than(self, other: Token) -> bool:
        """Return whether the other pair was certainly granted later than this one.

        amoCRM's clock decides, if both access tokens have its time. Otherwise the expiries decide,
        which come from the clocks of the machines that stored the pairs and may differ.
        """
        ours, theirs = self.claims.issued_at, other.claims.issued_at
        if ours is None or theirs is None:
            ours, theirs = self.expires_at, other.expires_at
        return ours is not None and theirs is not None and ours < theirs

    @property
    def account_id(self) -> int | None:
        """The id of the account that the access token opens; None if it has no such claim."""
        return self.claims.account_id

    @property
    def issued_at(self) -> float | None:
        """When the pair was granted, by amoCRM's clock; None if there is no such claim."""
        return self.claims.issued_at

    @property
    def granted_at(self) -> float | None:
        """When the pair was granted, from its claims or its expiry; None if unknown."""
        if self.issued_at is not None:
            return self.issued_at
        if self.expires_at is None:
            return None
        return self.expires_at - (_lifetime(self.extra.get("expires_in")) or ACCESS_TOKEN_SECONDS)

    def as_dict(self) -> dict[str, Json]:
        """Return the plain form, for `json.dumps` and `read_token`."""
        plain: dict[str, Json] = {**self.extra, "access_token": self.access_token}
        if self.refresh_token is not None:
            plain["refresh_token"] = self.refresh_token
        if self.expires_at is not None:
            plain["expires_at"] = self.expires_at
        return plain


@frameless
def read_token(data: object) -> Token:
    """Read a token from its plain form, as stored by this library or by amocrm-js.

    Shape:
        {"access_token": str, "refresh_token": str?, "expires_at": seconds?, ...}

    `expires_at` may be a number or a numeric string, in seconds or, as amocrm-js writes it, in
    milliseconds. Without it, the `exp` claim of the access token is used.

    Raises:
        ConfigurationError: it is not a token; the message names the wrong field.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(
            f"a token must be a dict, not {_type_name(data)}",
            hint="pass the dict of connection.get_token() or connection:newToken",
        )
    fields: dict[str, Json] = {str(key): value for key, value in data.items()}
    access = _secret(fields.pop("access_token", None), "access_token")
    refresh = fields.pop("refresh_token", None)
    expires_at = _instant(fields.pop("expires_at", None))
    return Token(
        access_token=access,
        refresh_token=None if refresh is None else _secret(refresh, "refresh_token"),
        expires_at=expires_at if expires_at is not None else read_claims(access).expires_at,
        extra=fields,
    )


@frameless
def granted(data: Mapping[str, Json], asked_at: float) -> Token:
    """Read the token pair that the token endpoint has granted.

    Shape:
        {"token_type": "Bearer", "expires_in": 86400, "server_time": int?, "access_token": str,
         "refresh_token": str}

    Args:
        data: the decoded response.
        asked_at: the instant *before* the request was sent: the lifetime counts from there, so a
            slow response never makes a token look younger than it is.

    Raises:
        ConfigurationError: one of the two tokens is missing or malformed.
    """
    fields = dict(data)
    access = _secret(fields.pop("access_token", None), "access_token")
    refresh = _secret(fields.pop("refresh_token", None), "refresh_token")
    lifetime = _lifetime(data.get("expires_in"))
    if lifetime is None and (claimed := read_claims(access).expires_at) is not None:
        return Token(access, refresh, claimed, fields)
    return Token(access, refresh, math.floor(asked_at) + (lifetime or ACCESS_TOKEN_SECONDS), fields)


def _lifetime(value: object) -> float | None:
    """Read `expires_in`; None if it is malformed. A granted pair is never dropped because of it."""
    seconds = instant(value)
    if not seconds:
        return None
    return int(seconds) if seconds == int(seconds) else seconds


def jwt_payload(access_token: str) -> Mapping[str, Json]:
    """Decode the payload of an access token; empty if the token is not a JWT.

    The signature is not checked: amoCRM publishes no key, and no decision about access depends on
    the payload. Source: reference 2.8.
    """
    parts = access_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        decoded = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def read_claims(access_token: str) -> Claims:
    """Read the claims of an access token; malformed ones are None."""
    payload = jwt_payload(access_token)
    if not payload:
        return Claims()
    domain = payload.get("api_domain")
    return Claims(
        known_id(payload.get("account_id")),
        _moment(payload.get("iat")),
        _moment(payload.get("exp")),
        domain if isinstance(domain, str) else None,
    )


def client_id_of(access_token: str) -> str:
    """Tell which integration an access token is of; a digest of it, if it does not say.

    Source: reference 2.8 (`aud`).
    """
    audience = jwt_payload(access_token).get("aud")
    return audience if isinstance(audience, str) and audience else fingerprint(access_token)


def known_id(value: object) -> int | None:
    """Read an account's id; None if the value is not a valid one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < _HIGHEST_ID else None


def _moment(value: object) -> float | None:
    return instant(value) if isinstance(value, (int, float)) else None


def is_visible(value: object) -> bool:
    """Return whether a value can be a token or a code: a string of ASCII without spaces."""
    return isinstance(value, str) and bool(_VISIBLE.fullmatch(value))


def fingerprint(secret: str | None) -> str:
    """Return twelve characters that identify a secret and do not reveal it; empty for None.

    OAuth's secrets are long and random, so nobody can find one by trying.
    """
    if secret is None:
        return ""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:12]


def _secret(value: object, name: str) -> str:
    """Accept a token that can be sent in a header. No message shows it."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the token has no {name}")
    if not _VISIBLE.fullmatch(value):
        raise ConfigurationError(
            f"{name} must have ASCII characters only, without spaces and line breaks"
        )
    return value


def _instant(value: object) -> float | None:
    """Read `expires_at` in each form that programs store."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ConfigurationError(f"expires_at must be a number of seconds, not {_type_name(value)}")
    number = finite(value)
    if number is None or number < 0:
        raise ConfigurationError("expires_at must be an instant in Unix seconds")
    seconds = number / 1000 if instant(number) is None else number
    return int(seconds) if seconds == int(seconds) else seconds


def _type_name(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
