"""The first page, and the list of the HTTP actions."""

from __future__ import annotations

from amocrm.sandbox.control.action import PREFIX, Action
from amocrm.sandbox.control.actions import ACTIONS
from amocrm.sandbox.control.listing import curl_example
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.views.settings import is_ill
from amocrm.sandbox.page.visit import Visit


def overview(visit: Visit) -> dict[str, Json]:
    """Return the accounts, and how the portal is."""
    portal = visit.portal
    address = portal.rate_limiter.scopes.get("address")
    return {
        "overview": [_account(one) for one in portal.accounts],
        "state": {
            "time": portal.clock.time(),
            "requests": portal.counters["requests"],
            "busiest": 0 if address is None else address.busiest,
            "limit": portal.rate_limiter.rps,
            "deliveries": len(portal.webhooks.deliveries),
            "faults": is_ill(portal),
            "has_data": bool(visit.account.entities["leads"]),
        },
    }


def actions(visit: Visit) -> dict[str, Json]:
    """Return the HTTP actions by the first part of their addresses."""
    column = "ru" if visit.language == "ru" else "en"
    groups: dict[str, list[Entity]] = {}
    for one in ACTIONS:
        name = one.path.removeprefix(PREFIX).partition("/")[0]
        groups.setdefault(f"{PREFIX}{name}", []).append(_action(one, column, visit.origin))
    return {"groups": list(groups.items())}


def _action(one: Action, column: str, origin: str) -> Entity:
    return {
        "name": one.name,
        "method": one.method,
        "path": one.path,
        "text": getattr(one, column),
        "curl": curl_example(one, origin),
        "parameters": [
            {
                "name": each.name,
                "type": each.type,
                "required": each.required,
                "choices": each.choices,
                "text": getattr(each, column),
            }
            for each in one.parameters
        ],
    }


def _account(one: Account) -> Entity:
    return {
        "id": one.id,
        "name": one.subdomain,
        "host": one.host,
        "is_paid": one.is_paid,
        "former": sorted(one.former),
        "users": [user.name for user in one.users.values()],
        **{
            kind: sum(1 for each in one.entities[kind].values() if not each["is_deleted"])
            for kind in ("leads", "contacts", "companies")
        },
    }
