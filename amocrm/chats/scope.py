"""The chats of a channel in one account: messages, delivery, typing, reactions, history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.chats import payloads
from amocrm.chats.calls import SignedCalls
from amocrm.http.messages import Json, Retry

_HIDDEN: Final = "..."
"""Shown in messages and logs instead of a chat's id, which may be a person's phone number."""


class Chats:
    """A channel's chats in one account. Thread-safe.

    Messages and people have many kinds, so they are plain dicts, as in the API. Source:
    reference 8.2.

    Attributes:
        id: the scope: the channel's id and the account's `amojo_id`, joined.
    """

    def __init__(self, calls: SignedCalls, scope_id: str) -> None:
        self.id = payloads.named("scope_id", scope_id)
        self._calls = calls
        self._path = f"{payloads.ROOT}/{payloads.part('scope_id', scope_id)}"

    def __repr__(self) -> str:
        return f"<Chats {self.id}>"

    def open(
        self, conversation_id: str, user: Mapping[str, Json], *, source: str | None = None
    ) -> dict[str, Json]:
        """Open a chat, the same one for the same id. Users do not see it before its first message.

        Args:
            conversation_id: your id of the chat.
            user: the customer: `{"id", "name", "avatar", "profile": {"phone", "email"}}`.
            source: the `external_id` of a source.

        Returns:
            {"id": the API's id of the chat, "user": {"id", "client_id", "name", ...}}
        """
        body = payloads.only(
            conversation_id=payloads.named("conversation_id", conversation_id),
            user=payloads.dict_of("user", user), source=_source(source),
        )  # fmt: skip
        return _object(self._calls.send("POST", f"{self._path}/chats", body, replayable=True))

    def send(
        self,
        message: str | Mapping[str, Json],
        *,
        msgid: str,
        conversation_id: str,
        sender: Mapping[str, Json],
        receiver: Mapping[str, Json] | None = None,
        conversation_ref_id: str | None = None,
        source: str | None = None,
        silent: bool | None = None,
        reply_to: Mapping[str, Json] | None = None,
        forwards: Mapping[str, Json] | None = None,
        at: float | None = None,
        retry: Retry = "auto",
    ) -> dict[str, Json]:
        """Add a message to a chat.

        Args:
            message: a text, or `{"type": "picture", "media": URL, "file_name", "file_size"}`;
                types are text, contact, file, video, picture, voice, audio, sticker, location.
            msgid: your id of the message.
            conversation_id: your id of the chat; a missing chat is opened.
            sender: the customer, as in `open`; for a message of a user or a bot of the account,
                that user or bot, with `ref_id`, and the customer is the receiver.
            receiver: the customer, for a message from the account; otherwise None.
            conversation_ref_id: the API's id of a chat that began in the account; needed once.
            source: the `external_id` of a source.
            silent: create no lead and no notification, for an imported history.
            reply_to: the quoted message: `{"message": {...}}`.
            forwards: the forwarded messages: `{"messages": [{...}], "conversation_id": ...}`.
            at: Unix seconds when it was written; by default, now.
            retry: `always` repeats the call after a lost response; it is not documented whether the
                API then recognizes the `msgid`.

        Returns:
            {"msgid": the API's id, "ref_id": yours, "conversation_id", "sender_id", ...}
        """
        payload = payloads.only(
            **payloads.moment(self._calls.clock.time() if at is None else at),
            msgid=payloads.named("msgid", msgid),
            conversation_id=payloads.named("conversation_id", conversation_id),
            conversation_ref_id=conversation_ref_id,
            sender=payloads.dict_of("sender", sender), receiver=receiver,
            source=_source(source), silent=silent, reply_to=reply_to, forwards=forwards,
            message=payloads.message_of(message),
        )  # fmt: skip
        return self._event("new_message", payload, retry=retry)

    def edit(
        self,
        message: str | Mapping[str, Json],
        *,
        conversation_id: str,
        msgid: str | None = None,
        id: str | None = None,  # noqa: A002  # The API's name.
        delivery_status: Mapping[str, Json] | None = None,
    ) -> dict[str, Json]:
        """Replace a message, by your `msgid` or the API's `id`; returns the same as `send`."""
        payload = payloads.only(
            **payloads.one_of(msgid=msgid, id=id),
            conversation_id=payloads.named("conversation_id", conversation_id),
            message=payloads.message_of(message), delivery_status=delivery_status,
        )  # fmt: skip
        return self._event("edit_message", payload, replayable=True)

    def set_delivery(
        self,
        id: str,  # noqa: A002
        status: int,
        *,
        error_code: int | None = None,
        error: str | None = None,
    ) -> None:
        """Set the delivery status of a message that was written in the account.

        Args:
            id: the API's id of the message, from the webhook.
            status: 1 delivered, 2 read, -1 failed.
            error_code: 901 the user deleted the chat, 902 the integration is off on the channel's
                side, 903 internal error, 904 the chat cannot be created, 905 other.
            error: the reason as text, with 905.

        Raises:
            NotFoundError: there is no such message.
        """
        body = payloads.only(status_code=status, error_code=error_code, error=error)
        path = f"{self._path}/{payloads.part('id', id)}/delivery_status"
        self._calls.send("POST", path, body, replayable=True)

    def typing(
        self, conversation_id: str, sender_id: str, *, duration_ms: int | None = None
    ) -> None:
        """Show that a customer is typing, by default for five seconds."""
        body = payloads.only(
            conversation_id=payloads.named("conversation_id", conversation_id),
            sender={"id": payloads.named("sender_id", sender_id)}, duration_ms=duration_ms,
        )  # fmt: skip
        self._calls.send("POST", f"{self._path}/typing", body)

    def react(
        self,
        emoji: str | None,
        *,
        user: Mapping[str, Json],
        conversation_id: str | None = None,
        conversation_ref_id: str | None = None,
        msgid: str | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """Set a user's reaction to a message; None removes it.

        Args:
            emoji: such as 👍.
            user: `{"id": your id}` of a customer, `{"ref_id": ...}` of a user of the account.
            conversation_id: your id of the chat, or
            conversation_ref_id: the API's.
            msgid: your id of the message, or
            id: the API's.
        """
        body = {
            **payloads.one_of(
                conversation_id=conversation_id, conversation_ref_id=conversation_ref_id
            ),
            **payloads.one_of(msgid=msgid, id=id),
            **payloads.only(
                user=payloads.dict_of("user", user),
                type="unreact" if emoji is None else "react",
                emoji=emoji,
            ),
        }
        self._calls.send("POST", f"{self._path}/react", body, replayable=True)

    def history(self, conversation_id: str) -> Iterator[dict[str, Json]]:
        """Yield the messages of a chat, the newest first.

        Pages shift if a message comes meanwhile: messages of the previous page are skipped.
        """
        name = payloads.part("conversation_id", conversation_id)
        offset, seen = 0, set[object]()
        while True:
            data = self._calls.send(
                "GET", f"{self._path}/chats/{name}/history",
                query=f"offset={offset}&limit={payloads.HISTORY_LIMIT}",
                shown=f"{self._path}/chats/{_HIDDEN}/history", replayable=True,
            )  # fmt: skip
            messages = _object(data).get("messages") or []
            yield from (one for one in messages if _id_of(one) not in seen)
            if len(messages) < payloads.HISTORY_LIMIT:
                return
            offset, seen = offset + len(messages), {_id_of(one) for one in messages} - {None}

    def _event(
        self, kind: str, payload: Json, *, replayable: bool = False, retry: Retry = "auto"
    ) -> dict[str, Json]:
        body = {"event_type": kind, "payload": payload}
        data = _object(
            self._calls.send("POST", self._path, body, replayable=replayable, retry=retry)
        )
        return _object(data.get("new_message", data))


def _source(external_id: str | None) -> dict[str, Json] | None:
    return None if external_id is None else {"external_id": external_id}


def _object(data: Json) -> dict[str, Json]:
    """Return a response as a dict; an empty one if it is not an object."""
    return dict(data) if isinstance(data, Mapping) else {}


def _id_of(item: Json) -> object:
    message = item.get("message") if isinstance(item, Mapping) else None
    return message.get("id") if isinstance(message, Mapping) else None
