"""The status of a connection, for people and for monitoring: which token there is, until when."""

from __future__ import annotations

from typing import NamedTuple

from amocrm.api_limits import REFRESH_TOKEN_SECONDS
from amocrm.auth.token import Freshness, Token


class ConnectionStatus(NamedTuple):
    """The authorization of one account, without its secrets. Instants are Unix seconds.

    Attributes:
        account: host in the settings.
        host: the account's host; another one after the account was renamed.
        account_id: id of the account, which never passes to another account; None while unknown.
        freshness: of the access token: `fresh`, `stale` (the next call refreshes it), `due` (all
            calls wait for the refresh), `expired`; None if there is no token.
        expires_at: when the access token expires; None if unknown.
        renewable: the token can be refreshed without a person.
        refresh_expires_at: when the refresh token expires: three months after it was granted,
            unless it is used before; None without one. Source: reference 2.6.
        unsaved: the token is in memory only, because the store failed.
        refused: amoCRM's reason, if it refused the last refresh; calls go on until the access token
            expires or is answered 401. None if it refused nothing.
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
    """An account: the host in the settings, the current host, the id."""

    name: str
    host: str
    id: int | None


def describe(
    account: Account,
    token: Token | None,
    freshness: Freshness | None,
    *,
    renewable: bool,
    unsaved: bool,
    refused: str | None = None,
) -> ConnectionStatus:
    """Return the status of a token of some freshness."""
    if token is None or freshness is None:
        return ConnectionStatus(*account, None, None, False, None, unsaved, refused)
    granted_at = token.granted_at if token.refresh_token is not None else None
    return ConnectionStatus(
        account=account.name,
        host=account.host,
        account_id=account.id,
        freshness=freshness.value,
        expires_at=token.expires_at,
        renewable=renewable,
        refresh_expires_at=None if granted_at is None else granted_at + REFRESH_TOKEN_SECONDS,
        unsaved=unsaved,
        refused=refused,
    )
