"""Subscribing receivers by hand: what the account's administrator would do."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.routes import dispatch
from amocrm.sandbox.entities.webhooks import CODES
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest
from amocrm.sandbox.oauth.tokens import Grant

ORIGIN = "https://testserver"
"""Where apps of this process are mounted: the host that test clients of frameworks use."""


def check_codes(codes: Iterable[str]) -> list[str]:
    """Return the codes of a subscription.

    Raises:
        ValueError: there are none, or one of them is unknown.
    """
    wanted = list(codes)
    if not wanted:
        raise ValueError("a subscription needs at least one code, such as 'add_lead'")
    for code in wanted:
        if code not in CODES:
            near = difflib.get_close_matches(str(code), CODES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the codes are {', '.join(CODES)}"
            raise ValueError(f"no webhook has the code {code!r}; {hint}")
    return wanted


def check_url(url: str) -> str:
    """Return the address of a receiver.

    Raises:
        ValueError: it is no address of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a receiver must be an app, or a URL that begins with http:// or https://")
    return url


def subscribe(
    account: Account, ids: Ids, client_id: str, now: int, url: str, codes: list[str]
) -> None:
    """Add a subscription, as a request of the administrator does; the caller holds the lock.

    Raises:
        ProblemError: the API would refuse it, too.
    """
    if not account.has_webhooks:
        raise ProblemError(402, "Payment required")
    body = {"destination": url, "settings": codes}
    request = IncomingRequest.of_json("POST", account.host, "/api/v4/webhooks", body)
    grant = Grant(client_id, account.id, account.admin.id)
    dispatch(Call(request, account, grant, now, ids, Counter()))
