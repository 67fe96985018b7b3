"""Webhooks of pipelines, widgets, bots, chats, and of a removed integration.

Sources: reference 2.12, 2.13, 6.4, 8.3, 9.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Channel, ManualClock, Sandbox
from tests.sandbox.webhooks.chat_wire import ask, connect
from tests.sandbox.webhooks.decoded import fields
from tests.sandbox.webhooks.receiver import ORIGIN, Receiver

Call = Callable[..., requests.Response]
URL = f"{ORIGIN}/in"


@pytest.fixture
def lead(portal: Sandbox, receiver: Receiver) -> int:
    return portal.add("leads", {"name": "A", "status_id": 105})


def test_a_pipeline_webhook_of_amocrm(
    portal: Sandbox, receiver: Receiver, lead: int, clock: ManualClock
) -> None:
    receiver.statuses = [500]
    old = {"status_id": 103, "pipeline_id": 11}
    delivery = portal.webhooks.pipeline(URL, "leads", lead, "status", old=old)
    assert fields(delivery.body) == [
        "leads[status][0][id]=7001",
        "leads[status][0][pipeline_id]=11",
        "leads[status][0][old_pipeline_id]=11",
        "leads[status][0][status_id]=105",
        "leads[status][0][old_status_id]=103",
        "account[subdomain]=example",
        "account[id]=30000001",
        "account[_links][self]=https://example.amocrm.ru",
    ]
    assert (delivery.kind, delivery.code) == ("pipeline", "status")
    portal.webhooks.deliver()
    clock.advance(86400)
    portal.webhooks.deliver()
    # Sent once, whatever the answer was.
    assert (delivery.statuses, delivery.state) == ([500], "failed")
    assert receiver.environs[0]["CONTENT_TYPE"] == "application/x-www-form-urlencoded"


def test_a_pipeline_webhook_of_kommo_is_repeated(receiver: Receiver, clock: ManualClock) -> None:
    portal = Sandbox(("shop.kommo.com",), clock=clock, rps=None)
    portal.webhooks.mount(ORIGIN, receiver)
    lead = portal.add("leads", {"name": "A"})
    receiver.statuses = [404] * 9
    delivery = portal.webhooks.pipeline(URL, "leads", lead, "call_in")
    for _ in range(120):
        portal.webhooks.deliver()
        clock.advance(60)
    assert fields(delivery.body)[:3] == [
        f"lead[call_in][id]={lead}",
        "lead[call_in][pipeline_id]=11",
        "lead[call_in][status_id]=103",
    ]
    assert delivery.statuses == [404] * 5
    assert delivery.attempts[-1].at - delivery.attempts[0].at <= 3600


def test_a_pipeline_webhook_of_a_customer(portal: Sandbox, receiver: Receiver) -> None:
    portal.account().customers_mode = "periodicity"
    customer = portal.add("customers", {"name": "Ann", "next_date": 1700000000})
    delivery = portal.webhooks.pipeline(URL, "customers", customer, "period", old={"period_id": 5})
    period = next(iter(portal.account().shelf("customers").values()))["status_id"]
    assert fields(delivery.body)[:3] == [
        f"customers[period][0][id]={customer}",
        f"customers[period][0][period_id]={period}",
        "customers[period][0][old_period_id]=5",
    ]


def test_a_widget_of_the_pipeline(portal: Sandbox, receiver: Receiver, lead: int) -> None:
    portal.webhooks.widget(URL, "leads", lead, settings={"message": "text"})
    portal.webhooks.deliver()
    assert json.loads(receiver.bodies[0]) == {
        "event": {
            "type": 15,
            "type_code": "lead_appeared_in_status",
            "data": {
                "id": 7001,
                "element_type": 2,
                "status_id": 105,
                "pipeline_id": 11,
                "direction_of_movement": "went_to_trigger",
            },
            "time": 1700000000,
        },
        "action": {"settings": {"widget": {"settings": {"message": "text"}}}},
        "subdomain": "example",
        "account_id": 30000001,
    }
    assert receiver.environs[0]["CONTENT_TYPE"] == "application/json"


def test_mistakes_are_told(portal: Sandbox, lead: int) -> None:
    with pytest.raises(ValueError, match="action must be one of call_in, chat"):
        portal.webhooks.pipeline(URL, "leads", lead, "period")
    with pytest.raises(ValueError, match="type_code must be one of lead_added"):
        portal.webhooks.widget(URL, "leads", lead, "moved")
    with pytest.raises(ValueError, match="direction must be one of went_to_trigger"):
        portal.webhooks.widget(URL, "leads", lead, direction="up")
    with pytest.raises(KeyError):
        portal.webhooks.bot(URL, "leads", 5)


def opened(token: str, secret: str, algorithm: str) -> dict[str, Any]:
    """Check a JWT by hand; return its claims."""
    head, claims, signature = token.split(".")
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
    expected = hmac.new(secret.encode(), f"{head}.{claims}".encode(), digest).digest()
    assert base64.urlsafe_b64decode(signature + "==") == expected
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": algorithm}
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return found


def test_a_bot_waits_until_it_is_continued(
    portal: Sandbox, receiver: Receiver, call: Call, lead: int
) -> None:
    portal.webhooks.bot(URL, "leads", lead, {"phone": "+7900"})
    portal.webhooks.deliver()
    body = json.loads(receiver.bodies[0])
    assert set(body) == {"token", "data", "return_url"}
    assert body["data"] == {"phone": "+7900"}
    assert opened(body["token"], portal.integration.client_secret, "HS512") == {
        "iss": "https://example.amocrm.ru",
        "aud": URL,
        "subdomain": "example",
        "account_id": 30000001,
        "client_uuid": portal.integration.client_id,
        "entity_id": 7001,
        "entity_type": 2,
        "bot_type": "salesbot",
        "exp": 1700001800,
    }
    start, _, path = body["return_url"].partition("/api/v4")
    assert start == "https://example.amocrm.ru"
    assert path.startswith("/salesbot/")
    assert portal.webhooks.continued() == []
    show = {"handler": "show", "params": {"type": "text", "value": "Hello"}}
    answer = {"data": {"status": "success"}, "execute_handlers": [show]}
    assert call("POST", path, json={"execute_handlers": [{"handler": "x"}]}).status_code == 400
    assert call("POST", path, json=answer).status_code == 202
    assert call("POST", path, json=answer).status_code == 404
    (continued,) = portal.webhooks.continued()
    assert (continued["body"], continued["entity_id"]) == (answer, lead)


def test_a_bot_does_not_go_on_after_another_one(
    portal: Sandbox, receiver: Receiver, call: Call, session: requests.Session, lead: int
) -> None:
    delivery = portal.webhooks.bot(URL, "leads", lead, bot_type="marketingbot")
    path = json.loads(delivery.body)["return_url"].partition("/api/v4")[2]
    assert path.startswith("/marketingbot/")
    other = portal.add("leads", {})
    bot = next(iter(portal.account().shelf("bots")))
    url = "https://example.amocrm.ru/api/v2/salesbot/run"
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    for number, status in ((other, 400), (lead, 404)):
        run = [{"bot_id": bot, "entity_id": number, "entity_type": 2}]
        assert session.post(url, json=run, headers=headers).status_code == 202
        assert call("POST", path, json={"execute_handlers": 5}).status_code == status


def test_a_bot_may_send_a_form(portal: Sandbox, receiver: Receiver) -> None:
    customer = portal.add("customers", {"name": "Ann"})
    delivery = portal.webhooks.bot(URL, "customers", customer, {"a": {"b": "c"}}, is_form=True)
    assert delivery.form["data[a][b]"] == "c"
    token = delivery.form["token"]
    assert opened(token, portal.integration.client_secret, "HS512")["entity_type"] == 12


def test_a_served_bot_names_the_port(receiver: Receiver) -> None:
    portal = Sandbox(("example", "two"), rps=None)
    lead = portal.add("leads", {}, "two")
    headers = {"Authorization": f"Bearer {portal.issue_long_lived('two')}"}
    with portal.serve() as served, requests.Session() as session:
        session.trust_env = False
        delivery = portal.webhooks.bot(URL, "leads", lead, account="two")
        url = json.loads(delivery.body)["return_url"]
        assert url.startswith(f"{served.url}/two/api/v4/salesbot/")
        assert session.post(url, json={}, headers=headers).status_code == 202


def test_a_widget_token(portal: Sandbox) -> None:
    integration = portal.add_integration("https://own.example/callback")
    claims = opened(portal.widget_token("example", integration), integration.client_secret, "HS256")
    assert claims == {
        "iss": "https://example.amocrm.ru",
        "aud": "https://own.example",
        "jti": claims["jti"],
        "iat": 1700000000,
        "nbf": 1700000000,
        "exp": 1700001800,
        "account_id": 30000001,
        "user_id": 501,
        "client_uuid": integration.client_id,
        "subdomain": "example",
        "is_admin": True,
    }


def test_the_uninstall_hook_is_called(
    portal: Sandbox, receiver: Receiver, clock: ManualClock
) -> None:
    receiver.statuses = [500]
    integration = portal.add_integration(hook_url=f"{ORIGIN}/gone?from=amo")
    portal.uninstall("example", integration)
    (delivery,) = portal.webhooks.deliver()
    clock.advance(86400)
    assert portal.webhooks.deliver() == []
    text = f"{integration.client_id}|30000001"
    seal = hmac.new(integration.client_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    (environ,) = receiver.environs
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("GET", "/gone")
    assert environ["QUERY_STRING"] == (
        f"from=amo&account_id=30000001&client_uuid={integration.client_id}&signature={seal}"
    )
    assert environ["HTTP_USER_AGENT"] == "amoService-oAuth-Code-Sender/1.0"
    assert (delivery.kind, delivery.state, receiver.bodies) == ("uninstall", "failed", [b""])


@pytest.fixture
def channel(portal: Sandbox, receiver: Receiver) -> Channel:
    return portal.add_channel(hook_url=f"{ORIGIN}/chats/:scope_id")


@pytest.fixture
def scope(portal: Sandbox, channel: Channel, session: requests.Session, clock: ManualClock) -> str:
    """A channel that is connected, with one message in one chat."""
    scope = connect(session, channel, clock, portal.account().amojo_id)
    payload = {
        "timestamp": 1700000000,
        "msec_timestamp": 1700000000123,
        "msgid": "m-1",
        "conversation_id": "c-1",
        "sender": {"id": "u-1", "name": "Ann"},
        "message": {"type": "text", "text": "hi"},
    }
    event = {"event_type": "new_message", "payload": payload}
    assert ask(session, channel, clock, scope, event).ok
    return scope


def told(receiver: Receiver, channel: Channel) -> dict[str, Any]:
    """Return the last hook of a chat, after a look at its signature."""
    body, environ = receiver.bodies[-1], receiver.environs[-1]
    seal = hmac.new(channel.secret.encode(), body, hashlib.sha1).hexdigest()
    assert environ["HTTP_X_SIGNATURE"] == seal
    assert environ["CONTENT_TYPE"] == "application/json"
    found: dict[str, Any] = json.loads(body)
    return found


def test_a_message_is_posted_to_the_channel_once(
    portal: Sandbox, receiver: Receiver, channel: Channel, scope: str, clock: ManualClock
) -> None:
    receiver.statuses = [500]
    hook = portal.write_chat(scope, "c-1", "Good morning")
    (delivery,) = portal.webhooks.deliver()
    clock.advance(86400)
    assert portal.webhooks.deliver() == []
    assert receiver.paths == [f"/chats/{scope}"]
    assert receiver.bodies == [hook.body]
    assert (delivery.kind, delivery.code, delivery.limit) == ("chat", "message", 5)
    assert told(receiver, channel)["message"]["message"]["text"] == "Good morning"


def test_typing_and_reactions_are_posted(
    portal: Sandbox, receiver: Receiver, channel: Channel, scope: str
) -> None:
    account = portal.account()
    portal.type_in_chat(scope, "c-1")
    portal.webhooks.deliver()
    typing = told(receiver, channel)
    conversation = typing["action"]["typing"]["conversation"]
    assert conversation["client_id"] == "c-1"
    user = {"id": account.admin.amojo_id}
    assert typing == {
        "account_id": account.amojo_id,
        "time": 1700000000,
        "action": {
            "typing": {"user": user, "conversation": conversation, "expired_at": 1700000005}
        },
    }
    portal.react_in_chat(scope, "c-1", "m-1", "👍")
    portal.webhooks.deliver()
    reaction = told(receiver, channel)["action"]["reaction"]
    assert len(reaction["message"].pop("id")) == 36
    assert reaction.pop("message") == {
        "client_id": "m-1",
        "timestamp": 1700000000,
        "msec_timestamp": 1700000000123,
    }
    assert reaction == {
        "user": user, "conversation": conversation, "type": "react", "emoji": "👍",
    }  # fmt: skip
    portal.react_in_chat(scope, "c-1", "m-1", None)
    portal.webhooks.deliver()
    taken_back = told(receiver, channel)["action"]["reaction"]
    assert (taken_back["type"], "emoji" in taken_back) == ("unreact", False)
    with pytest.raises(KeyError):
        portal.react_in_chat(scope, "c-1", "m-9", None)
    with pytest.raises(KeyError):
        portal.type_in_chat(scope, "c-9")
