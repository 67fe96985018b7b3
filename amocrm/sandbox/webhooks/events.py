"""Which events a change is, and their bodies (reference 6.2, 6.3).

Several codes may stand for one event on the wire: a contact's new responsible user is `update`.
A subscription that holds any of them gets the event once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from amocrm.sandbox.data.changes import Change
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.webhooks.activity_items import note_item, task_item
from amocrm.sandbox.webhooks.form import Tree, encode_form
from amocrm.sandbox.webhooks.inbound_items import (
    message_item,
    sorted_item,
    talk_item,
    template_item,
    unsorted_item,
)
from amocrm.sandbox.webhooks.items import (
    TYPES,
    customer_item,
    element_item,
    lead_item,
    person_item,
)


@dataclass(frozen=True)
class HookEvent:
    """One event of an account.

    Attributes:
        codes: subscription codes that mean it.
        path: the keys above the item: entity and action.
        item: what is told about the entity.
    """

    codes: tuple[str, ...]
    path: tuple[str, ...]
    item: Tree

    def body(self, account: Account) -> bytes:
        """Return the form body with the envelope of the account."""
        tree: Tree = {self.path[-1]: [self.item]}
        for name in reversed(self.path[:-1]):
            tree = {name: tree}
        return encode_form({**tree, **envelope(account)})


def envelope(account: Account) -> Tree:
    """Return what accompanies every webhook of an account."""
    links = {"self": f"https://{account.host}"}
    return {"account": {"subdomain": account.subdomain, "id": account.id, "_links": links}}


def events_of(change: Change, account: Account) -> Iterator[HookEvent]:
    """Return the events of one change, in the order in which they are sent."""
    kind, entity = change.kind, change.entity
    if kind == "leads":
        yield from _lead_events(change, account)
        yield from _unsorted_updates(change, account)
    elif kind in TYPES:
        yield from _person_events(change, account)
    elif kind == "customers":
        yield from _customer_events(change, account)
    elif kind == "tasks":
        yield from _task_events(change, account)
    elif kind.endswith("/notes"):
        owner = kind.partition("/")[0]
        item: Tree = {"note": note_item(account, owner, entity)}
        item |= {"type": TYPES[owner]} if owner in TYPES else {}
        yield HookEvent((f"note_{SINGULAR[owner]}",), (_WIRE[owner], "note"), item)
    elif kind == "elements":
        item = element_item(entity)
        if change.action == "delete":
            item = {name: item[name] for name in ("id", "catalog_id", "type")}
        code = f"{change.action}_catalog_element"
        yield HookEvent((code,), ("catalogs", change.action), item)
    elif kind == "talks":
        item = talk_item(account, entity)
        yield HookEvent((f"{change.action}_talk",), ("talk", change.action), item)
    elif kind == "messages":
        code = "add_outgoing_message" if entity["is_outgoing"] else "add_message"
        yield HookEvent((code,), ("message", "add"), message_item(account, entity))
    elif kind == "unsorted":
        is_new = change.action == "add"
        item = unsorted_item(account, entity) if is_new else sorted_item(entity)
        yield HookEvent((f"{change.action}_unsorted",), ("unsorted", change.action), item)
    elif kind == "chat_templates":
        yield HookEvent(("add_chat_template_review",), ("add",), template_item(entity))


_WIRE = {
    **{"leads": "leads", "contacts": "contacts", "companies": "contacts"},
    **{"customers": "customers", "tasks": "task"},
}
"""How webhooks name an entity."""


def _lead_events(change: Change, account: Account) -> Iterator[HookEvent]:
    lead, before = change.entity, change.before
    if change.action == "delete":
        item = {name: lead[name] for name in ("id", "status_id", "pipeline_id")}
        yield _plain(change, item)
        return
    yield _plain(change, lead_item(account, lead, before))
    if before is None:
        return
    # Assumed (reference 6.2): a new stage or responsible user is an update as well, sent first.
    if (lead["status_id"], lead["pipeline_id"]) != (before["status_id"], before["pipeline_id"]):
        yield HookEvent(("status_lead",), ("leads", "status"), lead_item(account, lead, before))
    if _is_handed_over(change):
        item = lead_item(account, lead, before)
        item["old_responsible_user_id"] = before["responsible_user_id"]
        yield HookEvent(("responsible_lead",), ("leads", "responsible"), item)


def _unsorted_updates(change: Change, account: Account) -> Iterator[HookEvent]:
    # Assumed (reference 6.2): an incoming lead is updated when its lead is.
    for item in account.shelf("unsorted").values() if change.action == "update" else ():
        if item["_ends"]["leads"] == change.entity["id"] and not item["_outcome"]:
            told = unsorted_item(account, item, is_update=True)
            yield HookEvent(("update_unsorted",), ("unsorted", "update"), told)


def _person_events(change: Change, account: Account) -> Iterator[HookEvent]:
    kind = change.kind
    if change.action == "delete":
        yield _plain(change, {"id": change.entity["id"], "type": TYPES[kind]})
        return
    item = person_item(account, kind, change.entity)
    yield _with_handover(change, item)


def _customer_events(change: Change, account: Account) -> Iterator[HookEvent]:
    before, item = change.before, customer_item(account, change.entity)
    if change.action == "delete":
        yield _plain(change, {"id": change.entity["id"]})
        return
    if change.action == "restore":
        return  # There is no code for it.
    yield _plain(change, item)
    if before is not None and _is_handed_over(change):
        item = {**item, "old_responsible_user_id": before["responsible_user_id"]}
        yield HookEvent(("responsible_customer",), ("customers", "responsible"), item)


def _task_events(change: Change, account: Account) -> Iterator[HookEvent]:
    if change.action == "delete":
        yield _plain(change, {"id": change.entity["id"]})
    elif change.action != "restore":
        yield _with_handover(change, task_item(account, change.entity, change.before))


def _plain(change: Change, item: Tree) -> HookEvent:
    code = f"{change.action}_{SINGULAR[change.kind]}"
    return HookEvent((code,), (_WIRE[change.kind], change.action), item)


def _with_handover(change: Change, item: Tree) -> HookEvent:
    """Return an update that a change of the responsible user is a part of."""
    plain = _plain(change, item)
    before: Entity | None = change.before
    if before is None or not _is_handed_over(change):
        return plain
    codes = (*plain.codes, f"responsible_{SINGULAR[change.kind]}")
    item = {**item, "old_responsible_user_id": before["responsible_user_id"]}
    return HookEvent(codes, plain.path, item)


def _is_handed_over(change: Change) -> bool:
    before = change.before
    name = "responsible_user_id"
    return before is not None and before[name] != change.entity[name]
