"""Chats of contacts (reference 4.7).

Chats themselves are made through the Chats API; the account keeps them on its shelf `chats`.
"""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import many, numbers
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_query
from amocrm.sandbox.http.problem import ProblemError


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if operation.call.request.headers.get("Cookie"):
        # Assumed (reference 4.7): how a call with session cookies is refused.
        raise ProblemError(403, "Forbidden")
    if model.get("contact_id", 0) not in (0, *operation.account.shelf("contacts")):
        errors.no_choice("contact_id")
    taken = [one["chat_id"] for one in operation.shelf.values()]
    chat = model.get("chat_id")
    if chat is not None and (chat not in operation.account.shelf("chats") or chat in taken):
        errors.no_choice("chat_id")


def _select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
    if not {"contact_id", "chat_id"} & set(listing.tree):
        raise refuse_query("FieldMissing", "contact_id")
    return found


CHATS = Collection(
    path="/contacts/chats",
    key="chats",
    verbs={
        # Assumed (reference 4.7): the list has no pages, and reading it needs no administrator.
        "list": Verb(),
        "create": Verb(shape=("id", "chat_id", "contact_id"), admin=True),
    },
    keys=("id", "chat_id", "contact_id"),
    create={"contact_id": "int!", "chat_id": "string!"},
    shelf="contact_chats",
    ids="contact_chats",
    bare={"contact_id": numbers("contact_id"), "chat_id": many("chat_id")},
    paged=False,
    check=_check,
    select=_select,
)

ROWS = (CHATS,)
