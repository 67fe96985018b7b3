"""Messages and the history of a chat (reference 8.2)."""

from __future__ import annotations

from amocrm.sandbox.amojo.call import ScopeCall
from amocrm.sandbox.amojo.events import record_message
from amocrm.sandbox.amojo.models import check_event
from amocrm.sandbox.amojo.problem import invalid, refuse
from amocrm.sandbox.amojo.store import Chat, Message, Scope
from amocrm.sandbox.data.fixtures import put
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json, json_answer

HISTORY_LIMIT = 50
"""Most messages of one answer (reference 8.2)."""

_SHOWN = ("type", "text", "media", "file_name", "file_size", "location", "contact")


def take_event(call: ScopeCall) -> Answer:
    """Answer `POST /{scope}`: a new message, or a changed one."""
    body = call.body()
    refuse(check_event(body))
    payload = body["payload"]
    if body["event_type"] == "new_message":
        chat, message = _new(call, payload)
    else:
        chat, message = _edited(call, payload)
    told = {"conversation_id": chat.id, "sender_id": message.sender["id"]}
    if message.receiver is not None:
        told["receiver_id"] = message.receiver["id"]
    # The names are the reverse of those of the request.
    told |= {"msgid": message.id, "ref_id": message.client_id}
    return json_answer({"new_message": told}, kind="application/json")


def history(call: ScopeCall, name: str) -> Answer:
    """Answer `GET /{scope}/chats/{conversation}/history`: the newest first."""
    query = dict(call.request.pairs())
    offset = _number(query, "offset", 0)
    limit = _number(query, "limit", HISTORY_LIMIT)
    if not 1 <= limit <= HISTORY_LIMIT:
        raise invalid(f"limit: from 1 to {HISTORY_LIMIT}")
    chat = call.scope.chat(name)
    found = list(reversed(chat.messages))[offset : offset + limit] if chat else []
    if not found:
        return NO_CONTENT  # Assumed (reference 8.2): for an unknown chat, too.
    shown = [_shown(one) for one in found]
    return json_answer({"messages": shown}, kind="application/json")


def _new(call: ScopeCall, payload: dict[str, Json]) -> tuple[Chat, Message]:
    scope = call.scope
    sender, receiver = _people(scope, payload)
    customer = sender if "ref_id" not in payload["sender"] else receiver
    chat = _chat(scope, payload, customer)
    # Assumed (reference 8.2): the same msgid is the same message, sent again after a lost answer.
    message = chat.message(None, payload["msgid"])
    if message is None:
        message = Message(
            id=scope.new_id(),
            client_id=payload["msgid"],
            sender=sender,
            receiver=receiver,
            msec=payload["msec_timestamp"],
            body=payload["message"],
        )
        chat.messages.append(message)
        _open_talk(call, chat)
        record_message(scope, chat, message, call.now)
    return chat, message


def _open_talk(call: ScopeCall, chat: Chat) -> None:
    # Assumed (reference 4.23): a message begins a talk, unless one is in work.
    account = call.scope.account
    talks = account.shelf("talks").values()
    if any(one["chat_id"] == chat.id and one["is_in_work"] for one in talks):
        return
    talk = {"chat_id": chat.id, "origin": call.scope.channel.code}
    put(account, call.scope.ids, "talks", talk, call.now)


def _people(
    scope: Scope, payload: dict[str, Json]
) -> tuple[dict[str, Json], dict[str, Json] | None]:
    wanted, receiver = payload["sender"], payload.get("receiver")
    if "ref_id" not in wanted:
        # Assumed (reference 8.2): an incoming message names no receiver.
        if receiver is not None:
            raise invalid("payload.receiver: This field was not expected.")
        return scope.known_user(wanted), None
    staff = [one.amojo_id for one in scope.account.users.values()]
    if wanted["ref_id"] not in (*staff, scope.channel.bot_id):
        raise invalid("payload.sender.ref_id: The value you selected is not a valid choice.")
    if receiver is None:
        raise invalid("payload.receiver: This field is missing.")
    sender = {"id": wanted["ref_id"], "client_id": wanted["id"], "name": wanted["name"]}
    return sender, scope.known_user(receiver)


def _chat(scope: Scope, payload: dict[str, Json], customer: dict[str, Json] | None) -> Chat:
    reference = payload.get("conversation_ref_id")
    if reference is None:
        return scope.open_chat(payload["conversation_id"], customer)
    # The first answer to a chat that was begun in the account: it learns the integrator's id.
    chat = scope.chat(reference)
    if chat is None:
        raise invalid("payload.conversation_ref_id: The value you selected is not a valid choice.")
    scope.chats = {
        payload["conversation_id"] if one is chat else name: one
        for name, one in scope.chats.items()
    }
    chat.conversation_id = payload["conversation_id"]
    return chat


def _edited(call: ScopeCall, payload: dict[str, Json]) -> tuple[Chat, Message]:
    chat = call.scope.chats.get(payload["conversation_id"])
    message = None if chat is None else chat.message(payload.get("id"), payload.get("msgid"))
    if chat is None or message is None:
        # Assumed (reference 8.2): 404 is not documented for messages.
        raise invalid("payload.msgid: The value you selected is not a valid choice.")
    message.body = payload["message"]
    if "delivery_status" in payload:
        status = payload["delivery_status"]
        message.status = (status["status_code"], status.get("error_code"), status.get("error"))
    return chat, message


def _shown(message: Message) -> dict[str, Json]:
    body = {name: message.body[name] for name in _SHOWN if name in message.body}
    empty: dict[str, Json] = {"text": "", "media": "", "thumbnail": ""}
    empty |= {"file_name": "", "file_size": 0, "media_group_id": None}
    shown: dict[str, Json] = {
        "timestamp": message.msec // 1000,
        "msec_timestamp": message.msec,
        "sender": message.sender,
    }
    if message.receiver is not None:
        shown["receiver"] = message.receiver
    shown["message"] = {"id": message.id, "client_id": message.client_id, **empty, **body}
    return shown


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise invalid(f"{name}: This value should be of type int.")
    return int(text)
