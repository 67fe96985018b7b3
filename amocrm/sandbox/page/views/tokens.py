"""Integrations and tokens; no secret is shown."""

from __future__ import annotations

from urllib.parse import urlencode

from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.paging import page_of
from amocrm.sandbox.page.visit import Visit

SHOWN = 50


def tokens(visit: Visit) -> dict[str, Json]:
    """Return the integrations, and the tokens and codes of the account, the latest first."""
    issued = visit.portal.tokens
    shown, paging = page_of(issued.issued(visit.account), visit, SHOWN)
    return {
        "integrations": [
            {
                "client_id": one.client_id,
                "redirect_uri": one.redirect_uri,
                "ending": one.client_secret[-4:],
                "consent": "/oauth?" + urlencode({"client_id": one.client_id, "state": "page"}),
            }
            for one in issued.integrations
        ],
        "tokens": [
            {
                "id": one.id,
                "kind": one.kind,
                "shown": f"…{one.ending}",
                "client_id": one.client_id,
                "user": visit.user(one.user_id),
                "state": one.state,
                "expires": one.expires_at,
            }
            for one in shown
        ],
        "found": paging,
    }
