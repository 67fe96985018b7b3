"""What the account sends to the channel: signed webhooks about its side (reference 8.3)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from amocrm.sandbox.amojo.events import record_message
from amocrm.sandbox.amojo.signatures import sign_hook
from amocrm.sandbox.amojo.store import Chat, Message, Scope
from amocrm.sandbox.data.state import User
from amocrm.sandbox.http.answer import Json

TYPING_SECONDS = 5


@dataclass(frozen=True)
class ChatHook:
    """One call to the channel: POST, once.

    Attributes:
        event: `message`, `typing` or `reaction`.
    """

    address: str
    body: bytes
    headers: dict[str, str] = field(repr=False)
    event: str = "message"


def write(scope: Scope, chat: Chat, user: User, text: str, now: float) -> ChatHook:
    """Write into a chat as a user of the account; return the hook of version 2."""
    msec = int(now * 1000)
    sender: dict[str, Json] = {"id": user.amojo_id, "name": user.name}
    body: dict[str, Json] = {"type": "text", "text": text}
    message = Message(scope.new_id(), None, sender, chat.user, msec, body)
    chat.messages.append(message)
    record_message(scope, chat, message, int(now))
    receiver = {"id": "", "phone": "", "email": "", **(chat.user or {})}
    told: dict[str, Json] = {
        "receiver": receiver,
        "sender": sender,
        "conversation": _conversation(chat),
        "timestamp": msec // 1000,
        "msec_timestamp": msec,
        "message": {
            "id": message.id,
            **body,
            "tag": "",
            "media": "",
            "thumbnail": "",
            "file_name": "",
            "file_size": 0,
        },
    }
    return _hook(scope, "message", {"message": told}, now)


def type_text(scope: Scope, chat: Chat, user: User, now: float) -> ChatHook:
    """Begin to type as a user of the account; return the hook."""
    told: dict[str, Json] = {
        "user": {"id": user.amojo_id},
        "conversation": _conversation(chat),
        "expired_at": int(now) + TYPING_SECONDS,
    }
    return _hook(scope, "typing", {"action": {"typing": told}}, now)


def react(
    scope: Scope, chat: Chat, user: User, message: Message, emoji: str | None, now: float
) -> ChatHook:
    """React to a message as a user of the account, or take it back; return the hook."""
    told: dict[str, Json] = {
        "message": {
            "id": message.id,
            "client_id": message.client_id,
            "timestamp": message.msec // 1000,
            "msec_timestamp": message.msec,
        },
        "user": {"id": user.amojo_id},
        "conversation": _conversation(chat),
        "type": "unreact" if emoji is None else "react",
    }
    if emoji is None:
        message.reactions.pop(user.amojo_id, None)
    else:
        message.reactions[user.amojo_id] = told["emoji"] = emoji
    return _hook(scope, "reaction", {"action": {"reaction": told}}, now)


def _conversation(chat: Chat) -> dict[str, Json]:
    return {"id": chat.id, "client_id": chat.conversation_id}


def _hook(scope: Scope, event: str, told: dict[str, Json], now: float) -> ChatHook:
    whole = {"account_id": scope.account.amojo_id, "time": int(now), **told}
    data = json.dumps(whole, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Signature": sign_hook(scope.channel.secret, data),
    }
    address = scope.channel.hook_url.replace(":scope_id", scope.id)
    return ChatHook(address, data, headers, event)
