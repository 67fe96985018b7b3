"""Events that messages of a chat leave at its contact (reference 4.16, 5.11)."""

from __future__ import annotations

from amocrm.sandbox.amojo.store import Chat, Message, Scope
from amocrm.sandbox.engine.history import History

ROBOT = 0
"""Author of what a customer or a bot writes (reference 3.6)."""


def record_message(scope: Scope, chat: Chat, message: Message, now: int) -> None:
    """Record a message; a chat that belongs to no contact has no events."""
    account = scope.account
    links = account.shelf("contact_chats").values()
    contact = next((one["contact_id"] for one in links if one["chat_id"] == chat.id), None)
    if contact is None:
        return
    staff = {one.amojo_id: one.id for one in account.users.values()}
    author = message.sender["id"]
    is_outgoing = author in staff or author == scope.channel.bot_id
    kind = "outgoing_chat_message" if is_outgoing else "incoming_chat_message"
    history = History(account, scope.ids, staff.get(author, ROBOT), now)
    value = {"message": {"id": message.id}}
    event = history.record(kind, "contact", contact, after=[value])
    for talk in account.shelf("talks").values():
        if talk["chat_id"] == chat.id and talk["is_in_work"] and talk["entity_type"] is not None:
            event["_talk"] = (talk["entity_type"], talk["entity_id"])
