"""Webhooks from outside of Python: subscribe, look at deliveries, send again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.control.conftest import ORIGIN, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Ask = Callable[..., requests.Response]
Call = Callable[..., Any]
HOOK = "https://hooks.example.com/amo?token=s3cret"


@pytest.fixture
def received(portal: Sandbox, clock: ManualClock) -> list[str]:
    """Mount a receiver; it answers 200, after two answers 500."""
    got: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        got.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        start_response("500 Oh" if len(got) < 3 else "200 OK", [])
        return []

    portal.webhooks.mount("https://hooks.example.com", app)
    return got


def test_a_delivery_is_followed_and_repeated(
    portal: Sandbox, received: list[str], get: Call, post: Call
) -> None:
    made = post("webhooks", destination=HOOK, settings="update_lead, add_lead")
    assert made["settings"] == ["update_lead", "add_lead"]
    assert [one["destination"] for one in get("webhooks")["webhooks"]] == [HOOK]
    number = post("leads", name="Новая")["id"]
    (sent,) = post("deliver")["deliveries"]
    assert (sent["state"], [one["status"] for one in sent["attempts"]]) == ("waiting", [500])
    post("clock", seconds=300)
    assert [one["state"] for one in post("deliver")["deliveries"]] == ["waiting"]
    again = post(f"deliveries/{sent['number']}/resend")
    assert again["copy_of"] == sent["number"]
    (last,) = post("deliver")["deliveries"]
    assert (last["number"], last["state"]) == (again["number"], "delivered")
    assert len(set(received)) == 1
    assert f"={number}&" in received[0]
    assert [one["number"] for one in get("deliveries", after=1)["deliveries"]] == [2]
    assert [one["number"] for one in get("deliveries", limit=1)["deliveries"]] == [2]


def test_secrets_of_addresses_and_bodies_are_not_shown(
    portal: Sandbox, get: Call, post: Call
) -> None:
    post("webhooks", destination=HOOK, settings=["add_lead"])
    post("leads", name="x")
    assert "s3cret" not in str(get("deliveries"))
    assert "s3cret" not in str(get("deliveries/1"))
    portal.webhooks.bot("http://127.0.0.1:9/bot", "leads", portal.leads()[0]["id"])
    shown = get("deliveries/2")
    assert '"token": "(secret)"' in shown["body"]["text"]
    assert shown["form"] is None


def test_what_a_receiver_answered_is_shown_without_secrets(
    portal: Sandbox, get: Call, post: Call, session: requests.Session
) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("422 No", [])
        return [b'{"token": "s3cret", ', b'"why": "<b>no such lead"}', b" " * 10_000, b"end"]

    portal.webhooks.mount("https://hooks.example.com", app)
    post("webhooks", destination=HOOK, settings=["add_lead"])
    post("leads", name="x")
    (sent,) = post("deliver")["deliveries"]
    (attempt,) = sent["attempts"]
    assert attempt["body"].strip() == '{"token": "(secret)", "why": "<b>no such lead"}'
    assert 1900 < len(attempt["body"]) < 2100
    page = session.get(f"{ORIGIN}/_page/webhooks/1").text
    assert "&lt;b&gt;no such lead" in page
    assert "s3cret" not in page


def test_a_subscription_is_removed(get: Call, post: Call, ask: Ask) -> None:
    post("webhooks", destination=HOOK, settings=["add_lead"], account="second")
    assert get("webhooks")["webhooks"] == []
    post("webhooks/remove", destination=HOOK, account="second")
    assert get("webhooks", account="second")["webhooks"] == []
    assert refusal(ask("POST", "webhooks/remove", destination=HOOK))[0] == 404


def test_what_cannot_be_subscribed_is_refused(ask: Ask, get: Call) -> None:
    nowhere = ("nowhere", "http://[::1", "http://a:port/", "http://a:99999/", "http:///a")
    wrong = [*((one, ["add_lead"]) for one in nowhere), (HOOK, ["nothing"]), (HOOK, 5)]
    for destination, settings in wrong:
        assert (
            refusal(ask("POST", "webhooks", destination=destination, settings=settings))[0] == 400
        )
    assert get("webhooks")["webhooks"] == []


def test_what_is_no_address_is_shown_all_the_same(
    portal: Sandbox, get: Call, session: requests.Session
) -> None:
    one = portal.add_integration(hook_url="http://[::1")
    portal.uninstall(integration=one)
    (hook,) = get("deliveries")["deliveries"]
    assert (hook["kind"], hook["state"]) == ("uninstall", "refused")
    assert "[::1" in hook["url"]
    assert "signature=&" in f"{hook['url']}&"
    assert repr(portal.webhooks.deliveries[0]).startswith("<Delivery 1: uninstall")
    for path in ("", "/1"):
        page = session.get(f"{ORIGIN}/_page/webhooks{path}")
        assert (page.status_code, "[::1" in page.text) == (200, True)


def test_an_unknown_delivery_is_404(ask: Ask) -> None:
    assert refusal(ask("GET", "deliveries/7")) == (404, "number: there is no webhook 7")
    assert refusal(ask("POST", "deliveries/7/resend")) == (404, "number: there is no webhook 7")
