"""What the account sends to the channel: a signed hook about a message (reference 8.3)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from amocrm.sandbox.amojo.events import record_message
from amocrm.sandbox.amojo.signatures import sign_hook
from amocrm.sandbox.amojo.store import Chat, Message, Scope
from amocrm.sandbox.data.state import User
from amocrm.sandbox.http.answer import Json


@dataclass(frozen=True)
class ChatHook:
    """One call to the channel: POST, once. The portal makes no calls of its own."""

    address: str
    body: bytes
    headers: dict[str, str] = field(repr=False)


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
        "account_id": scope.account.amojo_id,
        "time": int(now),
        "message": {
            "receiver": receiver,
            "sender": sender,
            "conversation": {"id": chat.id, "client_id": chat.conversation_id},
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
        },
    }
    data = json.dumps(told, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Signature": sign_hook(scope.channel.secret, data),
    }
    return ChatHook(scope.channel.hook_url.replace(":scope_id", scope.id), data, headers)
