"""What is held of an authorisation, and how long it lasts: for people, and for monitoring."""

from __future__ import annotations

from typing import NamedTuple

from amocrm.api_limits import REFRESH_TOKEN_SECONDS
from amocrm.auth.token import Token


class ConnectionStatus(NamedTuple):
    """The authorisation of one account, without its secrets. Instants are Unix seconds.

    Attributes:
        account: host that the settings name.
        account_id: the account's id, which no other account ever bears; None while nobody knows it.
        host: host where the account answers; another one after it was renamed.
        freshness: of the access token: `fresh`, `stale` (the next call renews it), `due` (all calls
            wait for that), `expired`; None if there is no token.
        expires_at: when the access token dies; None if nobody said.
        renewable: it can be renewed without a person.
        refresh_expires_at: when the refresh token dies, three months after it was granted, unless
            it is used before; None without one. Source: reference 2.6.
        unsaved: the pair is in memory only, because the store failed.
        refused: what amoCRM said when the pair was last to be renewed, if it said no; calls go on
            until the access token expires or is answered 401. None if it said nothing of the kind.
    """

    account: str
    host: str
    account_id: int | None
    freshness: str | None
    expires_at: float | None
    renewable: bool
    refresh_expires_at: float | None
    unsaved: bool
    refused: str | None = None


class Account(NamedTuple):
    """Whose authorisation it is: the name that was given, the host, the id."""

    name: str
    host: str
    id: int | None


def describe(
    account: Account,
    token: Token | None,
    now: float,
    *,
    renewable: bool,
    unsaved: bool,
    refused: str | None = None,
) -> ConnectionStatus:
    """Tell what is known of a token at an instant."""
    if token is None:
        return ConnectionStatus(*account, None, None, False, None, unsaved, refused)
    granted_at = token.granted_at if token.refresh_token is not None else None
    return ConnectionStatus(
        account=account.name,
        host=account.host,
        account_id=account.id,
        freshness=token.freshness(now).value,
        expires_at=token.expires_at,
        renewable=renewable,
        refresh_expires_at=None if granted_at is None else granted_at + REFRESH_TOKEN_SECONDS,
        unsaved=unsaved,
        refused=refused,
    )
