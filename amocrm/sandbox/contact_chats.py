"""Which chat belongs to which contact (reference 4.7)."""

from __future__ import annotations

from amocrm.sandbox.collection import Collection, Verb
from amocrm.sandbox.desk import Desk
from amocrm.sandbox.faults import Faults, refuse_query
from amocrm.sandbox.listing import Wish
from amocrm.sandbox.problem import ProblemError
from amocrm.sandbox.sieve import many
from amocrm.sandbox.state import Entity


def _guard(desk: Desk) -> None:
    if desk.call.ask.method == "POST" and desk.call.ask.headers.get("Cookie"):
        raise ProblemError(403, "Forbidden")  # Assumed (reference 4.7): how cookies are refused.


def _select(desk: Desk, found: list[Entity], wish: Wish) -> list[Entity]:
    if not {"contact_id", "chat_id"} & set(wish.tree):
        raise refuse_query("FieldMissing", "contact_id")
    return found


def _check(desk: Desk, model: Entity, entity: Entity | None, faults: Faults) -> None:
    if model.get("contact_id", 0) not in (0, *desk.account.shelf("contacts")):
        faults.no_choice("contact_id")
    if "chat_id" in model:
        taken = {one["chat_id"] for one in desk.shelf.values()}
        if model["chat_id"] in taken or model["chat_id"] not in desk.account.shelf("chats"):
            faults.no_choice("chat_id")


def _make(desk: Desk, model: Entity) -> Entity:
    for talk in desk.account.shelf("talks").values():
        if talk["chat_id"] == model["chat_id"]:
            talk["contact_id"] = model["contact_id"]
    return desk.make(model)


CHATS = Collection(
    path="/contacts/chats",
    key="chats",
    verbs={
        "list": Verb(),
        "create": Verb(shape=("id", "chat_id", "contact_id"), admin=True),
    },
    keys=("id", "chat_id", "contact_id"),
    create={"contact_id": "int!", "chat_id": "string!"},
    shelf="contact_chats",
    ids="contact_chats",
    bare={"contact_id": many("contact_id"), "chat_id": many("chat_id")},
    paged=False,
    guard=_guard,
    check=_check,
    select=_select,
    make=_make,
)

ROWS = (CHATS,)
