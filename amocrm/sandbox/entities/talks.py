"""Talks: conversations with a contact (reference 4.23)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.validate import read_optional
from amocrm.sandbox.http.answer import Answer
from amocrm.sandbox.http.problem import ProblemError, not_found

_RESOURCES = {"lead": "leads", "customer": "customers"}


def close(call: Call, number: int) -> Answer:
    """Answer `POST /talks/{id}/close`; the body is optional."""
    talk = call.account.shelf("talks").get(number)
    if talk is None:
        raise ProblemError(404, "Not found")
    read_optional(call.request, {"force_close": "bool"})
    if not talk["is_in_work"]:
        raise ProblemError(422, "The talk is closed")
    call.account.changes.update("talks", talk, dict(talk))
    talk |= {"is_in_work": False, "updated_at": call.now}
    return Answer(202)


def _guard(operation: Operation) -> None:
    is_list = operation.call.request.path.rstrip("/").endswith("/talks")
    if is_list and operation.account.zone != "kommo.com":
        # Only Kommo has the list, since July 2026.
        raise not_found(operation.call.request.method, operation.call.request.url)


def _show(operation: Operation, talk: Entity, listing: ListingQuery) -> Entity:
    shown: Entity = {name: talk[name] for name in TALKS.keys}
    links = operation.account.shelf("contact_chats").values()
    for one in links if talk["contact_id"] is None else ():
        if one["chat_id"] == talk["chat_id"]:
            shown["contact_id"] = one["contact_id"]
    shown["_links"] = {"self": {"href": f"{operation.url}/{talk['talk_id']}"}}
    linked: Entity = {"contacts": [], "leads": [], "customers": []}
    pairs = [("contacts", shown["contact_id"])]
    if talk["entity_type"] is not None:
        pairs.append((_RESOURCES[talk["entity_type"]], talk["entity_id"]))
    for entity_type, number in pairs:
        if number:
            href = f"{operation.call.root}/{entity_type}/{number}"
            linked[entity_type] = [{"id": number, "_links": {"self": {"href": href}}}]
    return {**shown, "_embedded": linked}


TALKS = Collection(
    path="/talks",
    key="talks",
    verbs={"list": Verb(), "one": Verb()},
    keys=(
        *("talk_id", "created_at", "updated_at", "rate", "contact_id", "chat_id", "entity_id"),
        *("entity_type", "is_in_work", "is_read", "origin", "missed_at", "account_id"),
    ),
    defaults={"rate": 0, "is_in_work": True, "is_read": False, "origin": "sandbox"},
    unknown=404,
    guard=_guard,
    show=_show,
)

ROWS = (TALKS, Route("POST", "/talks/<int:number>/close", close))
