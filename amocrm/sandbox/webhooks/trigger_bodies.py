"""Bodies of webhooks that a pipeline, a widget or a bot sends (reference 6.4, 9.1, 9.2)."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.webhooks.events import envelope
from amocrm.sandbox.webhooks.form import Tree
from amocrm.sandbox.webhooks.items import CODES

PIPELINE_ACTIONS = {
    "leads": ("call_in", "chat", "site_visit", "mail_in", "status"),
    "customers": ("call_in", "chat", "site_visit", "mail_in", "period"),
}
"""What a "send webhook" step of a pipeline can wait for."""

WIDGET_EVENTS: Mapping[str, int] = {
    **{"lead_added": 1, "lead_status_changed": 14, "lead_appeared_in_status": 15},
    **{"mail_in": 16, "call_in": 17, "site_visit": 18, "chat": 19},
    **{"customer_added": 20, "customer_period_changed": 21, "customer_appeared_in_period": 22},
}
"""`type_code` and `type` of what a widget of the pipeline can wait for."""

DIRECTIONS = ("went_to_trigger", "went_in_trigger", "went_from_trigger")

_KOMMO = {"leads": "lead", "customers": "customer"}


def pipeline_tree(
    account: Account, kind: str, entity: Entity, action: str, old: Mapping[str, int | None]
) -> Tree:
    """Return the form of a "send webhook" step; `old` is the stage before."""
    names = ("pipeline_id", "status_id") if kind == "leads" else ("period_id",)
    # In a sandbox a customer's period is its status.
    now: Tree = {"pipeline_id": entity.get("pipeline_id"), "status_id": entity["status_id"]}
    now["period_id"] = entity["status_id"]
    item: Tree = {"id": entity["id"]}
    for name in names:
        item |= {name: now[name], f"old_{name}": old.get(name)}
    if account.zone == "amocrm.ru":
        return {kind: {action: [item]}, **envelope(account)}
    # Assumed (reference 6.4): Kommo names one entity, and sends no list.
    return {_KOMMO[kind]: {action: item}, **envelope(account)}


def widget_tree(
    account: Account, kind: str, entity: Entity, code: str, direction: str, settings: Tree, now: int
) -> Tree:
    """Return the JSON of a widget's step in a pipeline."""
    data: Tree = {"id": entity["id"], "element_type": CODES[kind]}
    if kind == "leads":
        data |= {"status_id": entity["status_id"], "pipeline_id": entity["pipeline_id"]}
        data["direction_of_movement"] = direction
    else:
        data["period_id"] = entity["status_id"]
    event = {"type": WIDGET_EVENTS[code], "type_code": code, "data": data, "time": now}
    return {
        "event": event,
        "action": {"settings": {"widget": {"settings": settings}}},
        "subdomain": account.subdomain,
        "account_id": account.id,
    }


def bot_claims(
    account: Account, kind: str, number: int, client_id: str, bot_type: str, url: str, now: float
) -> Tree:
    """Return what the token of a bot says (reference 2.13)."""
    return {
        "iss": f"https://{account.host}",
        "aud": url,
        "subdomain": account.subdomain,
        "account_id": account.id,
        "client_uuid": client_id,
        "entity_id": number,
        # Assumed (reference 12.4): numbers, as the official client reads them.
        "entity_type": CODES[kind],
        "bot_type": bot_type,
        # Assumed (reference 2.13): half an hour, as of other tokens of this kind.
        "exp": int(now) + 1800,
    }
