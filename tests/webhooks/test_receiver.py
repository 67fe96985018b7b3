"""The receiver: what it accepts, what it refuses, and that it has stored before it answers."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from werkzeug.test import Client

from amocrm import ConfigurationError, InboxError
from amocrm.auth.installation import uninstall_hook
from amocrm.chats.signatures import sign_hook
from amocrm.sandbox import ManualClock
from amocrm.webhooks.event import Kind
from amocrm.webhooks.inbox.inbox import Part, RawDelivery
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.receiver.receiver import Receiver
from amocrm.webhooks.signatures import sign_bot_token

NOW = 1_700_000_000
KEY, CLIENT, SECRET = "k" * 43, "11111111-2222-3333-4444-555555555555", "client-secret"
CHANNEL, SCOPE = "chan", "chan_0e3c3a5d-aaaa-bbbb-cccc-1234567890ab"
URL = "https://hooks.example.com/amocrm"
FORM = "application/x-www-form-urlencoded"
LEAD = (
    b"leads[status][0][id]=7001&leads[status][0][status_id]=142"
    b"&leads[status][0][old_status_id]=101&account[id]=12345&account[subdomain]=test"
)

Send = Callable[..., int]


class BrokenInbox(MemoryInbox):
    """An inbox whose database does not answer."""

    def put(self, delivery: RawDelivery, parts: Sequence[Part]) -> int | None:
        raise InboxError("the inbox cannot be written: no space left on device")


def make_receiver(inbox: MemoryInbox, **settings: Any) -> Receiver:
    return Receiver(
        inbox,
        **{
            "key": KEY, "url": URL, "client_id": CLIENT, "client_secret": SECRET,
            "channels": {CHANNEL: "channel-secret"}, "clock": ManualClock(NOW), **settings,
        },
    )  # fmt: skip


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox(clock=ManualClock(NOW))


@pytest.fixture
def receiver(inbox: MemoryInbox) -> Receiver:
    return make_receiver(inbox)


def path(receiver: Receiver, *of: Any) -> str:
    return receiver.address(*of).removeprefix(URL)


def through_wsgi(receiver: Receiver) -> Send:
    def send(
        path: str, body: bytes = b"", method: str = "POST", type_: str = FORM, **headers: str
    ) -> int:
        client = Client(receiver.wsgi_app)
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        response = client.open(path, method=method, data=body, content_type=type_, headers=names)
        return response.status_code

    return send


def through_asgi(receiver: Receiver) -> Send:
    def send(
        path: str, body: bytes = b"", method: str = "POST", type_: str = FORM, **headers: str
    ) -> int:
        async def call() -> int:
            transport = httpx.ASGITransport(receiver.asgi_app)
            async with httpx.AsyncClient(transport=transport, base_url="http://hooks") as client:
                names = {name.replace("_", "-"): text for name, text in headers.items()}
                response = await client.request(
                    method, path, content=body, headers={"Content-Type": type_, **names}
                )
                return response.status_code

        return asyncio.run(call())

    return send


def through_a_view(receiver: Receiver) -> Send:
    def send(
        path: str, body: bytes = b"", method: str = "POST", type_: str = FORM, **headers: str
    ) -> int:
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        path, _, query = path.partition("?")
        given = {"Content-Type": type_, **names}
        return receiver.receive(method, path, query=query, headers=given, body=body).status

    return send


@pytest.fixture(params=[through_wsgi, through_asgi, through_a_view])
def send(request: pytest.FixtureRequest, receiver: Receiver) -> Send:
    made: Send = request.param(receiver)
    return made


def stored(inbox: MemoryInbox) -> list[RawDelivery]:
    found: list[RawDelivery] = []
    while (lease := inbox.take(60)) is not None:
        for event in lease.events:
            found.append(event.delivery)
            inbox.done(lease, event)
        inbox.release(lease)
    return found


def test_a_webhook_is_stored_before_the_answer(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    assert send(path(receiver, 12345), LEAD) == 200
    assert stored(inbox) == [RawDelivery("account", 12345, "/account/12345", FORM, LEAD, NOW)]


def test_the_same_webhook_twice_is_stored_once(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    for action in (b"[add]", b"[update]"):
        body = LEAD.replace(b"[status]", action) + b"&leads%b[0][updated_at]=1700000000" % action
        assert [send(path(receiver, 12345), body) for _ in range(2)] == [200, 200]
        assert len(stored(inbox)) == 1


def test_events_of_one_entity_are_in_one_queue_whatever_names_the_account(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    # Older bodies name the account by its subdomain only, those of pipelines may not name it.
    lead = "leads[update][0][id]=7001&leads[update][0][updated_at]=1700000000"
    for account in ("&account[id]=12345", "&account[subdomain]=test", ""):
        assert send(path(receiver, 12345), (lead + account).encode()) == 200
    assert send(path(receiver, 1), lead.encode()) == 200
    assert len(inbox.arrived(["12345/leads/7001"], 0)["12345/leads/7001"]) == 3
    assert len(inbox.arrived(["1/leads/7001"], 0)["1/leads/7001"]) == 1


def test_what_may_happen_twice_in_a_day_is_stored_each_time(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    deleted = b"leads[delete][0][id]=7001&leads[delete][0][status_id]=142&account[id]=12345"
    restored = (
        b"leads[restore][0][id]=7001&leads[restore][0][updated_at]=1700000000&account[id]=12345"
    )
    for body in (deleted, restored, deleted):
        assert send(path(receiver, 12345), body) == 200
    assert [one.body for one in stored(inbox)] == [deleted, restored, deleted]
    entered = path(receiver, 12345, "pipeline")
    assert [send(entered, LEAD) for _ in range(2)] == [200, 200]
    assert len(stored(inbox)) == 2
    removed = f"account_id=31&client_uuid={CLIENT}&signature="
    removed += uninstall_hook.sign(CLIENT, SECRET, 31)
    assert [send(f"/uninstall?{removed}", method="GET") for _ in range(2)] == [200, 200]
    assert len(stored(inbox)) == 2
    assert [send("/bot", bot_body(), type_="application/json") for _ in range(2)] == [200, 200]
    assert len(stored(inbox)) == 1


def test_what_is_ours_and_unknown_is_stored(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    body = b"leads[future][0][id]=1&account[id]=12345"
    assert send(path(receiver, 12345), body) == 200
    assert [one.body for one in stored(inbox)] == [body]


@pytest.mark.parametrize("body", [b"", b"[]", b"account[id]=12345&account[subdomain]=test"])
def test_an_empty_ping_is_answered_and_not_stored(
    send: Send, receiver: Receiver, inbox: MemoryInbox, body: bytes
) -> None:
    assert send(path(receiver, 12345), body) == 200
    assert stored(inbox) == []


def test_a_wrong_secret_is_not_found(send: Send, receiver: Receiver, inbox: MemoryInbox) -> None:
    right = path(receiver, 12345)
    for wrong in (right[:-1], right.replace("12345", "12346"), "/", "/account/12345"):
        assert send(wrong, LEAD) == 404
    assert stored(inbox) == []


@pytest.mark.parametrize(
    "body",
    [
        LEAD.replace(b"12345", b"999"),
        b'[{"leads": {"add": [{"id": 1}]}, "account": {"id": 12345}},'
        b' {"leads": {"add": [{"id": 2}]}, "account": {"id": 999}}]',
    ],
)
def test_the_webhook_of_another_account_is_not_found(
    send: Send, receiver: Receiver, inbox: MemoryInbox, body: bytes
) -> None:
    assert send(path(receiver, 12345), body) == 404
    assert stored(inbox) == []


def test_an_address_for_all_accounts_takes_any(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    body = {"event": {"type": 1, "type_code": "lead_added", "data": {"id": 7, "element_type": 2}},
            "action": {"settings": {}}, "subdomain": "test", "account_id": 31}  # fmt: skip
    address = path(receiver, None, "pipeline_widget")
    assert send(address, json.dumps(body).encode(), type_="application/json") == 200
    (one,) = stored(inbox)
    assert (one.kind, one.account_id, one.path) == ("pipeline_widget", 31, "/pipeline_widget/any")


def test_only_the_right_method_is_allowed(send: Send, receiver: Receiver) -> None:
    assert send(path(receiver, 12345), method="GET") == 405
    assert send(path(receiver, None, "uninstall"), method="POST") == 405


def test_a_broken_or_endless_body_is_refused(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    address = path(receiver, 12345)
    assert send(address, b"{broken", type_="application/json") == 400
    deep = b"leads" + b"[a]" * 50 + b"=1"
    assert send(address, deep) == 400
    assert send(address, b"a" * (receiver.max_body + 1)) == 413
    assert stored(inbox) == []


@pytest.mark.parametrize("through", [through_wsgi, through_asgi, through_a_view])
def test_an_inbox_that_cannot_be_written_is_answered_with_503(
    through: Callable[[Receiver], Send],
) -> None:
    receiver = make_receiver(BrokenInbox())
    assert through(receiver)(path(receiver, 12345), LEAD) == 503


# Signed kinds ------------------------------------------------------------------------------------


def bot_body(secret: str = SECRET, *, expires_at: int = NOW + 60, account: int = 31) -> bytes:
    token = sign_bot_token(
        secret, account="https://test.amocrm.ru", account_id=account, client_id=CLIENT,
        entity_id=7001, entity_type=2, expires_at=expires_at,
    )  # fmt: skip
    url = "https://test.amocrm.ru/api/v4/salesbot/1/continue/2"
    return json.dumps({"token": token, "data": {"a": "b"}, "return_url": url}).encode()


def test_a_bot_is_known_by_its_token(send: Send, receiver: Receiver, inbox: MemoryInbox) -> None:
    address = path(receiver, None, "bot")
    assert send(address, bot_body(), type_="application/json") == 200
    assert [(one.kind, one.account_id) for one in stored(inbox)] == [("bot", 31)]
    assert send(address, bot_body("other"), type_="application/json") == 404
    assert send(address, bot_body(expires_at=NOW - 3600), type_="application/json") == 404
    assert send(address, b'{"return_url": "https://a.example"}') == 400
    assert stored(inbox) == []


def test_a_replaced_client_secret_is_accepted_beside_the_new_one(inbox: MemoryInbox) -> None:
    receiver = make_receiver(inbox, client_secret=["new", SECRET])
    send = through_wsgi(receiver)
    assert send("/bot", bot_body(), type_="application/json") == 200
    assert send("/bot", bot_body("new"), type_="application/json") == 200


def test_a_chat_is_known_by_its_signature(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    body = json.dumps(
        {
            "account_id": "a",
            "time": NOW,
            "message": {
                "receiver": {"id": "r"},
                "sender": {"id": "s"},
                "conversation": {"id": "c"},
                "timestamp": NOW,
                "msec_timestamp": NOW * 1000,
                "message": {"id": "m", "type": "text"},
            },
        }
    )
    raw, address = body.encode(), f"/chat/{SCOPE}"
    signed = {"X_Signature": sign_hook("channel-secret", raw)}
    assert send(address, raw, type_="application/json", **signed) == 200
    assert [one.path for one in stored(inbox)] == [f"/chat/{SCOPE}"]
    assert send(address, raw, type_="application/json") == 404
    assert send(address, raw + b" ", type_="application/json", **signed) == 404
    assert send("/chat/other_scope", raw, type_="application/json", **signed) == 404
    assert stored(inbox) == []


def test_an_uninstall_hook_is_known_by_its_signature(
    send: Send, receiver: Receiver, inbox: MemoryInbox
) -> None:
    signature = uninstall_hook.sign(CLIENT, SECRET, 31)
    query = f"account_id=31&client_uuid={CLIENT}&signature={signature}"
    assert send(f"/uninstall?{query}", method="GET") == 200
    (one,) = stored(inbox)
    assert (one.kind, one.account_id, one.body) == ("uninstall", 31, query.encode())
    forged = query.replace("account_id=31", "account_id=32")
    assert send(f"/uninstall?{forged}", method="GET") == 404
    assert send("/uninstall", method="GET") == 404
    assert stored(inbox) == []


# Transport ---------------------------------------------------------------------------------------


def environ(receiver: Receiver, body: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST", "PATH_INFO": path(receiver, 12345), "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), **changes,
    }  # fmt: skip


def status_of(receiver: Receiver, environ: dict[str, Any]) -> str:
    seen: list[str] = []

    def start(status: str, *_: object) -> Callable[[bytes], object]:
        seen.append(status)
        return seen.append  # type: ignore[return-value]

    list(receiver.wsgi_app(environ, start))
    return seen[0]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "200 OK"),
        ({"CONTENT_LENGTH": "500"}, "400 Bad Request"),  # The client hung up.
        ({"CONTENT_LENGTH": "-1"}, "400 Bad Request"),
        ({"CONTENT_LENGTH": "1e3"}, "400 Bad Request"),
        ({"CONTENT_LENGTH": "9" * 30}, "413 Content Too Large"),
        ({"CONTENT_LENGTH": "", "wsgi.input_terminated": True}, "200 OK"),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, "200 OK"),
        # A server that hands over no chunks, as uWSGI: the body is not empty, but lost.
        (
            {
                "CONTENT_LENGTH": "",
                "HTTP_TRANSFER_ENCODING": "chunked",
                "wsgi.input": io.BytesIO(),
            },
            "400 Bad Request",
        ),
    ],
)
def test_the_stated_length_is_checked(
    receiver: Receiver, changes: dict[str, Any], status: str
) -> None:
    # Python renamed the phrase of 413 in version 3.13.
    assert status_of(receiver, environ(receiver, LEAD, **changes))[:3] == status[:3]


def test_a_chunked_body_is_read_to_its_end_and_no_further(
    receiver: Receiver, inbox: MemoryInbox
) -> None:
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    endless = io.BytesIO(b"a" * (receiver.max_body + 100))
    changes = {**chunked, "wsgi.input": endless}
    assert status_of(receiver, environ(receiver, b"", **changes))[:3] == "413"
    assert endless.tell() == receiver.max_body + 1
    assert status_of(receiver, environ(receiver, LEAD, **chunked)) == "200 OK"
    assert [one.body for one in stored(inbox)] == [LEAD]


def test_a_stranger_s_body_is_not_read(receiver: Receiver) -> None:
    body = io.BytesIO(LEAD)
    changes = {"PATH_INFO": "/account/12345/guess", "wsgi.input": body}
    assert status_of(receiver, environ(receiver, LEAD, **changes)) == "404 Not Found"
    assert body.tell() == 0


def run_asgi(receiver: Receiver, messages: list[dict[str, Any]], **scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    given = {
        "type": "http", "method": "POST", "path": path(receiver, 12345), "query_string": b"",
        "headers": [(b"content-type", FORM.encode())], **scope,
    }  # fmt: skip
    asyncio.run(receiver.asgi_app(given, receive, send))
    return sent


def test_asgi_reads_parts_and_notices_a_hang_up(receiver: Receiver, inbox: MemoryInbox) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": LEAD[:10], "more_body": True},
        {"type": "http.request", "body": LEAD[10:], "more_body": False},
    ]
    assert run_asgi(receiver, parts)[0]["status"] == 200
    assert [one.body for one in stored(inbox)] == [LEAD]
    cut: list[dict[str, Any]] = [
        {"type": "http.request", "body": LEAD[:10], "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert run_asgi(receiver, cut)[0]["status"] == 400
    assert stored(inbox) == []


def test_asgi_speaks_lifespan_and_closes_a_websocket(receiver: Receiver) -> None:
    begin_and_end = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert [one["type"] for one in run_asgi(receiver, begin_and_end, type="lifespan")] == [
        "lifespan.startup.complete", "lifespan.shutdown.complete",
    ]  # fmt: skip
    assert run_asgi(receiver, [], type="websocket") == [{"type": "websocket.close", "code": 1000}]


# Settings and secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"key": "short"}, "at least 32"),
        ({"key": []}, "key must be"),
        ({"key": None}, "key must be"),
        ({"url": "https://пример.рф"}, "Punycode"),
        ({"max_body": 0}, "max_body"),
        ({"client_secret": None}, "client_secret"),
        ({"channels": {"c": ""}}, "channels"),
    ],
)
def test_a_wrong_setting_is_named(inbox: MemoryInbox, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_receiver(inbox, **settings)


def test_an_address_that_cannot_be_verified_is_not_given(inbox: MemoryInbox) -> None:
    receiver = Receiver(inbox, key=KEY, url=URL)
    kinds: list[Kind] = ["bot", "uninstall", "chat", "install"]
    for kind in kinds:
        with pytest.raises(ConfigurationError):
            receiver.address(None, kind)
    for account in (None, 0, -1, True):
        with pytest.raises(ConfigurationError):
            receiver.address(account)
    assert through_wsgi(receiver)("/bot", bot_body()) == 404


def test_nothing_secret_is_shown(
    receiver: Receiver, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = path(receiver, 12345)
    secret = address.rpartition("/")[2]
    send = through_wsgi(receiver)
    send(address, LEAD)
    send(address, LEAD.replace(b"12345", b"999"))
    send(address, b"{", type_="application/json")
    send(f"/account/1/{secret}", LEAD)
    send("/bot", bot_body("forged"))
    shown = caplog.text + repr(receiver) + repr(stored(inbox))
    assert len(caplog.records) == 5
    for hidden in (secret, KEY, SECRET, "channel-secret"):
        assert hidden not in shown


def test_a_new_key_is_long_and_never_the_same() -> None:
    first, second = Receiver.new_key(), Receiver.new_key()
    assert first != second
    assert len(first) == 43
