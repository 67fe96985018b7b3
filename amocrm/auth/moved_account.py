"""Looks up the new host of a renamed account: the call, and how its response is read.

Source: reference 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm.auth.token import Token
from amocrm.http.hosts import Portal, is_account_host
from amocrm.http.messages import Call, Json, NoReply, Reply, Timeout
from amocrm.http.reply_body import NotJSONError, decode

LOOKUP_PATH: Final = "/oauth2/account/current/subdomain"


def lookup_call(portal: Portal, token: Token, timeout: Timeout) -> Call | None:
    """Return the call that asks for the account's current host; None if no host can answer it.

    It sends the refresh token, and does not use it up.
    """
    origin = portal.lookup(token.claims.api_domain)
    if origin is None:
        return None
    return Call(
        "GET",
        origin + LOOKUP_PATH,
        LOOKUP_PATH,
        {"X-Refresh-Token": str(token.refresh_token), "Accept": "application/json"},
        timeout=timeout,
        private=True,
    )


def moved_portal(portal: Portal, outcome: Reply | NoReply | None) -> Portal | None:
    """Return the portal at the account's new host; None if it has not moved, or nothing is known.

    Args:
        portal: the portal at the old host.
        outcome: the response to the lookup; None if it was not sent.
    """
    if not isinstance(outcome, Reply) or outcome.status != 200:
        return None
    try:
        host = new_host(decode(outcome))
    except NotJSONError:
        return None
    return portal.moved(host) if host is not None and host != portal.account else None


def new_host(data: Json) -> str | None:
    """Read the account's host from the lookup; None unless it is a host of amoCRM's accounts.

    Shape:
        {"id": int, "subdomain": str, "domain": "example.amocrm.ru", "top_level_domain": "ru"}
    """
    domain = data.get("domain") if isinstance(data, Mapping) else None
    return domain if isinstance(domain, str) and is_account_host(domain) else None
