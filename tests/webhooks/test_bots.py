from __future__ import annotations

from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, ForbiddenError
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks import Event, Handled, Hooks, Worker
from amocrm.webhooks.bots import continue_bot, go_to, show_buttons, show_links, show_text
from amocrm.webhooks.inbox.memory import MemoryInbox
from tests.conftest import Make
from tests.webhooks.arrivals import put

HOST = "https://example.amocrm.ru"


def waiting(sandbox: Sandbox, kind: str = "salesbot", host: str = HOST) -> str:
    """Let a bot wait; return its return_url."""
    number = sandbox.add("waiting", {"bot_id": 3, "kind": kind})
    return f"{host}/api/v4/{kind}/3/continue/{number}"


def test_the_handlers_are_those_of_the_documentation() -> None:
    assert show_text("Hello") == {"handler": "show", "params": {"type": "text", "value": "Hello"}}
    assert show_buttons("Yes?", ["Yes", "No"]) == {
        "handler": "show",
        "params": {"type": "buttons", "value": "Yes?", "buttons": ["Yes", "No"]},
    }
    assert show_links("Pay", ["https://example.com/pay"]) == {
        "handler": "show",
        "params": {"type": "buttons_url", "value": "Pay", "buttons": ["https://example.com/pay"]},
    }
    assert go_to(5) == {"handler": "goto", "params": {"type": "question", "step": 5}}
    assert go_to(0, "finish") == {"handler": "goto", "params": {"type": "finish", "step": 0}}


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (show_text, ("",), "1 to 80 characters"),
        (show_text, ("a" * 81,), "1 to 80 characters"),
        (show_text, (5,), "1 to 80 characters"),
        (show_buttons, ("a", []), "buttons must be 1 to 25 texts"),
        (show_buttons, ("a", ["a"] * 26), "buttons must be 1 to 25 texts"),
        (show_buttons, ("a", ["a", ""]), "each of buttons must be a text"),
        (show_buttons, ("a", "text"), "buttons must be a list"),
        (show_links, ("a", ["example.com"]), "each of urls must be an"),
        (show_links, ("a", ["javascript:alert(1)"]), "each of urls must be an"),
        (go_to, (-1,), "step must be a whole number from 0"),
        (go_to, (True,), "step must be a whole number from 0"),
        (go_to, (1, "end"), "kind must be question, answer or finish"),
    ],
)
def test_wrong_handlers_are_told_before_they_are_sent(
    make: Any, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(*arguments)


@pytest.mark.parametrize("kind", ["salesbot", "marketingbot"])
def test_a_bot_goes_on_once(connected: AmoCRM, sandbox: Sandbox, kind: str) -> None:
    url = waiting(sandbox, kind)
    actions = [show_text("a" * 80), show_buttons("b", ["x"] * 25), go_to(1)]
    assert continue_bot(connected, url, {"status": "success"}, actions) is True
    assert continue_bot(connected, url, {"status": "success"}) is False


def test_both_parts_are_optional(connected: AmoCRM, sandbox: Sandbox) -> None:
    assert continue_bot(connected, waiting(sandbox)) is True


def test_an_answer_that_was_lost_is_sent_again(connected: AmoCRM, sandbox: Sandbox) -> None:
    url = waiting(sandbox)
    sandbox.inject("lost_after", method="POST", times=1)
    assert continue_bot(connected, url) is False  # It went on with the first one.
    url = waiting(sandbox)
    sandbox.inject("lost_before", method="POST", times=1)
    assert continue_bot(connected, url) is True


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api/v4/salesbot/3/continue/1",
        "https://example.amocrm.ru.evil.example/api/v4/salesbot/3/continue/1",
        "https://example.amocrm.ru@evil.example/api/v4/salesbot/3/continue/1",
        "https://other.amocrm.ru/api/v4/salesbot/3/continue/1",
        "http://example.amocrm.ru/api/v4/salesbot/3/continue/1",
        "//evil.example/api/v4/salesbot/3/continue/1",
        "https://example.amocrm.ru/api/v4/leads",
        "https://example.amocrm.ru/api/v4/salesbot/3/continue/1/../../../leads",
        "https://example.amocrm.ru/api/v4/salesbot/3/continue/1?a=b",
        "https://example.amocrm.ru/api/v4/salesbot/3/continue/1#a",
        "",
        None,
        5,
        ["https://example.amocrm.ru/api/v4/salesbot/3/continue/1"],
    ],
)
def test_the_token_goes_nowhere_else(connected: AmoCRM, sandbox: Sandbox, url: object) -> None:
    before = len(sandbox.log)
    with pytest.raises(ConfigurationError):
        continue_bot(connected, url)
    assert len(sandbox.log) == before


@pytest.mark.parametrize(
    ("data", "handlers", "message"),
    [
        (["a"], [], "data must be a dict"),
        (None, [go_to(1)] * 11, "a bot takes 10 handlers, not 11"),
        (None, go_to(1), "handlers must be a list"),
        (None, [{"handler": "goto"}], "each of handlers is made by"),
    ],
)
def test_wrong_answers_are_told_before_they_are_sent(
    connected: AmoCRM, sandbox: Sandbox, data: Any, handlers: Any, message: str
) -> None:
    url, before = waiting(sandbox), len(sandbox.log)
    with pytest.raises(ConfigurationError, match=message):
        continue_bot(connected, url, data, handlers)
    assert len(sandbox.log) == before


def test_an_answer_that_fails_is_sent_until_it_arrives(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    inbox, hooks = MemoryInbox(clock=clock), Hooks()
    results: list[bool] = []

    @hooks.on(kind="bot")
    def answer(event: Event, crm: AmoCRM) -> None:
        question = event.item["data"]["question"]
        answers = [show_text(f"You asked: {question}"), go_to(1)]
        results.append(continue_bot(crm, event.item["return_url"], {"status": "success"}, answers))

    url = waiting(sandbox)
    request = {"token": "a.b.c", "data": {"question": "price"}, "return_url": url}
    put(inbox, request, kind="bot", account=sandbox.account().id)
    worker = Worker(inbox, hooks, connected, clock=clock)
    sandbox.inject("forbidden", path="*/continue/*")
    assert worker.run_until_empty() == Handled(failed=1)
    clock.sleep(900)
    assert worker.run_until_empty() == Handled(done=1)
    assert results == [True]


def test_a_user_without_rights_is_told(make: Make, sandbox: Sandbox) -> None:
    crm = make({"access_token": sandbox.issue_long_lived(admin=False)})
    with pytest.raises(ForbiddenError):
        continue_bot(crm, waiting(sandbox))
