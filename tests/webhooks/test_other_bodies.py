"""Bodies of pipelines, bots, chats and of an integration's life; bodies of relays; pings.

Source: reference 6.4, 8.3, 9; 2.3 and 2.12.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from amocrm.webhooks import Delivery, Event, parse
from amocrm.webhooks.event import Kind
from amocrm.webhooks.signatures import sign_bot_token
from tests.webhooks.forms import ACCOUNT, FORM, JSON, fields, form

AMOJO = "af9945ff-1490-4cad-807d-945c15d88bec"
CHAT = {"id": "8e4d4baa-9e6c-4a88-838a-5f62be227bdc", "client_id": "c-1"}
AT = 1700000100


def packed(data: Any) -> bytes:
    return json.dumps(data).encode()


def only(body: bytes, content_type: str = JSON, kind: Kind | None = None) -> Event:
    """The event of a delivery that has one; the kind is found out if it is not told."""
    delivery = parse(body, content_type, kind=kind)
    assert parse(body, content_type, kind=delivery.kind) == delivery
    (event,) = delivery.events
    assert event.kind == delivery.kind
    return event


# Pipelines ----------------------------------------------------------------------------------------

TRIGGERED = {
    "leads": {"id": 7001, "pipeline_id": 10, "old_pipeline_id": 9, "status_id": 142,
              "old_status_id": 101},
    "customers": {"id": 61, "period_id": 4, "old_period_id": 3},
}  # fmt: skip
BEFORE = {"leads": {"status_id": 101, "pipeline_id": 9}, "customers": {"period_id": 3}}


@pytest.mark.parametrize(
    ("entity", "action", "code"),
    [("leads", "call_in", "call_in_lead"), ("leads", "chat", "chat_lead"),
     ("leads", "site_visit", "site_visit_lead"), ("leads", "mail_in", "mail_in_lead"),
     ("leads", "status", "status_lead"), ("customers", "call_in", "call_in_customer"),
     ("customers", "chat", "chat_customer"), ("customers", "site_visit", "site_visit_customer"),
     ("customers", "mail_in", "mail_in_customer"), ("customers", "period", "period_customer")],
)  # fmt: skip
@pytest.mark.parametrize("listed", [True, False], ids=["list", "object"])
@pytest.mark.parametrize("spelled", ["form", "json", "kommo"])
def test_a_trigger_of_a_pipeline(
    entity: str, action: str, code: str, listed: bool, spelled: str
) -> None:
    item: Any = TRIGGERED[entity]
    texts = {key: str(value) for key, value in item.items()}
    sent = texts if spelled == "form" else item
    name = entity.removesuffix("s") if spelled == "kommo" else entity
    data = {name: {action: [sent] if listed else sent}}
    body = form(data) if spelled == "form" else packed(data)
    (event,) = parse(body, FORM, kind="pipeline").events
    assert (event.kind, event.code, event.wire) == ("pipeline", code, f"{name}/{action}")
    assert (event.entity, event.action, event.id) == (entity, action, item["id"])
    assert (event.item, event.previous) == (sent, BEFORE[entity])
    if action != "status" or spelled == "kommo":
        assert only(body).kind == "pipeline"


WIDGET: dict[str, Any] = {
    "event": {
        "type": 15, "type_code": "lead_appeared_in_status", "time": AT,
        "data": {"id": 7001, "element_type": 2, "status_id": 101, "pipeline_id": 10,
                 "direction_of_movement": "went_to_trigger"},
    },
    "action": {"settings": {"widget": {"settings": {"message": "text"}}}},
    "subdomain": "example", "account_id": 1,
}  # fmt: skip


def test_a_widget_of_a_pipeline() -> None:
    assert only(packed(WIDGET)) == Event(
        "pipeline_widget", "lead_appeared_in_status", "lead_appeared_in_status", "leads", "status",
        7001,
        {"type": 15, "type_code": "lead_appeared_in_status", "time": AT, "id": 7001,
         "element_type": 2, "status_id": 101, "pipeline_id": 10,
         "direction_of_movement": "went_to_trigger", "subdomain": "example", "account_id": 1,
         "action": {"settings": {"widget": {"settings": {"message": "text"}}}}},
        1, "example", {}, AT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "code", "element_type", "entity", "action"),
    [(1, "lead_added", 2, "leads", "add"), (14, "lead_status_changed", 2, "leads", "status"),
     (15, "lead_appeared_in_status", 2, "leads", "status"),
     (16, "mail_in", 2, "leads", "mail_in"), (17, "call_in", 12, "customers", "call_in"),
     (18, "site_visit", 2, "leads", "site_visit"), (19, "chat", 12, "customers", "chat"),
     (20, "customer_added", 12, "customers", "add"),
     (21, "customer_period_changed", 12, "customers", "period"),
     (22, "customer_appeared_in_period", 12, "customers", "period"),
     (99, "moon_rose", 2, "leads", "moon_rose"), (99, "moon_rose", 7, "", "moon_rose")],
)  # fmt: skip
def test_each_event_of_a_widget(
    number: int, code: str, element_type: int, entity: str, action: str
) -> None:
    data = {"id": 5, "element_type": element_type}
    event = only(packed({**WIDGET, "event": {"type": number, "type_code": code, "data": data}}))
    assert (event.code, event.entity, event.action, event.id) == (code, entity, action, 5)


def test_an_item_that_a_vendor_of_widgets_sends() -> None:
    item = {"id": "7001", "name": "Lead", "status_id": "142", "pipeline_id": "10",
            "_embedded": {"contacts": [{"id": "31"}]}}  # fmt: skip
    event = only(form({"this_item": item}), FORM)
    assert (event.kind, event.code, event.wire) == ("pipeline_widget", "this_item", "this_item")
    assert (event.entity, event.id, event.item) == ("leads", 7001, item)
    assert only(b"this_item[id]=31", FORM).entity == ""


# Bots ---------------------------------------------------------------------------------------------

RETURN = "https://example.amocrm.ru/api/v4/salesbot/5/continue/6"


@pytest.mark.parametrize(
    ("entity_type", "entity"),
    [(2, "leads"), (12, "customers"), ("lead", "leads"), ("contact", "contacts"),
     ("customer", "customers"), (99, ""), (None, "")],
)  # fmt: skip
@pytest.mark.parametrize("encoded", [JSON, FORM])
def test_a_request_of_a_bot(entity_type: Any, entity: str, encoded: str) -> None:
    token = sign_bot_token(
        "secret", account="example.amocrm.ru", account_id=1, client_id="c", entity_id=7001,
        entity_type=entity_type, expires_at=AT,
    )  # fmt: skip
    item = {"data": {"message": "{{message_text}}", "from": "widget"}, "return_url": RETURN}
    data = {"token": token, **item}
    event = only(packed(data) if encoded == JSON else form(data), encoded)
    assert event == Event(
        "bot", "widget_request", "widget_request", entity, "widget_request", 7001, item, 1,
        "example",
    )  # fmt: skip
    assert token not in repr(event), "a proof is not shown"


def test_what_the_bot_s_author_sends_is_not_taken_for_a_list() -> None:
    event = only(packed({"token": "x", "data": {"0": "a", "b[c]": 1}, "return_url": RETURN}))
    assert event.item["data"] == {"0": "a", "b[c]": 1}
    assert (event.account_id, event.id, event.key) == (None, None, "-/widget_request/bot")


# Chats --------------------------------------------------------------------------------------------

PERSON = {"id": "u-1", "client_id": "x", "name": "Anna", "phone": "+7999", "email": "a@b.example"}
MESSAGE: dict[str, Any] = {
    "receiver": PERSON, "sender": {"id": "m-1", "name": "Manager"}, "conversation": CHAT,
    "source": {"external_id": "s"}, "timestamp": AT, "msec_timestamp": AT * 1000 + 5,
    "message": {
        "id": "0371a0ff-b78a-4c7b-8538-a7d547e10692", "type": "picture", "text": "Привет",
        "markup": {"mode": "inline", "buttons": [[{"text": "Yes", "url": "https://y.example"}]]},
        "tag": "", "media": "https://m.example/1.png", "thumbnail": "https://m.example/1s.png",
        "file_name": "1.png", "file_size": 5, "media_group_id": "g",
        "template": {"id": 1, "external_id": "t", "params": [{"key": "a", "value": "b"}],
                     "content": "Hello"},
        "reply_to": {"message": {"id": "r"}}, "forwards": {"messages": [{"id": "f"}]},
        "post": {"id": "p"},
    },
}  # fmt: skip


def test_a_message_of_a_chat() -> None:
    event = only(packed({"account_id": AMOJO, "time": AT + 1, "message": MESSAGE}))
    assert event == Event(
        "chat", "chat_message", "message", "messages", "add", MESSAGE["message"]["id"], MESSAGE,
        None, None, {}, AT,
    )  # fmt: skip
    assert event.key == f"-/messages/{CHAT['id']}"


def test_typing_in_a_chat() -> None:
    item = {"user": {"id": "m-1"}, "conversation": CHAT, "expired_at": AT + 5, "post_id": "p"}
    event = only(packed({"account_id": AMOJO, "time": AT, "action": {"typing": item}}))
    assert (event.code, event.wire, event.entity) == ("chat_typing", "action/typing", "messages")
    assert (event.action, event.id, event.item) == ("typing", None, item)
    assert (event.happened_at, event.key) == (AT, f"-/messages/{CHAT['id']}")


@pytest.mark.parametrize(
    "named",
    [{"message": {"id": "m", "client_id": "c", "timestamp": AT, "msec_timestamp": 5}},
     {"msgid": "m"}],
)  # fmt: skip
def test_a_reaction_in_a_chat(named: dict[str, Any]) -> None:
    item = {**named, "user": {"id": "m-1"}, "conversation": CHAT, "type": "react", "emoji": "👍"}
    event = only(packed({"account_id": AMOJO, "time": AT, "action": {"reaction": item}}))
    assert (event.code, event.wire) == ("chat_reaction", "action/reaction")
    assert (event.action, event.id, event.item) == ("reaction", "m", item)


def test_what_a_chat_may_send_one_day() -> None:
    event = only(packed({"account_id": AMOJO, "action": {"dance": {"conversation": CHAT}}}),
                 kind="chat")  # fmt: skip
    assert (event.code, event.entity, event.action) == ("action/dance", "messages", "dance")
    old = {"receiver": "u", "conversation_id": "c", "msec_timestamp": 5, "type": "text",
           "text": "a", "media": "", "thumbnail": "", "file_name": "", "file_size": 0}  # fmt: skip
    assert only(packed(old)).item == old
    assert only(packed({"new": "shape"}), kind="chat").code == "unknown"


# Installation and removal -------------------------------------------------------------------------


def test_the_installation_of_a_widget() -> None:
    query = {"code": "def50200", "referer": "example.amocrm.ru", "platform": "1",
             "from_widget": "1", "client_id": "c"}  # fmt: skip
    event = only(urlencode(query).encode(), "")
    assert (event.kind, event.code, event.subdomain) == ("install", "install", "example")
    assert event.item == {key: value for key, value in query.items() if key != "code"}
    assert event.key == "example/install/install"


def test_the_removal_of_an_integration() -> None:
    query = {"account_id": "12345", "client_uuid": "c", "signature": "5654e4"}
    event = only(urlencode(query).encode(), "")
    assert (event.kind, event.code, event.account_id) == ("uninstall", "uninstall", 12345)
    assert event.item == {"account_id": "12345", "client_uuid": "c"}


# Relays -------------------------------------------------------------------------------------------

LEAD = {"id": "7001", "custom_fields": [{"id": "902", "values": [{"value": "1"}]}]}
DATA: dict[str, Any] = {"leads": {"update": [LEAD, {"id": "7002"}]}, "account": ACCOUNT}


def by_number(value: Any) -> Any:
    """Write lists as objects, as some parsers of forms do with long ones."""
    if isinstance(value, list):
        return {str(number): by_number(one) for number, one in enumerate(value)}
    return {k: by_number(one) for k, one in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "body",
    [packed(DATA), packed(by_number(DATA)), packed(dict(fields(DATA))),
     b"\xef\xbb\xbf " + packed(DATA),
     packed([{"leads": {"update": [LEAD]}, "account": ACCOUNT}, None, [],
             {"leads": {"update": {"id": "7002"}}, "account": ACCOUNT}])],
    ids=["nested", "lists as objects", "flat keys", "with a mark", "several"],
)  # fmt: skip
@pytest.mark.parametrize("content_type", [JSON, FORM, "", "text/plain; charset=utf-8"])
def test_json_of_a_relay_is_read_as_the_form(body: bytes, content_type: str) -> None:
    assert parse(body, content_type) == parse(form(DATA), FORM)


def test_numbers_of_a_relay_stay_numbers() -> None:
    event = only(packed({"leads": {"status": [{"id": 7001, "old_status_id": 101,
                                               "updated_at": AT}]}}))  # fmt: skip
    assert (event.id, event.previous, event.happened_at) == (7001, {"status_id": 101}, AT)
    assert event.item == {"id": 7001, "old_status_id": 101, "updated_at": AT}


def test_a_form_is_read_whatever_its_content_type_says() -> None:
    for content_type in (JSON, "", "application/octet-stream"):
        assert parse(form(DATA), content_type).events[0].code == "update_lead"


# Pings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b"[]", b"null", b'""', b"[{}]", b"&&"])
@pytest.mark.parametrize("content_type", [FORM, JSON, ""])
@pytest.mark.parametrize("kind", [None, "account", "bot", "chat", "pipeline_widget", "install"])
def test_a_ping_has_no_events(body: bytes, content_type: str, kind: Kind | None) -> None:
    ping = parse(body, content_type, kind=kind, received_at=5.0)
    assert ping == Delivery(kind or "account", None, None, (), 5.0)


def test_the_account_alone_is_a_ping_of_that_account() -> None:
    assert parse(form({"account": ACCOUNT}), FORM) == Delivery("account", 1, "test", ())


def test_an_event_is_not_confused_by_other_kinds() -> None:
    others: list[tuple[Mapping[str, Any], Kind]] = [
        (WIDGET, "account"), (DATA, "bot"), (DATA, "chat"), (WIDGET, "chat"), (DATA, "uninstall"),
        ({"message": "text"}, "chat"), ({"event": "text"}, "pipeline_widget"),
    ]  # fmt: skip
    for data, kind in others:
        delivery = parse(packed(data), JSON, kind=kind)
        assert delivery.kind == kind
        assert delivery.events
