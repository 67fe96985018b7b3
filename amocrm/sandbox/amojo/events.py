"""What a message of a chat leaves in the account: an event at its contact, and a webhook.

Sources: reference 4.16, 5.11, 6.3.
"""

from __future__ import annotations

from amocrm.sandbox.amojo.store import Chat, Message, Scope
from amocrm.sandbox.data.state import Account
from amocrm.sandbox.engine.history import History
from amocrm.sandbox.http.answer import Json

ROBOT = 0
"""Author of what a customer or a bot writes (reference 3.6)."""


def record_message(scope: Scope, chat: Chat, message: Message, now: int) -> None:
    """Record a message; a chat that belongs to no contact has no events."""
    account = scope.account
    staff = {one.amojo_id: one.id for one in account.users.values()}
    author = message.sender["id"]
    is_outgoing = author in staff or author == scope.channel.bot_id
    contact = contact_of(account, chat.id)
    account.changes.add(
        "messages",
        {
            "id": message.id,
            "chat_id": chat.id,
            "contact_id": contact,
            "created_at": message.msec // 1000,
            "is_outgoing": is_outgoing,
            "sender": message.sender,
            "body": message.body,
            "origin": scope.channel.code,
        },
    )
    if contact is None:
        return
    kind = "outgoing_chat_message" if is_outgoing else "incoming_chat_message"
    history = History(account, scope.ids, staff.get(author, ROBOT), now)
    value = {"message": {"id": message.id}}
    event = history.record(kind, "contact", contact, after=[value])
    for talk in account.shelf("talks").values():
        if talk["chat_id"] == chat.id and talk["is_in_work"] and talk["entity_type"] is not None:
            event["_talk"] = (talk["entity_type"], talk["entity_id"])


def contact_of(account: Account, chat_id: Json) -> int | None:
    """Return the contact that a chat belongs to."""
    links = account.shelf("contact_chats").values()
    return next((int(one["contact_id"]) for one in links if one["chat_id"] == chat_id), None)
