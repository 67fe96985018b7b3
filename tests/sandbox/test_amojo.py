"""The Chats API: channels, signatures, chats, messages, signs, hooks (reference 8)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from amocrm.sandbox import Channel, ManualClock, Sandbox

Answer = requests.Response
IncomingRequest = Callable[..., Answer]
HOST = "https://amojo.amocrm.ru"


@pytest.fixture
def channel(portal: Sandbox) -> Channel:
    return portal.add_channel()


@pytest.fixture
def ask(session: requests.Session, clock: ManualClock, channel: Channel) -> IncomingRequest:
    return signing(session, clock, channel)


def signing(session: requests.Session, clock: ManualClock, channel: Channel) -> IncomingRequest:
    """Send a signed request; `headers` replace what is right, None leaves a header out."""

    def ask(
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str | None] | None = None,
        host: str = HOST,
        late: float = 0,
    ) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        given: dict[str, str | None] = {
            "Content-MD5": hashlib.md5(data).hexdigest(),
            "Content-Type": "application/json",
            "Date": format_datetime(datetime.fromtimestamp(clock.time() - late, timezone.utc)),
            **(headers or {}),
        }
        place, _, query = f"/v2/origin/custom{path}".partition("?")
        signed = [given[name] or "" for name in ("Content-MD5", "Content-Type", "Date")]
        text = "\n".join((method, *signed, place)).encode()
        given.setdefault("X-Signature", hmac.new(channel.secret.encode(), text, "sha1").hexdigest())
        url = f"{host}{place}" + (f"?{query}" if query else "")
        sent = {name: one for name, one in given.items() if one is not None}
        return session.request(method, url, data=data, headers=sent)

    return ask


@pytest.fixture
def scope(portal: Sandbox, channel: Channel, ask: IncomingRequest) -> str:
    """Connect the channel; return the scope."""
    body = {"account_id": portal.account().amojo_id}
    return str(ask("POST", f"/{channel.id}/connect", body).json()["scope_id"])


def payload(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "timestamp": 1700000000,
        "msec_timestamp": 1700000000123,
        "msgid": "m-1",
        "conversation_id": "c-1",
        "sender": {"id": "u-1", "name": "Ann", "profile": {"phone": "+79990000000"}},
        "message": {"type": "text", "text": "hello"},
    }
    given |= changes
    return {name: value for name, value in given.items() if value is not None}


def event(kind: str = "new_message", **changes: Any) -> dict[str, Any]:
    return {"event_type": kind, "payload": payload(**changes)}


def error(answer: Answer) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"status", "error_code", "error_type", "error_description"}
    assert (body["status"], body["error_code"]) == (0, answer.status_code)
    return answer.status_code, body["error_type"]


def test_a_channel_shows_no_secret(portal: Sandbox, channel: Channel) -> None:
    assert channel.secret not in repr(channel)
    assert channel.code == f"amo.ext.{portal.account().id}"


def test_connecting_answers_the_terms_and_the_scope(
    portal: Sandbox, channel: Channel, ask: IncomingRequest, scope: str
) -> None:
    account_id = portal.account().amojo_id
    assert scope == f"{channel.id}_{account_id}"
    terms = {"account_id": account_id, "title": "Chat", "hook_api_version": "v2"}
    again = ask("POST", f"/{channel.id}/connect", terms)
    assert (again.status_code, again.json()) == (200, {**terms, "scope_id": scope})


def test_the_account_tells_its_id_in_the_chats_api(portal: Sandbox, call: IncomingRequest) -> None:
    answer = call("GET", "/account", params={"with": "amojo_id"}).json()
    assert answer["amojo_id"] == portal.account().amojo_id


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"account_id": 1},
        {"account_id": "a", "hook_api_version": "v3"},
        {"account_id": "a", "more": 1},
        [],
        None,
    ],
)
def test_the_terms_of_a_connection_are_checked(
    channel: Channel, ask: IncomingRequest, body: Any
) -> None:
    assert error(ask("POST", f"/{channel.id}/connect", body)) == (400, "INVALID_REQUEST")


def test_unknown_channels_and_accounts_are_404(channel: Channel, ask: IncomingRequest) -> None:
    assert error(ask("POST", "/nobody/connect", {})) == (404, "ORIGIN_NOT_REGISTERED")
    assert error(ask("POST", "/nobody_here", {})) == (404, "ORIGIN_NOT_REGISTERED")
    assert error(ask("POST", f"/{channel.id}/connect", {"account_id": "no"})) == (404, "NOT_FOUND")


def test_kommo_takes_version_two_only(clock: ManualClock) -> None:
    portal = Sandbox(("shop.kommo.com",), clock=clock)
    channel, account = portal.add_channel(), portal.account().amojo_id
    with portal.session() as session:
        asked = signing(session, clock, channel)
        kommo, path = "https://amojo.kommo.com", f"/{channel.id}/connect"
        first = {"account_id": account, "hook_api_version": "v1"}
        assert asked("POST", path, first, host=kommo).status_code == 400
        body = asked("POST", path, {"account_id": account}, host=kommo).json()
        assert body["hook_api_version"] == "v2"
        # Each host knows the accounts of its own domain.
        assert asked("POST", f"/{body['scope_id']}", event(), host=kommo).status_code == 200
        away = asked("POST", f"/{body['scope_id']}", event())
        assert error(away) == (403, "ORIGIN_NOT_CONNECTED")
        assert error(asked("POST", path, {"account_id": account})) == (404, "NOT_FOUND")


def test_disconnecting_ends_a_connection(
    portal: Sandbox, channel: Channel, ask: IncomingRequest, scope: str
) -> None:
    body = {"account_id": portal.account().amojo_id}
    done = ask("DELETE", f"/{channel.id}/disconnect", body)
    assert (done.status_code, done.content) == (200, b"")
    assert error(ask("DELETE", f"/{channel.id}/disconnect", body)) == (404, "NOT_FOUND")
    assert error(ask("POST", f"/{scope}", event())) == (403, "ORIGIN_NOT_CONNECTED")
    assert error(ask("DELETE", f"/{channel.id}/disconnect", {}))[0] == 400


def test_switching_the_integration_off_disconnects_its_channels(
    portal: Sandbox, ask: IncomingRequest, scope: str
) -> None:
    other = portal.add_integration()
    portal.uninstall(integration=other)
    assert ask("POST", f"/{scope}", event()).status_code == 200
    portal.uninstall()
    assert error(ask("POST", f"/{scope}", event())) == (403, "ORIGIN_NOT_CONNECTED")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": "0" * 40},
        {"X-Signature": None},
        {"Content-MD5": "0" * 32},
        {"Content-MD5": None},
        {"Date": None},
        {"Date": "yesterday"},
    ],
)
def test_a_signature_that_is_not_right_is_refused(
    ask: IncomingRequest, scope: str, headers: dict[str, str | None]
) -> None:
    answer = ask("POST", f"/{scope}", event(), headers=headers)
    assert error(answer) == (403, "ORIGIN_INVALID_SIGNATURE")
    assert answer.json()["error_description"] == "invalid signature"


def test_an_upper_case_signature_is_refused(
    ask: IncomingRequest, scope: str, channel: Channel
) -> None:
    good = ask("POST", f"/{scope}", event())
    seal = str(good.request.headers["X-Signature"])
    assert good.status_code == 200
    assert (
        ask("POST", f"/{scope}", event(), headers={"X-Signature": seal.upper()}).status_code == 403
    )


@pytest.mark.parametrize(("late", "status"), [(900, 200), (901, 403), (-900, 200), (-901, 403)])
def test_a_date_is_good_for_a_quarter_of_an_hour(
    ask: IncomingRequest, scope: str, late: float, status: int
) -> None:
    assert ask("POST", f"/{scope}", event(), late=late).status_code == status


def test_a_date_without_a_zone_is_no_moment(
    ask: IncomingRequest, scope: str, clock: ManualClock
) -> None:
    here = datetime.fromtimestamp(clock.time()).strftime("%a, %d %b %Y %H:%M:%S")
    assert ask("POST", f"/{scope}", event(), headers={"Date": here}).status_code == 403


def test_only_json_is_taken(ask: IncomingRequest, scope: str) -> None:
    headers: dict[str, str | None] = {"Content-Type": "text/plain"}
    assert error(ask("POST", f"/{scope}", event(), headers=headers))[0] == 400


def test_a_chat_is_opened_once(ask: IncomingRequest, scope: str) -> None:
    wanted = {
        "conversation_id": "c-1",
        "source": {"external_id": "shop-1"},
        "user": {"id": "u-1", "name": "Ann", "profile": {"phone": "+7999", "email": "a@b.c"}},
    }
    chat = ask("POST", f"/{scope}/chats", wanted).json()
    assert set(chat) == {"id", "user"}
    assert chat["user"] == {
        "id": chat["user"]["id"],
        "client_id": "u-1",
        "name": "Ann",
        "phone": "+7999",
        "email": "a@b.c",
    }
    assert ask("POST", f"/{scope}/chats", wanted).json() == chat
    told = ask("POST", f"/{scope}", event()).json()["new_message"]
    assert (told["conversation_id"], told["sender_id"]) == (chat["id"], chat["user"]["id"])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"conversation_id": None}, "conversation_id"),
        ({"user": None}, "user"),
        ({"user": {"id": "u"}}, "user.name"),
        ({"user": {"id": 1, "name": "a"}}, "user.id"),
        ({"source": {"external_id": "x" * 41}}, "source.external_id"),
    ],
)
def test_a_chat_is_checked(
    ask: IncomingRequest, scope: str, change: dict[str, Any], where: str
) -> None:
    body = {"conversation_id": "c", "user": {"id": "u", "name": "a"}, **change}
    body = {name: value for name, value in body.items() if value is not None}
    answer = ask("POST", f"/{scope}/chats", body)
    assert error(answer)[0] == 400
    assert answer.json()["error_description"].startswith(where + ":")


def test_a_source_may_be_forty_characters_long(ask: IncomingRequest, scope: str) -> None:
    source = {"external_id": "x" * 40}
    assert ask("POST", f"/{scope}", event(source=source)).status_code == 200


def test_a_message_is_answered_with_both_ids_and_kept_once(
    ask: IncomingRequest, scope: str
) -> None:
    told = ask("POST", f"/{scope}", event()).json()["new_message"]
    assert set(told) == {"conversation_id", "sender_id", "msgid", "ref_id"}
    assert told["ref_id"] == "m-1"
    assert ask("POST", f"/{scope}", event()).json()["new_message"] == told
    assert len(ask("GET", f"/{scope}/chats/c-1/history").json()["messages"]) == 1


def test_a_message_of_a_user_or_of_the_bot_has_a_receiver(
    portal: Sandbox, channel: Channel, ask: IncomingRequest, scope: str
) -> None:
    receiver = {"id": "u-1", "name": "Ann"}
    for number, ref_id in enumerate((portal.account().admin.amojo_id, channel.bot_id)):
        sender = {"id": "s", "name": "Bob", "ref_id": ref_id}
        answer = ask(
            "POST", f"/{scope}", event(msgid=f"o-{number}", sender=sender, receiver=receiver)
        )
        told = answer.json()["new_message"]
        assert told["sender_id"] == ref_id
        assert told["receiver_id"] not in (ref_id, "u-1")
    sender = {"id": "s", "name": "Bob", "ref_id": "nobody"}
    unknown = ask("POST", f"/{scope}", event(sender=sender, receiver=receiver))
    assert "sender.ref_id" in unknown.json()["error_description"]
    sender["ref_id"] = channel.bot_id
    assert ask("POST", f"/{scope}", event(sender=sender)).status_code == 400
    assert ask("POST", f"/{scope}", event(receiver=receiver)).status_code == 400


@pytest.mark.parametrize(
    "message",
    [
        {"type": "text", "text": "a"},
        {"type": "picture", "media": "https://a.example/1.png", "file_name": "1", "file_size": 0},
        {"type": "file", "media": "https://a.example/1", "file_name": "1", "file_size": 5},
        {"type": "voice", "media": "https://a.example/1", "media_duration": 3},
        {"type": "location", "location": {"lon": 1.5, "lat": 2}},
        {"type": "contact", "contact": {"name": "a", "phone": "1"}},
        {"type": "sticker", "sticker_id": "1"},
    ],
)
def test_messages_of_every_kind(ask: IncomingRequest, scope: str, message: dict[str, Any]) -> None:
    assert ask("POST", f"/{scope}", event(message=message)).status_code == 200
    (kept,) = ask("GET", f"/{scope}/chats/c-1/history").json()["messages"]
    assert kept["message"]["type"] == message["type"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"timestamp": "1700000000"}, "payload.timestamp"),
        ({"msgid": None}, "payload.msgid"),
        ({"conversation_id": None}, "payload.conversation_id"),
        ({"sender": None}, "payload.sender"),
        ({"silent": 1}, "payload.silent"),
        ({"message": {"type": "poem"}}, "payload.message.type"),
        ({"message": {"text": "a"}}, "payload.message.type"),
        ({"message": {"type": "text"}}, "payload.message.text"),
        ({"message": {"type": "text", "text": ""}}, "payload.message.text"),
        ({"message": {"type": "file", "media": "a", "file_name": "b"}},
         "payload.message.file_size"),
        ({"message": {"type": "location", "location": {"lon": "1", "lat": 2}}},
         "payload.message.location.lon"),
        ({"delivery_status": {"status_code": 1}}, "payload.delivery_status"),
        ({"forwards": {"messages": [{}, {}]}}, "payload.forwards.messages"),
        ({"conversation_ref_id": "no"}, "payload.conversation_ref_id"),
        ({"mood": "good"}, "payload.mood"),
    ],
)  # fmt: skip
def test_a_message_is_checked(
    ask: IncomingRequest, scope: str, change: dict[str, Any], where: str
) -> None:
    answer = ask("POST", f"/{scope}", event(**change))
    assert error(answer) == (400, "INVALID_REQUEST")
    assert answer.json()["error_description"].startswith(where + ":")


def test_an_event_needs_a_known_type(ask: IncomingRequest, scope: str) -> None:
    assert error(ask("POST", f"/{scope}", event("old_message")))[0] == 400
    assert error(ask("POST", f"/{scope}", {"event_type": "new_message"}))[0] == 400


def test_a_message_is_edited(ask: IncomingRequest, scope: str) -> None:
    first = ask("POST", f"/{scope}", event()).json()["new_message"]
    changed: dict[str, Any] = {"msgid": "m-1", "conversation_id": "c-1"}
    changed["message"] = {"type": "text", "text": "bye"}
    told = ask("POST", f"/{scope}", {"event_type": "edit_message", "payload": changed})
    assert told.json()["new_message"] == first
    (kept,) = ask("GET", f"/{scope}/chats/c-1/history").json()["messages"]
    assert kept["message"]["text"] == "bye"
    unknown = {"event_type": "edit_message", "payload": {**changed, "msgid": "m-2"}}
    assert error(ask("POST", f"/{scope}", unknown))[0] == 400
    del changed["msgid"]
    answer = ask("POST", f"/{scope}", {"event_type": "edit_message", "payload": changed})
    assert answer.json()["error_description"].startswith("payload.msgid:")


def test_the_history_is_read_from_the_newest(ask: IncomingRequest, scope: str) -> None:
    for number in range(52):
        ask("POST", f"/{scope}", event(msgid=f"m-{number}"))
    path = f"/{scope}/chats/c-1/history"

    def ids(query: str = "") -> list[str]:
        messages = ask("GET", path + query).json()["messages"]
        return [one["message"]["client_id"] for one in messages]

    assert ids()[0] == "m-51"
    assert len(ids()) == len(ids("?limit=50")) == 50
    assert ids("?offset=50") == ["m-1", "m-0"]
    assert ask("GET", path + "?offset=52").status_code == 204
    assert ask("GET", f"/{scope}/chats/c-2/history").status_code == 204
    for query in ("?limit=51", "?limit=0", "?limit=a", "?offset=-1"):
        assert error(ask("GET", path + query))[0] == 400
    (first,) = ask("GET", path + "?limit=1").json()["messages"]
    assert (first["timestamp"], first["msec_timestamp"]) == (1700000000, 1700000000123)
    assert first["sender"]["phone"] == "+79990000000"


def test_a_message_begins_a_talk(
    portal: Sandbox, call: IncomingRequest, ask: IncomingRequest, scope: str
) -> None:
    told = ask("POST", f"/{scope}", event()).json()["new_message"]
    ask("POST", f"/{scope}", event(msgid="m-2"))
    talks = portal.account().shelf("talks")
    (number,) = talks
    talk = call("GET", f"/talks/{number}").json()
    assert (talk["chat_id"], talk["contact_id"]) == (told["conversation_id"], None)
    contact = portal.add("contacts", {})
    link = {"contact_id": contact, "chat_id": told["conversation_id"]}
    assert call("POST", "/contacts/chats", json=[link]).status_code == 200
    assert call("GET", f"/talks/{number}").json()["contact_id"] == contact
    assert call("POST", f"/talks/{number}/close").status_code == 202
    ask("POST", f"/{scope}", event(msgid="m-3"))
    assert len(talks) == 2
    assert call("GET", f"/talks/{max(talks)}").json()["contact_id"] == contact


def test_a_hook_is_signed_over_its_raw_body(
    portal: Sandbox, channel: Channel, ask: IncomingRequest, scope: str
) -> None:
    ask("POST", f"/{scope}", event())
    hook = portal.write_chat(scope, "c-1", "Здравствуйте")
    assert hook.address == channel.hook_url.replace(":scope_id", scope)
    seal = hmac.new(channel.secret.encode(), hook.body, "sha1").hexdigest()
    assert hook.headers["X-Signature"] == seal
    body = json.loads(hook.body)
    assert body["account_id"] == portal.account().amojo_id
    assert body["message"]["conversation"]["client_id"] == "c-1"
    assert body["message"]["receiver"]["client_id"] == "u-1"
    assert body["message"]["message"]["text"] == "Здравствуйте"
    with pytest.raises(KeyError):
        portal.write_chat(scope, "c-2", "nobody")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status_code": 1}, 200),
        ({"status_code": 2}, 200),
        ({"delivery_status": 1, "msgid": "m", "error_code": 0, "error": ""}, 200),
        ({"status_code": -1, "error_code": 901}, 200),
        ({"status_code": -1, "error_code": 904}, 200),
        ({"status_code": -1, "error_code": 905, "error": "why"}, 200),
        ({"status_code": -1, "error_code": 905}, 400),
        ({"status_code": -1, "error_code": 900}, 400),
        ({"status_code": -1, "error_code": 906}, 400),
        ({"status_code": -1}, 400),
        ({"status_code": 1, "error_code": 901}, 400),
        ({"status_code": 0}, 400),
        ({"status_code": 3}, 400),
        ({"status_code": "1"}, 400),
        ({"status_code": 1, "delivery_status": 1}, 400),
        ({}, 400),
    ],
)
def test_delivery_status(
    portal: Sandbox, ask: IncomingRequest, scope: str, body: dict[str, Any], status: int
) -> None:
    ask("POST", f"/{scope}", event())
    msgid = json.loads(portal.write_chat(scope, "c-1", "a").body)["message"]["message"]["id"]
    answer = ask("POST", f"/{scope}/{msgid}/delivery_status", body)
    assert answer.status_code == status
    assert status != 200 or answer.content == b""


def test_only_what_the_account_wrote_is_delivered(ask: IncomingRequest, scope: str) -> None:
    told = ask("POST", f"/{scope}", event()).json()["new_message"]
    for msgid in (told["msgid"], "nothing"):
        answer = ask("POST", f"/{scope}/{msgid}/delivery_status", {"status_code": 1})
        assert error(answer) == (404, "NOT_FOUND")


def test_typing(ask: IncomingRequest, scope: str) -> None:
    ask("POST", f"/{scope}", event())
    body: dict[str, Any] = {"conversation_id": "c-1", "sender": {"id": "u-1"}}
    assert ask("POST", f"/{scope}/typing", body).status_code == 204
    assert ask("POST", f"/{scope}/typing", {**body, "duration_ms": 100}).status_code == 204
    wrongs: list[dict[str, Any]] = [
        {"conversation_id": "c-2"}, {"sender": {}}, {"duration_ms": "long"}, {"x": 1},
    ]  # fmt: skip
    for wrong in wrongs:
        assert error(ask("POST", f"/{scope}/typing", {**body, **wrong}))[0] == 400


def test_reactions(ask: IncomingRequest, scope: str) -> None:
    told = ask("POST", f"/{scope}", event()).json()["new_message"]
    body: dict[str, Any] = {
        "conversation_id": "c-1",
        "msgid": "m-1",
        "user": {"id": "u-1"},
        "type": "react",
        "emoji": "👍",
    }
    assert ask("POST", f"/{scope}/react", body).status_code == 200
    by_reference = {"conversation_ref_id": told["conversation_id"], "id": told["msgid"]}
    other = {"user": {"ref_id": "r"}, "type": "unreact"}
    assert ask("POST", f"/{scope}/react", {**by_reference, **other}).status_code == 200
    for lost in ({"msgid": "m-2"}, {"conversation_id": "c-2"}):
        assert error(ask("POST", f"/{scope}/react", {**body, **lost})) == (404, "NOT_FOUND")
    wrongs: list[dict[str, Any]] = [
        {"type": "like"}, {"user": {}}, {"user": {"id": "a", "ref_id": "b"}}, {"id": "x"},
        {"conversation_ref_id": "x"}, {"emoji": ""}, {"emoji": 1},
    ]  # fmt: skip
    for wrong in wrongs:
        assert error(ask("POST", f"/{scope}/react", {**body, **wrong}))[0] == 400
    for name in ("type", "user", "msgid", "conversation_id", "emoji"):
        rest = {key: value for key, value in body.items() if key != name}
        assert error(ask("POST", f"/{scope}/react", rest))[0] == 400


def test_paths_and_methods_are_strict(ask: IncomingRequest, scope: str, channel: Channel) -> None:
    assert error(ask("GET", f"/{channel.id}/connect"))[0] == 405
    assert error(ask("POST", f"/{scope}/sing/loud", {}))[0] == 404
    assert ask("HEAD", f"/{scope}").status_code == 405
    outside = ask("POST", f"/{channel.id}/connect", {}, host="https://example.amocrm.ru")
    assert outside.status_code == 404


def test_over_tcp_one_origin_serves_the_chats_too(ask: IncomingRequest) -> None:
    portal = Sandbox()
    with portal.serve() as served:
        answer = requests.post(f"{served.url}/v2/origin/custom/nobody/connect", json={}, timeout=10)
        assert error(answer) == (404, "ORIGIN_NOT_REGISTERED")


def chat_events(call: Callable[..., Answer], query: str = "") -> list[dict[str, Any]]:
    types = "filter[type]=incoming_chat_message,outgoing_chat_message"
    answer = call("GET", f"/events?{types}{query}")
    return answer.json()["_embedded"]["events"] if answer.status_code == 200 else []


def test_messages_of_a_contact_s_chat_are_events(
    portal: Sandbox, call: Callable[..., Answer], ask: IncomingRequest, scope: str
) -> None:
    first = ask("POST", f"/{scope}", event()).json()["new_message"]
    assert chat_events(call) == []  # The chat belongs to no contact yet.
    contact = portal.add("contacts", {"name": "Ann"})
    link = {"contact_id": contact, "chat_id": first["conversation_id"]}
    assert call("POST", "/contacts/chats", json=[link]).status_code == 200
    incoming = ask("POST", f"/{scope}", event(msgid="m-2")).json()["new_message"]
    ask("POST", f"/{scope}", event(msgid="m-2"))  # The same message, sent again.
    portal.write_chat(scope, "c-1", "hi")
    user = portal.account().admin
    sender = {"id": "s-1", "name": "Ann", "ref_id": user.amojo_id}
    written = event(msgid="m-3", sender=sender, receiver={"id": "u-1", "name": "Ann"})
    outgoing = ask("POST", f"/{scope}", written).json()["new_message"]
    told = chat_events(call)
    assert [(one["type"], one["created_by"]) for one in told] == [
        ("incoming_chat_message", 0),
        ("outgoing_chat_message", user.id),
        ("outgoing_chat_message", user.id),
    ]
    assert {(one["entity_type"], one["entity_id"]) for one in told} == {("contact", contact)}
    assert told[0]["value_after"] == [{"message": {"id": incoming["msgid"]}}]
    assert told[2]["value_after"] == [{"message": {"id": outgoing["msgid"]}}]
    assert told[0]["value_before"] == []


def test_a_message_about_a_lead_names_the_contact_of_the_talk(
    portal: Sandbox, call: Callable[..., Answer], ask: IncomingRequest, scope: str
) -> None:
    lead, contact = portal.add("leads", {"name": "Deal"}), portal.add("contacts", {"name": "Ann"})
    first = ask("POST", f"/{scope}", event()).json()["new_message"]
    link = {"contact_id": contact, "chat_id": first["conversation_id"]}
    call("POST", "/contacts/chats", json=[link])
    for talk in portal.account().shelf("talks").values():
        talk |= {"entity_type": "lead", "entity_id": lead}
    ask("POST", f"/{scope}", event(msgid="m-2"))
    (told,) = chat_events(
        call, f"&filter[entity]=contact&filter[entity_id]={contact}&with=lead_name"
    )
    assert (told["entity_type"], told["entity_id"]) == ("lead", lead)
    assert told["linked_talk_contact_id"] == contact
    assert told["_embedded"]["entity"]["name"] == "Deal"
    assert chat_events(call, f"&filter[entity]=lead&filter[entity_id]={lead}") == []
