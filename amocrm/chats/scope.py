"""The chats of a channel in one account: messages, their delivery, signs of life, history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.chats import payloads
from amocrm.chats.calls import SignedCalls
from amocrm.http.messages import Json, Retry

_HIDDEN: Final = "..."
"""What messages and logs show instead of a chat's id, which may be a person's phone."""


class Chats:
    """A channel's chats in one account. Thread-safe.

    What is one of many kinds (messages, people) is a plain dict, as the API has it. Source:
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
        """Open a chat, the same one for the same id. It is not shown before it has a message.

        Args:
            conversation_id: yours.
            user: the customer: `{"id", "name", "avatar", "profile": {"phone", "email"}}`.
            source: the `external_id` of a source.

        Returns:
            {"id": the chat's in the API, "user": {"id", "client_id", "name", ...}}
        """
        body = payloads.only(
            conversation_id=payloads.named("conversation_id", conversation_id), user=dict(user),
            source=_source(source),
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
        """Bring a message into a chat.

        Args:
            message: a text, or `{"type": "picture", "media": address, "file_name", "file_size"}`;
                types are text, contact, file, video, picture, voice, audio, sticker, location.
            msgid: your id of the message.
            conversation_id: your id of the chat, which is opened if need be.
            sender: the customer, as in `open`; of what a user or a bot of the account wrote, with
                `ref_id`, and then the customer is the receiver.
            receiver: of what was written from the account's side; of others there is none.
            conversation_ref_id: the API's id of a chat that was begun in the account, once.
            source: the `external_id` of a source.
            silent: no lead and no notice comes of it: for a history that is brought in.
            reply_to: what is quoted: `{"message": {...}}`.
            forwards: what is passed on: `{"messages": [{...}], "conversation_id": ...}`.
            at: Unix seconds when it was written; now, if none are given.
            retry: `always` repeats it after a lost answer; whether the API then takes the same
                `msgid` for the same message is not documented.

        Returns:
            {"msgid": the API's id, "ref_id": yours, "conversation_id", "sender_id", ...}
        """
        payload = payloads.only(
            **payloads.moment(self._calls.clock.time() if at is None else at),
            msgid=payloads.named("msgid", msgid),
            conversation_id=payloads.named("conversation_id", conversation_id),
            conversation_ref_id=conversation_ref_id, sender=dict(sender), receiver=receiver,
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
        """Replace a message, named by your `msgid` or by the API's `id`; answers as `send` does."""
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
        """Tell what became of a message that was written in the account.

        Args:
            id: the API's, from the hook.
            status: 1 delivered, 2 read, -1 failed.
            error_code: why it failed: 901 the user deleted the chat, 902 the integration is off on
                the channel's side, 903 internal, 904 the chat cannot be made, 905 other.
            error: why, in words, with 905.

        Raises:
            NotFoundError: there is no such message.
        """
        body = payloads.only(status_code=status, error_code=error_code, error=error)
        path = f"{self._path}/{payloads.part('id', id)}/delivery_status"
        self._calls.send("POST", path, body, replayable=True)

    def typing(
        self, conversation_id: str, sender_id: str, *, duration_ms: int | None = None
    ) -> None:
        """Show that a customer is typing, for five seconds if nothing else is said."""
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
        """Set a user's reaction to a message; None takes it back.

        Args:
            emoji: such as 👍.
            user: `{"id": yours}` of a customer, `{"ref_id": ...}` of a user of the account.
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
                user=dict(user), type="unreact" if emoji is None else "react", emoji=emoji
            ),
        }
        self._calls.send("POST", f"{self._path}/react", body, replayable=True)

    def history(self, conversation_id: str) -> Iterator[dict[str, Json]]:
        """Yield the messages of a chat, the newest first; none for a chat without any.

        Pages move when a message comes meanwhile: what was on the last page is left out.
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
        told = _object(
            self._calls.send("POST", self._path, body, replayable=replayable, retry=retry)
        )
        return _object(told.get("new_message", told))


def _source(external_id: str | None) -> dict[str, Json] | None:
    return None if external_id is None else {"external_id": external_id}


def _object(data: Json) -> dict[str, Json]:
    """Return an answer that is an object; an empty one for none."""
    return dict(data) if isinstance(data, Mapping) else {}


def _id_of(item: Json) -> object:
    message = item.get("message") if isinstance(item, Mapping) else None
    return message.get("id") if isinstance(message, Mapping) else None
