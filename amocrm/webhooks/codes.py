"""The names of events: when subscribing (`status_lead`), on the wire (`leads/status`), in the API.

Source: reference 6.2, 6.4, 9.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from amocrm.http.messages import Json


class EventCode(NamedTuple):
    """One kind of event.

    Attributes:
        code: the name used to subscribe and to route. Those of pipelines cannot be subscribed to;
            their names are made in the same way, or are amoCRM's `type_code`.
        wire: entity and action on the wire.
        type: the item's `type`, where several entities share a name on the wire.
        entity: the resource's name.
        action: what happened.
    """

    code: str
    wire: str
    type: str
    entity: str
    action: str


_MOST: Final = "add update delete restore responsible note"

_TOLD_AS_UPDATE: Final = ("contacts/responsible", "task/responsible")
"""Not sent under this name, but as an `update` that has `old_responsible_user_id`."""


def _codes(noun: str, wire: str, type_: str, entity: str, actions: str) -> tuple[EventCode, ...]:
    names = {action: f"{wire}/{action}" for action in actions.split()}
    for action, name in names.items():
        if name in _TOLD_AS_UPDATE:
            names[action] = f"{wire}/update"
    return tuple(
        EventCode(f"{action}_{noun}", name, type_, entity, action) for action, name in names.items()
    )


ACCOUNT: Final = (
    *_codes("lead", "leads", "", "leads", "add update delete restore status responsible note"),
    *_codes("contact", "contacts", "contact", "contacts", _MOST),
    *_codes("company", "contacts", "company", "companies", _MOST),
    *_codes("customer", "customers", "", "customers", "add update delete responsible note"),
    *_codes("task", "task", "", "tasks", "add update delete responsible"),
    *_codes("unsorted", "unsorted", "", "unsorted", "add update delete"),
    *_codes("talk", "talk", "", "talks", "add update"),
    EventCode("add_message", "message/add", "incoming", "messages", "add"),
    EventCode("add_outgoing_message", "message/add", "outgoing", "messages", "add"),
    EventCode("add_chat_template_review", "add", "waba", "chat_templates", "add"),
)
"""Events of account webhooks. Source: reference 6.2."""

PIPELINE: Final = (
    *_codes("lead", "leads", "", "leads", "call_in chat site_visit mail_in status"),
    *_codes("customer", "customers", "", "customers", "call_in chat site_visit mail_in period"),
)
"""Events of a "send webhook" trigger of a pipeline. Source: reference 6.4."""

WIDGET: Final = (
    EventCode("lead_added", "lead_added", "", "leads", "add"),
    EventCode("lead_status_changed", "lead_status_changed", "", "leads", "status"),
    EventCode("lead_appeared_in_status", "lead_appeared_in_status", "", "leads", "status"),
    EventCode("customer_added", "customer_added", "", "customers", "add"),
    EventCode("customer_period_changed", "customer_period_changed", "", "customers", "period"),
    EventCode(
        "customer_appeared_in_period", "customer_appeared_in_period", "", "customers", "period"
    ),
    *(EventCode(name, name, "", "", name) for name in ("mail_in", "call_in", "site_visit", "chat")),
)
"""Events of a widget in a pipeline; of those without an entity, the event names it. Source:
reference 9.2."""

OTHER: Final = (
    EventCode("widget_request", "widget_request", "", "", "widget_request"),
    EventCode("chat_message", "message", "", "messages", "add"),
    EventCode("chat_typing", "action/typing", "", "messages", "typing"),
    EventCode("chat_reaction", "action/reaction", "", "messages", "reaction"),
    EventCode("install", "install", "", "", "install"),
    EventCode("uninstall", "uninstall", "", "", "uninstall"),
)
"""Events of bots and chats, and of an integration's life. Source: reference 9.1, 8.3, 2.3, 2.12."""

CODES: Final = frozenset(one.code for one in (*ACCOUNT, *PIPELINE, *WIDGET, *OTHER))
"""Every code that is known."""

ELEMENT_TYPES: Final[Mapping[str, int]] = {
    "contacts": 1, "leads": 2, "companies": 3, "tasks": 4, "customers": 12,
}  # fmt: skip
"""Entities, with the numbers that the API's second version has for them."""

_ENTITIES: Final[Mapping[str, str]] = {
    **{str(number): entity for entity, number in ELEMENT_TYPES.items()},
    "lead": "leads", "contact": "contacts", "company": "companies", "customer": "customers",
}  # fmt: skip
"""Entities by those numbers, and by their names in tokens of bots."""

_CATALOG: Final = ("catalogs", "catalog_elements")
"""The name of elements on the wire, and in the API. Their codes are not published."""

_SINGULAR: Final = {"lead": "leads", "customer": "customers"}
"""Names that Kommo's page of pipeline webhooks has. Source: reference 6.4."""

_BY_WIRE: Final = {
    (one.wire.partition("/")[0], one.type, one.action): one for one in (*PIPELINE, *ACCOUNT)
}

_RESOURCES: Final = {(one.wire.partition("/")[0], one.type): one.entity for one in ACCOUNT}

_DEFAULT_TYPES: Final = {"contacts": "contact", "message": "incoming"}
"""Of items whose `type` is missing or unknown."""


def find(entity: str, action: str, item: Mapping[str, Json]) -> EventCode:
    """Return the event of an entity and an action on the wire; one with the wire's name at least.

    >>> find("contacts", "update", {"type": "company", "old_responsible_user_id": "7"}).code
    'responsible_company'
    >>> find("leads", "future", {}).code
    'leads/future'
    """
    wire = f"{entity}/{action}" if action else entity
    name = _SINGULAR.get(entity, entity)
    if name == _CATALOG[0]:
        return EventCode(wire, wire, "", _CATALOG[1], action)
    type_ = item.get("type") if name in _DEFAULT_TYPES or not action else ""
    if not isinstance(type_, str) or (name, type_) not in _RESOURCES:
        type_ = _DEFAULT_TYPES.get(name, "")
    if action == "update" and f"{name}/responsible" in _TOLD_AS_UPDATE and _is_handed_over(item):
        action = "responsible"
    known = _BY_WIRE.get((name, type_, action or name))
    if known is not None:
        return known._replace(wire=wire)
    return EventCode(wire, wire, "", _RESOURCES.get((name, type_), ""), action or name)


def of_chat(wire: str) -> EventCode:
    """Return the event of the Chats API; one with the wire's name at least."""
    action = wire.partition("/")[2]
    known = (one for one in OTHER if one.wire == wire)
    return next(known, EventCode(wire, wire, "", "messages", action))


def element_type(value: Json) -> str:
    """Return the entity of a number of the API's second version, or of a bot's word; or nothing."""
    return _ENTITIES.get(str(value), "") if isinstance(value, (str, int)) else ""


def _is_handed_over(item: Mapping[str, Json]) -> bool:
    """Tell whether an item was given to another responsible user."""
    before = str(item.get("old_responsible_user_id") or "")
    now = item.get("responsible_user_id") or item.get("main_user")
    return bool(before) and before != str(now or "")
