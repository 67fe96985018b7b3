"""Waiting for changes: what wakes, what does not, and how many may wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.control.feed import MOST_WAITING, PARTS, ChangeFeed
from tests.sandbox.control.conftest import refusal

Call = Callable[..., Any]
API = Callable[..., requests.Response]
LONG = 20.0


def until(holds: Callable[[], bool]) -> None:
    """Let other threads work until something holds."""
    pause = threading.Event()
    for _ in range(10_000):
        if holds():
            return
        pause.wait(0.001)
    raise AssertionError("it never held")


def test_what_changed_is_told_by_part(portal: Sandbox, call: API, get: Call, post: Call) -> None:
    def changed(do: Callable[[], object]) -> set[str]:
        after = get("changes")["number"]
        do()
        return set(get("changes", after=after)["changed"])

    number = portal.leads()[0]["id"]
    assert changed(lambda: None) == set()
    assert changed(lambda: call("GET", "/leads")) == {"requests"}
    assert changed(lambda: call("POST", "/leads", json=[{}])) == {"requests", "entities"}
    assert changed(lambda: get("leads")) == set()
    assert changed(lambda: get(f"leads/{number}")) == set()
    assert changed(lambda: post(f"leads/{number}/move", status_id=142)) == {"entities"}
    assert changed(lambda: post("faults", latency=1)) == {"settings"}
    assert changed(lambda: post("tokens")) == {"tokens"}
    post("webhooks", destination="http://127.0.0.1:9/", settings=["add_lead"])
    assert changed(lambda: post("leads")) == {"entities", "deliveries"}
    assert changed(lambda: portal.webhooks.deliver()) == {"deliveries"}
    assert changed(lambda: post("reset")) == set(PARTS)


def test_a_number_of_an_earlier_portal_is_told_everything() -> None:
    feed = ChangeFeed()
    feed.note("tokens")
    assert feed.news(50).parts == PARTS
    assert feed.wait(50, LONG).parts == PARTS
    assert feed.news(1).parts == ()


def test_a_change_wakes_those_who_wait() -> None:
    feed = ChangeFeed()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(feed.wait, 0, LONG) for _ in range(3)]
        feed.note("entities")
        assert [one.result(LONG).parts for one in waiting] == [("entities",)] * 3


def test_more_than_the_most_do_not_wait() -> None:
    feed = ChangeFeed()
    with ThreadPoolExecutor(MOST_WAITING) as pool:
        waiting = [pool.submit(feed.wait, 0, LONG) for _ in range(MOST_WAITING)]
        until(lambda: feed.waiting == MOST_WAITING)
        one_more = feed.wait(0, LONG)
        assert (one_more.parts, one_more.has_room) == ((), False)
        feed.note("tokens")
        assert all(one.result(LONG).has_room for one in waiting)


def test_a_close_ends_the_wait_and_an_open_lets_wait_again() -> None:
    feed = ChangeFeed()
    feed.close()
    assert feed.wait(0, LONG).parts == ()
    feed.open(threads=3)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(feed.wait, 0, LONG)
        feed.note("tokens")
        assert waiting.result(LONG).parts == ("tokens",)


def test_no_wait_is_longer_than_half_a_minute(
    ask: Callable[..., requests.Response], get: Call
) -> None:
    assert refusal(ask("GET", "changes", wait=26))[1] == "wait must be at most 25, not 26.0"
    number = get("changes")["number"]
    assert get("changes", after=number, wait=0.001)["changed"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_served_portal_answers_while_somebody_waits(method: str) -> None:
    portal = Sandbox(rps=None)
    token = portal.issue_long_lived()
    with portal.serve() as served, ThreadPoolExecutor(4) as pool, requests.Session() as session:
        session.trust_env = False
        number = session.get(f"{served.url}/_sandbox/changes").json()["number"]
        query = {"after": number, "wait": LONG}
        waiting = [
            pool.submit(requests.get, f"{served.url}/_sandbox/changes", params=query)
            for _ in range(4)
        ]
        headers = {"Authorization": f"Bearer {token}"}
        answer = session.request(method, f"{served.url}/api/v4/leads", json=[{}], headers=headers)
        assert answer.status_code in (200, 204)
        assert all("requests" in one.result(LONG).json()["changed"] for one in waiting)


def test_closing_a_port_does_not_wait_for_those_who_wait() -> None:
    portal = Sandbox()
    with ThreadPoolExecutor(1) as pool:
        with portal.serve() as served:
            number = portal.feed.news(0).number
            address = f"{served.url}/_sandbox/changes?after={number}&wait=25"
            waiting = pool.submit(requests.get, address, timeout=25)
            until(lambda: portal.feed.waiting == 1)
        assert waiting.result(15).json()["changed"] == []  # Not after the 25 seconds.
