"""Connecting a channel, disconnecting it, opening a chat (reference 8.2)."""

from __future__ import annotations

from amocrm.sandbox.amojo.call import ChannelCall, ScopeCall
from amocrm.sandbox.amojo.models import CHAT, CONNECT, DISCONNECT
from amocrm.sandbox.amojo.problem import invalid, nothing_there
from amocrm.sandbox.amojo.store import Scope, scope_id
from amocrm.sandbox.http.answer import Answer, Json, json_answer

JSON = "application/json"


def connect(call: ChannelCall) -> Answer:
    """Answer `POST /{channel}/connect`; connecting again renews the terms."""
    body = call.body(CONNECT)
    account = call.account(body["account_id"])
    if account is None:
        raise nothing_there("account")
    # Assumed (reference 8.2): on kommo.com v2 is the default, since nothing else is taken.
    usual = "v2" if account.zone == "kommo.com" else "v1"
    terms: dict[str, Json] = {"hook_api_version": usual, **body}
    if usual == "v2" and terms["hook_api_version"] != "v2":
        raise invalid("hook_api_version: only v2 is supported")
    name = scope_id(call.channel, account)
    scope = call.channels.scopes.get(name)
    if scope is None:
        scope = Scope(call.channel, account, terms, call.ids)
        call.channels.scopes[name] = scope
    scope.terms = terms
    return json_answer({**terms, "scope_id": scope.id}, kind=JSON)


def disconnect(call: ChannelCall) -> Answer:
    """Answer `DELETE /{channel}/disconnect`."""
    account = call.account(call.body(DISCONNECT)["account_id"])
    name = scope_id(call.channel, account) if account is not None else ""
    if name not in call.channels.scopes:
        raise nothing_there("connection")
    del call.channels.scopes[name]
    return Answer(200)


def open_chat(call: ScopeCall) -> Answer:
    """Answer `POST /{scope}/chats`: the same chat for the same `conversation_id`."""
    body = call.body(CHAT)
    user = call.scope.known_user(body["user"])
    chat = call.scope.open_chat(body["conversation_id"], user)
    return json_answer({"id": chat.id, "user": chat.user}, kind=JSON)
