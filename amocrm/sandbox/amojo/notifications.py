"""Delivery statuses, typing and reactions (reference 8.2)."""

from __future__ import annotations

from amocrm.sandbox.amojo.call import ScopeCall
from amocrm.sandbox.amojo.models import DELIVERY, REACTION, TYPING, check_body, check_one_of
from amocrm.sandbox.amojo.problem import nothing_there, refuse
from amocrm.sandbox.amojo.store import Message, Scope
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json

STATUSES = (-1, 1, 2)
"""Failed, delivered, read."""

ERRORS = (901, 902, 903, 904, 905)
"""Why a message failed; 905 comes with a text."""


def delivery_status(call: ScopeCall, msgid: str) -> Answer:
    """Answer `POST /{scope}/{msgid}/delivery_status` about a message written in the account."""
    body = call.body()
    errors = check_body(body, DELIVERY)
    check_one_of(body, ("status_code", "delivery_status"), errors)
    refuse(errors)
    code: int = body["status_code" if "status_code" in body else "delivery_status"]
    error: int | None = body.get("error_code")
    if code not in STATUSES:
        errors.no_choice("status_code")
    # Assumed (reference 8.2): an error belongs to a failed message, and to no other.
    if code == -1 and error is None:
        errors.missing("error_code")
    elif code != -1 and error:
        errors.unexpected("error_code")
    elif code == -1 and error not in ERRORS:
        errors.no_choice("error_code")
    elif error == 905 and not body.get("error"):
        errors.missing("error")
    refuse(errors)
    message = _written_here(call.scope, msgid)
    if message is None:
        raise nothing_there("message")
    message.status = (code, error, body.get("error"))
    return Answer(200)


def typing(call: ScopeCall) -> Answer:
    """Answer `POST /{scope}/typing`."""
    body = call.body(TYPING)
    if body["conversation_id"] not in call.scope.chats:
        errors = check_body(body, TYPING)
        errors.no_choice("conversation_id")  # Assumed (reference 8.2): 404 is not documented.
        refuse(errors)
    return NO_CONTENT


def react(call: ScopeCall) -> Answer:
    """Answer `POST /{scope}/react`."""
    body = call.body()
    errors = check_body(body, REACTION)
    check_one_of(body, ("conversation_id", "conversation_ref_id"), errors)
    check_one_of(body, ("id", "msgid"), errors)
    refuse(errors)
    if body["type"] == "react" and not body.get("emoji"):
        errors.missing("emoji")
    check_one_of(body["user"], ("id", "ref_id"), errors)
    refuse(errors)
    message = _meant(call.scope, body)
    who = body["user"].get("id") or body["user"]["ref_id"]
    if body["type"] == "react":
        message.reactions[who] = body["emoji"]
    else:
        message.reactions.pop(who, None)
    return Answer(200)


def _meant(scope: Scope, body: dict[str, Json]) -> Message:
    if "conversation_id" in body:
        chat = scope.chats.get(body["conversation_id"])
    else:
        chats = scope.chats.values()
        chat = next((one for one in chats if one.id == body["conversation_ref_id"]), None)
    message = None if chat is None else chat.message(body.get("id"), body.get("msgid"))
    if message is None:
        raise nothing_there("message")
    return message


def _written_here(scope: Scope, msgid: str) -> Message | None:
    for chat in scope.chats.values():
        message = chat.message(msgid)
        if message is not None:
            # A message of the integrator has no delivery that the account could wait for.
            return message if message.client_id is None else None
    return None
