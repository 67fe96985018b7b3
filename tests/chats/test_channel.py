"""A channel of the Chats API, over the real transport against the portal."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest

from amocrm import (
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    ReplyError,
    UnexpectedReplyError,
)
from amocrm.chats import Channel, Chats
from amocrm.chats.payloads import DELIVERED, FAILED, READ, explain_chat
from amocrm.chats.signatures import verify_hook
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.sandbox import Channel as Registered
from amocrm.sandbox import ManualClock, Sandbox
from tests.canned import Canned

ANN = {"id": "u-1", "name": "Ann", "profile": {"phone": "+79990000000"}}


@pytest.fixture
def registered(portal: Sandbox) -> Registered:
    return portal.add_channel()


@pytest.fixture
def channel(portal: Sandbox, registered: Registered, clock: ManualClock) -> Iterator[Channel]:
    with Channel(
        registered.id, registered.secret, session=portal.session(), clock=clock, rate_limiter=None
    ) as channel:
        yield channel


@pytest.fixture
def account(portal: Sandbox) -> str:
    return portal.account().amojo_id


@pytest.fixture
def chats(channel: Channel, account: str) -> Chats:
    return channel.connect(account)


def say(chats: Chats, text: str = "hello", number: int = 1, **more: Any) -> dict[str, Any]:
    more = {"sender": ANN, "conversation_id": "c-1", "msgid": f"m-{number}", **more}
    return chats.send(text, **more)


def test_a_channel_is_connected_and_disconnected(
    channel: Channel, registered: Registered, account: str
) -> None:
    chats = channel.connect(account, title="Support", is_time_window_disabled=False)
    assert chats.id == f"{registered.id}_{account}"
    assert repr(chats) == f"<Chats {chats.id}>"
    assert channel.connect(account).id == chats.id
    say(chats)
    channel.disconnect(account)
    with pytest.raises(
        ForbiddenError, match=r"ORIGIN_NOT_CONNECTED.*connect the channel"
    ) as caught:
        say(chats, "again", 2)
    assert caught.value.status == 403
    with pytest.raises(NotFoundError):
        channel.disconnect(account)


def test_a_chat_is_opened_once(chats: Chats) -> None:
    first = chats.open("c-1", ANN)
    assert first["user"]["client_id"] == "u-1"
    assert chats.open("c-1", ANN)["id"] == first["id"]
    assert chats.open("c-2", ANN, source="s-1")["id"] != first["id"]


def test_messages_of_any_type_are_in_the_history_newest_first(
    chats: Chats, clock: ManualClock
) -> None:
    told = say(chats)
    assert told["ref_id"] == "m-1"
    media = {"media": "https://e.org/f", "file_name": "f", "file_size": 5}
    kinds: list[dict[str, Any]] = [
        {"type": "picture", **media}, {"type": "file", **media}, {"type": "video", **media},
        {"type": "voice", "media": "https://e.org/v", "media_duration": 3},
        {"type": "contact", "contact": {"name": "Bob", "phone": "+7900"}},
        {"type": "location", "location": {"lon": 56.2, "lat": 58.0}},
    ]  # fmt: skip
    for number, message in enumerate(kinds, 2):
        chats.send(
            message, msgid=f"m-{number}", conversation_id="c-1", sender=ANN, silent=True,
            at=1_700_000_000.5,
        )  # fmt: skip
    history = list(chats.history("c-1"))
    assert [one["message"]["client_id"] for one in history] == [f"m-{at}" for at in range(7, 0, -1)]
    assert [one["message"]["type"] for one in history[:-1]] == [one["type"] for one in kinds[::-1]]
    assert history[0]["msec_timestamp"] == 1_700_000_000_500
    assert history[-1]["timestamp"] == int(clock.time())
    assert list(chats.history("nobody")) == []


@pytest.mark.parametrize(("count", "calls"), [(49, 1), (50, 2), (101, 3)])
def test_a_long_history_is_read_by_fifties(
    chats: Chats, portal: Sandbox, count: int, calls: int
) -> None:
    for number in range(count):
        say(chats, str(number), number)
    before = len(portal.log)
    texts = [one["message"]["text"] for one in chats.history("c-1")]
    assert texts == [str(number) for number in range(count)][::-1]
    assert len(portal.log) - before == calls


def test_a_message_that_comes_meanwhile_gives_nothing_twice(chats: Chats) -> None:
    for number in range(60):
        say(chats, str(number), number)
    history = chats.history("c-1")
    texts = [next(history)["message"]["text"]]
    say(chats, "new", 60)
    texts += [one["message"]["text"] for one in history]
    assert texts == [str(number) for number in range(60)][::-1]


def test_a_message_is_changed_by_either_of_its_ids(chats: Chats) -> None:
    told = say(chats)
    chats.edit("better", conversation_id="c-1", msgid="m-1")
    assert next(chats.history("c-1"))["message"]["text"] == "better"
    status = {"status_code": READ}
    again = chats.edit("best", conversation_id="c-1", id=told["msgid"], delivery_status=status)
    assert again["msgid"] == told["msgid"]
    assert next(chats.history("c-1"))["message"]["text"] == "best"


def test_what_becomes_of_a_message_of_the_account_is_told(
    chats: Chats, portal: Sandbox, registered: Registered
) -> None:
    say(chats)
    hook = portal.write_chat(chats.id, "c-1", "answer")
    verify_hook(registered.secret, hook.body, hook.headers["X-Signature"])
    number = json.loads(hook.body)["message"]["message"]["id"]
    chats.set_delivery(number, DELIVERED)
    chats.set_delivery(number, READ)
    chats.set_delivery(number, FAILED, error_code=905, error="no luck")
    with pytest.raises(NotFoundError):
        chats.set_delivery("nobody", READ)
    with pytest.raises(ReplyError, match="INVALID_REQUEST"):
        chats.set_delivery(number, 7)


def test_a_customer_types_and_reacts(chats: Chats) -> None:
    told = say(chats)
    chats.typing("c-1", "u-1")
    chats.typing("c-1", "u-1", duration_ms=3000)
    chats.react("👍", user={"id": "u-1"}, conversation_id="c-1", msgid="m-1")
    chats.react(None, user={"id": "u-1"}, conversation_id="c-1", id=told["msgid"])
    chat = chats.open("c-1", ANN)["id"]
    chats.react("👎", user={"id": "u-1"}, conversation_ref_id=chat, msgid="m-1")
    with pytest.raises(NotFoundError):
        chats.react("👍", user={"id": "u-1"}, conversation_id="c-1", msgid="m-9")


def test_an_answer_of_the_account_has_a_receiver(chats: Chats, registered: Registered) -> None:
    say(chats)
    bot = {"id": "b", "name": "Bot", "ref_id": registered.bot_id}
    assert say(chats, "hi", 2, sender=bot, receiver=ANN)["receiver_id"]


def test_a_wrong_secret_or_clock_is_said_to_be_so(
    portal: Sandbox, registered: Registered, account: str, clock: ManualClock
) -> None:
    wrong = Channel(
        registered.id, "wrong", session=portal.session(), clock=clock, rate_limiter=None
    )
    with pytest.raises(ForbiddenError) as caught:
        wrong.connect(account)
    assert str(caught.value).startswith(
        f"POST /v2/origin/custom/{registered.id}/connect returned 403 Forbidden: "
        "ORIGIN_INVALID_SIGNATURE: invalid signature "
        "(check the channel's secret, and the clock of this machine)"
    )
    late = ManualClock()
    late.advance(clock.time() - late.time() + 901)
    slow = Channel(
        registered.id, registered.secret, session=portal.session(), clock=late, rate_limiter=None
    )
    with pytest.raises(ForbiddenError, match="ORIGIN_INVALID_SIGNATURE"):
        slow.connect(account)


def test_an_unknown_channel_is_not_found(portal: Sandbox, account: str, clock: ManualClock) -> None:
    with pytest.raises(NotFoundError, match=r"ORIGIN_NOT_REGISTERED.*is registered"):
        Channel("nobody", "s", session=portal.session(), clock=clock, rate_limiter=None).connect(
            account
        )


def test_no_secret_and_no_chat_is_shown(
    channel: Channel,
    chats: Chats,
    registered: Registered,
    portal: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "amocrm")
    say(chats, conversation_id="+79990000000")
    assert len(list(chats.history("+79990000000"))) == 1
    shown = repr(channel) + repr(chats) + caplog.text
    assert "/history 200" in caplog.text
    assert registered.secret not in shown + repr(vars(channel))
    assert "7999" not in shown


def test_a_message_is_not_repeated_when_nobody_knows(chats: Chats, portal: Sandbox) -> None:
    portal.inject("lost_after")
    before = len(portal.log)
    with pytest.raises(OutcomeUnknownError) as caught:
        say(chats)
    assert len(portal.log) - before == 1
    assert isinstance(caught.value.data, dict)
    assert caught.value.data["payload"]["msgid"] == "m-1"
    portal.inject("lost_after")
    say(chats, retry="always")
    portal.inject("lost_after")
    assert len(list(chats.history("c-1"))) == 1
    assert len(portal.log) - before == 5


def test_what_may_have_been_sent_is_not_told_as_refused(chats: Chats, portal: Sandbox) -> None:
    portal.inject("lost_after")
    portal.inject("server_error", status=403)
    with pytest.raises(OutcomeUnknownError) as caught:
        say(chats, retry="always")
    assert isinstance(caught.value.__cause__, ForbiddenError)
    with pytest.raises(ConfigurationError, match="not 'often'"):
        say(chats, retry="often")


def test_each_attempt_is_signed_at_its_own_time(
    chats: Chats, portal: Sandbox, clock: ManualClock
) -> None:
    clock.advance(10_000)
    say(chats)  # A date of the first call would be too old by now.
    assert len(list(chats.history("c-1"))) == 1


def test_a_call_that_is_tried_again_is_dated_and_signed_anew(
    chats: Chats, portal: Sandbox, registered: Registered
) -> None:
    portal.inject("too_many", path="*/chats", retry_after=2, times=2)
    chats.open("c-1", ANN)
    tries = [one.headers for one in portal.log if one.path.endswith("/chats")]
    assert len(tries) == 3
    dates = [parsedate_to_datetime(one["date"]).timestamp() for one in tries]
    assert all(later - earlier >= 2 for earlier, later in pairwise(dates))
    assert len({one["x-signature"] for one in tries}) == 3


WRONG: list[Any] = [
    lambda one: one.send("x", msgid="", conversation_id="c", sender={}),
    lambda one: one.send("x", msgid="m", conversation_id=5, sender={}),
    lambda one: one.send({"text": "x"}, msgid="m", conversation_id="c", sender={}),
    lambda one: one.send(5, msgid="m", conversation_id="c", sender={}),
    lambda one: one.edit("x", conversation_id="c"),
    lambda one: one.edit("x", conversation_id="c", msgid="a", id="b"),
    lambda one: one.open("", {}),
    lambda one: one.typing("", "u"),
    lambda one: one.typing("c", ""),
    lambda one: one.set_delivery("", 1),
    lambda one: one.react("x", user={}, conversation_id="c"),
    lambda one: one.react("x", user={}, msgid="m"),
    lambda one: list(one.history("")),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_sent_is_not(chats: Chats, portal: Sandbox, wrong: Any) -> None:
    before = len(portal.log)
    with pytest.raises(ConfigurationError):
        wrong(chats)
    assert len(portal.log) == before


@pytest.mark.parametrize(
    "settings",
    [{"zone": "example.org"}, {"channel_id": ""}, {"secret": ""}, {"secret": None},
     {"base_url": "ftp://x"}],
)  # fmt: skip
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    settings = {"channel_id": "c", "secret": "s", **settings}
    with pytest.raises(ConfigurationError) as caught:
        Channel(settings.pop("channel_id"), settings.pop("secret"), **settings)
    assert "'s'" not in str(caught.value)


def test_each_platform_has_its_host(registered: Registered) -> None:
    shown = [
        repr(Channel("c", "s", zone=zone)) for zone in ("amocrm.ru", "amocrm.com", "kommo.com")
    ]
    assert shown == [
        "<Channel c at https://amojo.amocrm.ru>", "<Channel c at https://amojo.amocrm.com>",
        "<Channel c at https://amojo.kommo.com>",
    ]  # fmt: skip


def test_a_served_portal_is_a_platform_too(
    portal: Sandbox, registered: Registered, account: str, clock: ManualClock
) -> None:
    with (
        portal.serve() as served,
        Channel(
            registered.id,
            registered.secret,
            base_url=served.url,
            clock=clock,
            rate_limiter=LocalRateLimiter(1000.0),
        ) as channel,
    ):
        chats = channel.chats(channel.connect(account).id)
        say(chats, conversation_id="c 1ä:@+'")
        assert len(list(chats.history("c 1ä:@+'"))) == 1
    with pytest.raises(ConfigurationError, match="closed"):
        say(chats)


@pytest.mark.parametrize("body", [{}, {"scope_id": ""}, [], {"scope_id": 5}])
def test_an_answer_without_a_scope_is_told_of(clock: ManualClock, body: Any) -> None:
    session = Canned(lambda *_: body).session()
    with pytest.raises(UnexpectedReplyError, match="with no scope_id"):
        Channel("c", "s", session=session, clock=clock, rate_limiter=None).connect("a")


@pytest.mark.parametrize("data", [None, [], {}, {"error_type": 5}, {"detail": "x"}])
def test_a_refusal_of_another_shape_is_left_as_it_is(data: Any) -> None:
    error = ReplyError("x", method="GET", path="/", status=400, data=data)
    assert explain_chat(error) is error


def test_an_explained_refusal_survives_pickling() -> None:
    data = {"error_type": "ODD"}
    error = explain_chat(ReplyError("x", method="GET", path="/", status=400, title="T", data=data))
    assert str(error) == "GET / returned 400 T: ODD"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "odd",
    [".", "..", "%2e", "%2E%2e", "../x", "a/../b", "a\\..\\b", "", "\x00", "a\nb", "\ud800", 7],
)
def test_an_id_that_leads_to_another_path_is_refused_unsent(
    channel: Channel, chats: Chats, portal: Sandbox, odd: Any
) -> None:
    before = len(portal.log)
    for call in (
        lambda: chats.set_delivery(odd, DELIVERED),
        lambda: list(chats.history(odd)),
        lambda: channel.chats(odd),
        lambda: Channel(odd, "secret", session=portal.session()).connect("a"),
    ):
        with pytest.raises(ConfigurationError):
            call()
    assert len(portal.log) == before


@pytest.mark.parametrize("odd", ["a?b=c", "a#b", "a%2Fb", "чат", "a b", "...", ".a"])
def test_an_id_of_any_other_letters_is_one_segment(chats: Chats, portal: Sandbox, odd: str) -> None:
    say(chats, conversation_id=odd)
    assert [one["message"]["text"] for one in chats.history(odd)] == ["hello"]


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 10**400, -1, "1", True])
def test_a_message_is_written_at_an_instant(chats: Chats, at: Any) -> None:
    with pytest.raises(ConfigurationError, match="Unix seconds"):
        say(chats, at=at)


@pytest.mark.parametrize("secret", [None, 7, b"secret", ""])
def test_a_channel_needs_a_secret(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        Channel("id", secret)
