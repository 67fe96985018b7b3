"""Channels, the accounts they are connected to, and their chats (reference 8)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from amocrm.sandbox.data.state import Account, Ids
from amocrm.sandbox.http.answer import Json


@dataclass(frozen=True)
class Channel:
    """A registered channel.

    Attributes:
        id: stands in the paths of `connect` and `disconnect`.
        secret: signs its requests, and the hooks it gets.
        code: such as `amo.ext.30000001`.
        client_id: of the integration; when that is switched off, the channel is disconnected.
        bot_id: `sender.ref_id` of messages that its bot has written.
        hook_url: address of its hooks, with `:scope_id` in it.
    """

    id: str
    secret: str = field(repr=False)
    code: str
    client_id: str
    bot_id: str
    hook_url: str


@dataclass
class Message:
    """One message of a chat.

    Attributes:
        id: in the Chats API.
        client_id: the integrator's, None for what was written in the account.
        sender: the model of a chat user.
        body: the `message` member of the payload.
        status: code, error code and text of the last delivery status.
        reactions: emoji by the id of the user.
    """

    id: str
    client_id: str | None
    sender: dict[str, Json]
    receiver: dict[str, Json] | None
    msec: int
    body: dict[str, Json]
    status: tuple[int, int | None, str | None] | None = None
    reactions: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Chat:
    """One chat of a scope; `id` is that of the Chats API, `conversation_id` the integrator's."""

    id: str
    conversation_id: str
    user: dict[str, Json] | None
    messages: list[Message] = field(default_factory=list[Message])

    def message(self, number: str | None, client_id: str | None = None) -> Message | None:
        """Find a message by one of its two ids."""
        for one in self.messages:
            if one.id == number or (client_id is not None and one.client_id == client_id):
                return one
        return None


@dataclass
class Scope:
    """A channel connected to an account."""

    channel: Channel
    account: Account
    terms: dict[str, Json]
    ids: Ids
    chats: dict[str, Chat] = field(default_factory=dict[str, Chat])
    users: dict[str, dict[str, Json]] = field(default_factory=dict[str, "dict[str, Json]"])

    @property
    def id(self) -> str:
        """Two uuids: the channel's and the account's."""
        return scope_id(self.channel, self.account)

    def chat(self, name: str) -> Chat | None:
        """Find a chat by the integrator's id or by that of the Chats API."""
        found = self.chats.get(name)
        return found or next((one for one in self.chats.values() if one.id == name), None)

    def open_chat(self, conversation_id: str, user: dict[str, Json] | None) -> Chat:
        """Return the chat of a conversation, a new one if there is none."""
        chat = self.chats.get(conversation_id)
        if chat is None:
            chat = Chat(self.new_id(), conversation_id, user)
            self.chats[conversation_id] = chat
            self.account.shelf("chats")[chat.id] = {"id": chat.id}
        chat.user = chat.user or user
        return chat

    def known_user(self, wanted: dict[str, Json]) -> dict[str, Json]:
        """Return a chat user, made or renewed from what a request says of one."""
        number = wanted["id"]
        user = self.users.setdefault(number, {"id": self.new_id(), "client_id": number})
        profile = wanted.get("profile") or {}
        news = {"name": wanted.get("name"), "avatar": wanted.get("avatar"), **profile}
        user |= {name: value for name, value in news.items() if value is not None}
        return user

    def new_id(self) -> str:
        """Return an id of the Chats API."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"chats-{self.ids.take('chats')}"))


@dataclass
class Channels:
    """Every channel of the portal, and what is connected."""

    known: dict[str, Channel] = field(default_factory=dict[str, Channel])
    scopes: dict[str, Scope] = field(default_factory=dict[str, Scope])

    def of(self, name: str) -> Channel | None:
        """Return the channel that a path names, by its id or by a scope of it."""
        return self.known.get(name.partition("_")[0])

    def disconnect(self, account: Account, client_id: str) -> None:
        """Disconnect the channels of an integration that was switched off (reference 11)."""
        for scope in list(self._of_account(account)):
            if scope.channel.client_id == client_id:
                del self.scopes[scope.id]

    def _of_account(self, account: Account) -> Iterator[Scope]:
        return (one for one in self.scopes.values() if one.account is account)


def scope_id(channel: Channel, account: Account) -> str:
    """Return the id of a channel in an account."""
    return f"{channel.id}_{account.amojo_id}"
