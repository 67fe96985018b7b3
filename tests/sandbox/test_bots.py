"""Bots of both platforms, and bots that wait (reference 4.21, 4.31, 9.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

Call = Callable[..., requests.Response]


@pytest.fixture
def kommo(clock: ManualClock) -> Sandbox:
    return Sandbox(("shop.kommo.com",), clock=clock, rps=None)


@pytest.fixture
def ask(kommo: Sandbox) -> Iterator[Call]:
    headers = {"Authorization": f"Bearer {kommo.issue_long_lived()}"}
    with kommo.session() as session:

        def ask(method: str, path: str, **options: Any) -> requests.Response:
            url = f"https://shop.kommo.com/api/v4{path}"
            return session.request(method, url, headers=headers, **options)

        yield ask


def test_kommo_lists_its_bots(ask: Call) -> None:
    body = ask("GET", "/bots").json()
    assert (body["_total_items"], body["_page"], body["_page_count"]) == (2, 1, 1)
    first, second = body["_embedded"]["items"]
    assert set(first) == {
        *("id", "name", "type_functionality", "is_visual_editor", "settings", "_links"),
    }
    assert first["settings"] == {"active": True}
    params = {"filter[type_functionality][]": "nps"}
    assert ask("GET", "/bots", params=params).json()["_embedded"]["items"] == [second]
    assert ask("GET", "/bots", params={"filter[id][]": 5}).status_code == 204
    one = ask("GET", f"/bots/{first['id']}", params={"with": "favorite"}).json()
    assert one["is_favorite"] is False
    assert ask("GET", "/bots/5").status_code == 204


def test_a_bot_is_started_and_stopped(ask: Call, kommo: Sandbox) -> None:
    bot = kommo.add("bots", {"name": "Seller"})
    lead, contact = kommo.add("leads", {}), kommo.add("contacts", {})
    started = ask("POST", f"/bots/{bot}/run", json={"entity_id": lead, "entity_type": "leads"})
    assert (started.status_code, started.text) == (202, "Accepted")
    many = [{"bot_id": bot, "entity_id": contact, "entity_type": "contacts"}]
    assert ask("POST", "/bots/run", json=many).status_code == 202
    runs = kommo.account().shelf("runs")
    assert set(runs) == {(bot, "leads", lead), (bot, "contacts", contact)}
    assert kommo.counters["bots.started"] == 2
    stopped = ask("POST", f"/bots/{bot}/stop", json={"entity_id": lead, "entity_type": "leads"})
    assert stopped.status_code == 202
    assert set(runs) == {(bot, "contacts", contact)}


def test_starting_is_checked(ask: Call, kommo: Sandbox) -> None:
    bot, lead = kommo.add("bots", {}), kommo.add("leads", {})
    good = {"entity_id": lead, "entity_type": "leads"}
    wrongs: list[Any] = [
        {}, [], {"entity_id": lead}, {"entity_type": "leads"}, {**good, "entity_type": "companies"},
        {**good, "entity_id": 5}, {**good, "x": 1},
    ]  # fmt: skip
    for wrong in wrongs:
        assert ask("POST", f"/bots/{bot}/run", json=wrong).status_code == 400
    for path in ("/bots/5/run", "/bots/5/stop"):
        assert ask("POST", path, json=good).status_code == 404
    stop = {"entity_id": kommo.add("contacts", {}), "entity_type": "contacts"}
    assert ask("POST", f"/bots/{bot}/stop", json=stop).status_code == 400
    assert ask("POST", "/bots/run", json=[{"bot_id": 5, **good}]).status_code == 404
    assert ask("POST", "/bots/run", json=[good]).status_code == 400
    assert ask("POST", "/bots/run", json=[{"bot_id": bot, **good}] * 100).status_code == 202
    assert ask("POST", "/bots/run", json=[{"bot_id": bot, **good}] * 101).status_code == 422


def test_amocrm_has_only_the_older_address(
    call: Call, portal: Sandbox, session: requests.Session
) -> None:
    assert call("GET", "/bots").status_code == 404
    bot, lead = portal.add("bots", {}), portal.add("leads", {})
    model = {"entity_id": lead, "entity_type": "leads"}
    assert call("POST", f"/bots/{bot}/run", json=model).status_code == 404
    assert call("POST", f"/bots/{bot}/stop", json=model).status_code == 404
    assert call("POST", "/bots/run", json=[model]).status_code == 404
    url = "https://example.amocrm.ru/api/v2/salesbot/run"
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    old: dict[str, Any] = {"bot_id": bot, "entity_id": lead, "entity_type": "2"}

    def run(models: Any) -> int:
        return session.post(url, json=models, headers=headers).status_code

    assert run([old]) == run([{**old, "entity_type": 2}]) == run([old] * 100) == 202
    assert (bot, "leads", lead) in portal.account().shelf("runs")
    assert run([{**old, "entity_type": "3"}]) == run([{**old, "entity_id": 5}]) == run([]) == 400
    assert run([{**old, "bot_id": 5}]) == 404
    assert run([old] * 101) == 422
    assert session.get(url, headers=headers).status_code == 405
    assert session.post(url, json=[old]).status_code == 401


def test_a_waiting_bot_goes_on_once(call: Call, portal: Sandbox) -> None:
    bot = portal.add("bots", {})
    number = portal.add("waiting", {"bot_id": bot, "kind": "salesbot"})
    handlers: list[Any] = [
        {"handler": "show", "params": {"type": "text", "value": "x" * 80}},
        {"handler": "show", "params": {"type": "buttons", "value": "a", "buttons": ["b"] * 25}},
        {"handler": "goto", "params": {"type": "question", "step": 0}},
    ]
    path = f"/salesbot/{bot}/continue/{number}"
    wrongs: list[Any] = [
        {"data": 5},
        {"more": {}},
        {"execute_handlers": [handlers[0]] * 11},
        {"execute_handlers": [{"handler": "sing", "params": {}}]},
        {"execute_handlers": [{"handler": "show", "params": {"type": "text", "value": "x" * 81}}]},
        {"execute_handlers": [{"handler": "show", "params": {"type": "buttons", "value": "a",
                                                             "buttons": ["b"] * 26}}]},
        {"execute_handlers": [{"handler": "goto", "params": {"type": "question", "step": -1}}]},
    ]  # fmt: skip
    for wrong in wrongs:
        assert call("POST", path, json=wrong).status_code == 400
    assert call("POST", f"/marketingbot/{bot}/continue/{number}", json={}).status_code == 404
    body = {"data": {"status": "success"}, "execute_handlers": handlers}
    done = call("POST", path, json=body)
    assert (done.status_code, done.content) == (202, b"")
    assert call("POST", path, json=body).status_code == 404
    other = portal.add("waiting", {"bot_id": bot, "kind": "marketingbot"})
    ten = {"execute_handlers": [handlers[0]] * 10}
    assert call("POST", f"/marketingbot/{bot}/continue/{other}", json=ten).status_code == 202
