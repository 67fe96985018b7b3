"""How webhooks are sent: at once and again, and when a subscription is switched off (6.1)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import Delivery, ManualClock, Sandbox
from tests.sandbox.webhooks.receiver import ORIGIN, Receiver

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]

START = 1_700_000_000.0
MINUTE = 60


def moments(delivery: Delivery) -> list[tuple[float, int]]:
    """Return when each attempt was made, in minutes, and its status."""
    return [((one.at - START) / MINUTE, one.status) for one in delivery.attempts]


def let_pass(portal: Sandbox, clock: ManualClock, minutes: int) -> None:
    """Let minutes pass one by one."""
    for _ in range(minutes):
        clock.advance(MINUTE)
        portal.webhooks.deliver()


def test_a_write_queues_and_deliver_sends(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("add_lead")
    portal.add("leads", {"name": "A"})
    (queued,) = portal.webhooks.deliveries
    assert (queued.state, queued.attempts, queued.due) == ("waiting", [], START)
    assert receiver.bodies == []
    assert portal.webhooks.deliver() == [queued]
    assert receiver.bodies == [queued.body]
    assert receiver.paths == ["/secret/in"]
    (environ,) = receiver.environs
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
    assert environ["HTTP_USER_AGENT"] == "amoCRM-Webhooks/3.0"
    assert environ["HTTP_HOST"] == "hooks.example.com"
    assert (queued.state, moments(queued), queued.due) == ("delivered", [(0, 200)], None)
    assert portal.webhooks.deliver() == []


def test_nobody_is_told_of_what_nobody_subscribed_to(portal: Sandbox, call: Call) -> None:
    portal.add_shop()
    call("POST", "/leads", json=[{}])
    assert portal.webhooks.deliveries == []


def test_one_batch_is_one_webhook_for_each_entity_and_subscription(
    portal: Sandbox, call: Call, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("add_lead", url=f"{ORIGIN}/a")
    subscribe("add_lead", url=f"{ORIGIN}/b")
    call("POST", "/leads", json=[{"name": "A"}, {"name": "B"}])
    portal.webhooks.deliver()
    assert receiver.paths == ["/a", "/b", "/a", "/b"]
    names = [one.form["leads[add][0][name]"] for one in portal.webhooks.deliveries]
    assert names == ["A", "A", "B", "B"]


def test_a_refused_batch_and_a_lost_request_tell_nothing(
    portal: Sandbox, call: Call, subscribe: Subscribe
) -> None:
    subscribe("add_lead")
    assert call("POST", "/leads", json=[{"name": "A"}, {"name": 5}]).status_code == 400
    portal.inject("lost_before", method="POST")
    with pytest.raises(requests.ConnectionError):
        call("POST", "/leads", json=[{}])
    assert portal.webhooks.deliveries == []
    portal.inject("lost_after", method="POST")
    with pytest.raises(requests.ConnectionError):
        call("POST", "/leads", json=[{}])
    assert len(portal.webhooks.deliveries) == 1


REPEATED = [
    # answers, minutes of the attempts, the end
    ([200], [0], "delivered"),
    ([100], [0], "delivered"),
    ([299], [0], "delivered"),
    ([404, 200], [0, 5], "delivered"),
    ([404, 404, 404], [0, 5, 20], "failed"),
    ([302, 302, 302], [0, 5, 20], "failed"),
    ([99, 600, 600], [0, 5, 20], "failed"),
    ([498, 498, 498], [0, 5, 20], "failed"),
    ([499] * 5, [0, 5, 20, 35, 95], "failed"),
    ([500] * 5, [0, 5, 20, 35, 95], "failed"),
    ([599] * 5, [0, 5, 20, 35, 95], "failed"),
    ([503, 503, 503, 200], [0, 5, 20, 35], "delivered"),
    ([500, 500, 404], [0, 5, 20], "failed"),
    ([404, 404, 500, 500, 200], [0, 5, 20, 35, 95], "delivered"),
    ([500, 500, 500, 404], [0, 5, 20, 35], "failed"),
]


@pytest.mark.parametrize(("answers", "minutes", "state"), REPEATED)
def test_repeats(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, clock: ManualClock,
    answers: list[int], minutes: list[int], state: str,
) -> None:  # fmt: skip
    receiver.statuses = list(answers)
    subscribe("add_lead")
    portal.add("leads", {"name": "A"})
    portal.webhooks.deliver()
    let_pass(portal, clock, 200)
    (delivery,) = portal.webhooks.deliveries
    assert moments(delivery) == list(zip(minutes, answers, strict=True))
    assert (delivery.state, delivery.due) == (state, None)
    assert set(receiver.bodies) == {delivery.body}
    assert len(receiver.bodies) == len(answers)


def test_repeats_are_counted_from_the_previous_attempt(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, clock: ManualClock
) -> None:
    receiver.statuses = [500, 500]
    subscribe("add_lead")
    portal.add("leads", {"name": "A"})
    clock.advance(MINUTE)
    portal.webhooks.deliver()
    (delivery,) = portal.webhooks.deliveries
    assert portal.webhooks.next_due == delivery.due == START + 6 * MINUTE
    clock.advance(60 * MINUTE)
    portal.webhooks.deliver()
    assert portal.webhooks.next_due == START + (61 + 15) * MINUTE
    assert moments(delivery) == [(1, 500), (61, 500)]


def test_an_app_that_raises_has_answered_500(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe
) -> None:
    def fail() -> None:
        raise RuntimeError("a handler's mistake")

    receiver.then = fail
    subscribe("add_lead")
    portal.add("leads", {})
    assert portal.webhooks.deliver()[0].statuses == [500]


@pytest.mark.parametrize(("seconds", "status"), [(1.9, 200), (2.1, 0)])
def test_an_app_has_two_seconds_of_the_sandbox_clock(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, clock: ManualClock,
    seconds: float, status: int,
) -> None:  # fmt: skip
    receiver.then = lambda: clock.sleep(seconds)
    subscribe("add_lead")
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    assert delivery.statuses == [status]
    assert delivery.attempts[0].error == ("" if status else "timed out")


def test_a_receiver_may_call_the_api(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call
) -> None:
    lead = portal.add("leads", {"name": "A"})
    subscribe("update_lead")
    receiver.then = lambda: call("PATCH", f"/leads/{lead}", json={"price": 5})
    call("PATCH", f"/leads/{lead}", json={"name": "B"})
    for count in (1, 2, 3):
        # Its own write is told as well, by the next call: nothing goes round for ever.
        assert len(portal.webhooks.deliver()) == 1
        assert len(receiver.bodies) == count


def test_a_receiver_in_another_thread_may_call_the_api(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call
) -> None:
    def call_elsewhere() -> None:
        # It would wait for ever if the sandbox sent while it holds its lock.
        thread = threading.Thread(target=lambda: call("GET", "/account"))
        thread.start()
        thread.join(30)
        assert not thread.is_alive()

    receiver.then = call_elsewhere
    subscribe("add_lead")
    portal.add("leads", {})
    assert portal.webhooks.deliver()[0].statuses == [200]


def is_off(call: Call) -> bool:
    (hook,) = call("GET", "/webhooks").json()["_embedded"]["webhooks"]
    return bool(hook["disabled"])


def test_a_subscription_is_switched_off_after_a_hundred_bad_answers(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call, clock: ManualClock
) -> None:
    subscribe("add_lead")
    receiver.statuses = [404] * 100 + [200] + [404]
    for _ in range(101):
        portal.add("leads", {})
        portal.webhooks.deliver()
    assert not is_off(call)  # A hundred are not more than a hundred.
    portal.add("leads", {})
    portal.webhooks.deliver()
    assert is_off(call)
    portal.add("leads", {})
    assert len(portal.webhooks.deliveries) == 102
    clock.advance(5 * MINUTE)
    portal.webhooks.deliver()
    assert {one.state for one in portal.webhooks.deliveries} == {"dropped", "delivered"}
    assert len(receiver.bodies) == 102

    subscribe("add_lead")
    assert not is_off(call)
    portal.add("leads", {})
    receiver.statuses = [404]
    portal.webhooks.deliver()
    assert not is_off(call)
    assert len(receiver.bodies) == 103


def test_bad_answers_of_more_than_two_hours_ago_do_not_count(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call, clock: ManualClock
) -> None:
    subscribe("add_lead")
    for _ in range(100):
        portal.add("leads", {})
    receiver.statuses = [404] * 100
    portal.webhooks.deliver()
    clock.advance(2 * 60 * MINUTE)
    receiver.statuses = [404] * 100
    portal.webhooks.deliver()
    assert not is_off(call)
    portal.add("leads", {})
    receiver.statuses = [404]
    portal.webhooks.deliver()
    assert is_off(call)


def test_a_deleted_subscription_repeats_nothing(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call, clock: ManualClock
) -> None:
    url = subscribe("add_lead")
    receiver.statuses = [500]
    portal.add("leads", {})
    portal.webhooks.deliver()
    call("DELETE", "/webhooks", json={"destination": url})
    clock.advance(5 * MINUTE)
    (delivery,) = portal.webhooks.deliver()
    assert (delivery.state, delivery.statuses) == ("dropped", [500])


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/in",
        "http://hooks.example.com/in",
        "https://hooks.example.com:8443/in",
        "https://127.0.0.1/in",
        "http://10.0.0.1/in",
        "http://127.0.0.1.example/in",
        "http://localhost.example/in",
    ],
)
def test_other_machines_are_refused(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe, call: Call, clock: ManualClock,
    url: str,
) -> None:  # fmt: skip
    subscribe("add_lead", url=url)
    portal.add("leads", {})
    assert portal.webhooks.deliver() == []
    let_pass(portal, clock, 10)
    (delivery,) = portal.webhooks.deliveries
    assert (delivery.state, delivery.attempts, delivery.due) == ("refused", [], None)
    assert receiver.bodies == []
    assert not is_off(call)


def test_a_domain_in_other_letters_is_not_supported(
    call: Call, refused: Callable[[requests.Response], Any]
) -> None:
    model = {"destination": "https://пример.example/in", "settings": ["add_lead"]}
    assert refused(call("POST", "/webhooks", json=model)) == [("InvalidFormat", "destination")]


def test_apps_are_mounted_by_their_origin(portal: Sandbox, subscribe: Subscribe) -> None:
    one, two = Receiver(), Receiver()
    portal.webhooks.mount("https://one.example/", one)
    portal.webhooks.mount("http://two.example:8080", two)
    subscribe("add_lead", url="https://ONE.example:443/a?key=1&key=2")
    subscribe("add_lead", url="http://two.example:8080/b%20c")
    portal.add("leads", {})
    portal.webhooks.deliver()
    assert (one.paths, two.paths) == (["/a"], ["/b c"])
    assert one.environs[0]["QUERY_STRING"] == "key=1&key=2"
    portal.webhooks.unmount("http://two.example:8080")
    with pytest.raises(KeyError):
        portal.webhooks.unmount("http://two.example:8080")
    portal.add("leads", {})
    assert [one.state for one in portal.webhooks.deliveries[2:]] == ["waiting", "refused"]


@pytest.mark.parametrize("origin", ["hooks.example.com", "https://a.example/in", "", "ftp://a"])
def test_an_app_needs_an_origin(portal: Sandbox, origin: str) -> None:
    with pytest.raises(ValueError, match="expected an origin"):
        portal.webhooks.mount(origin, Receiver())


def test_a_delivery_hides_the_path(
    portal: Sandbox, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("add_lead", url=f"{ORIGIN}/in/very-secret?key=hidden")
    portal.add("leads", {})
    portal.webhooks.deliver()
    text = repr(portal.webhooks.deliveries)
    assert text == "[<Delivery 1: add_lead to https://hooks.example.com, delivered [200]>]"


def test_accounts_have_subscriptions_of_their_own(receiver: Receiver, clock: ManualClock) -> None:
    portal = Sandbox(("example", "two.kommo.com"), clock=clock, rps=None)
    portal.webhooks.mount(ORIGIN, receiver)
    token = portal.issue_long_lived("two")
    with portal.session() as session:
        answer = session.post(
            "https://two.kommo.com/api/v4/webhooks",
            json={"destination": f"{ORIGIN}/in", "settings": ["add_lead"]},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 201
    portal.add("leads", {})
    portal.add("leads", {}, "two")
    (delivery,) = portal.webhooks.deliver()
    assert delivery.account == "two"
    assert delivery.form["account[_links][self]"] == "https://two.kommo.com"
