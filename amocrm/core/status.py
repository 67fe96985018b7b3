"""What is held of an authorisation, and how long it lasts: for people, and for monitoring."""

from __future__ import annotations

from typing import NamedTuple

from amocrm.core.token import Token
from amocrm.limits import REFRESH_TOKEN_SECONDS


class Status(NamedTuple):
    """The authorisation of one account, without its secrets. Instants are Unix seconds.

    Attributes:
        account: host that the settings name.
        host: host where the account answers; another one after it was renamed.
        freshness: of the access token: `fresh`, `stale` (the next call renews it), `due` (all calls
            wait for that), `expired`; None if there is no token.
        expires_at: when the access token dies; None if nobody said.
        renewable: it can be renewed without a person.
        refresh_expires_at: when the refresh token dies, three months after it was granted, unless
            it is used before; None without one. Source: reference 2.6.
        unsaved: the pair is in memory only, because the store failed.
    """

    account: str
    host: str
    freshness: str | None
    expires_at: float | None
    renewable: bool
    refresh_expires_at: float | None
    unsaved: bool


def describe(
    account: str, host: str, token: Token | None, now: float, *, renewable: bool, unsaved: bool
) -> Status:
    """Tell what is known of a token at an instant."""
    if token is None:
        return Status(account, host, None, None, False, None, unsaved)
    granted_at = token.granted_at if token.refresh_token is not None else None
    return Status(
        account=account,
        host=host,
        freshness=token.freshness(now).value,
        expires_at=token.expires_at,
        renewable=renewable,
        refresh_expires_at=None if granted_at is None else granted_at + REFRESH_TOKEN_SECONDS,
        unsaved=unsaved,
    )
