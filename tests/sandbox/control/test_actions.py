"""The table of the actions, and the list that is made of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.control.action import Action
from amocrm.sandbox.control.actions import ACTIONS
from amocrm.sandbox.control.feed import PARTS
from amocrm.sandbox.control.listing import curl_example
from tests.sandbox.control.conftest import ORIGIN

EACH = pytest.mark.parametrize("action", ACTIONS, ids=lambda one: one.name)
NAMED = re.compile(r"\{(\w+)\}")


def test_names_and_addresses_are_given_once() -> None:
    assert len({one.name for one in ACTIONS}) == len(ACTIONS)
    assert len({(one.method, one.path) for one in ACTIONS}) == len(ACTIONS)


@EACH
def test_an_action_is_described_in_both_languages(action: Action) -> None:
    assert action.path.startswith("/_sandbox/")
    texts = [(action.en, action.ru), *((one.en, one.ru) for one in action.parameters)]
    for english, russian in texts:
        assert english.endswith((".", ")."))
        assert re.search("[а-яё]", russian), russian
        assert not re.search("[а-яё]", english), english
    assert set(NAMED.findall(action.path)) <= {one.name for one in action.parameters}
    assert all(one.required for one in action.parameters if action.in_path(one))
    assert set(action.changes) <= set(PARTS)
    assert bool(action.changes) is (action.method == "POST")


def test_programs_get_the_table_as_json(get: Callable[..., Any]) -> None:
    listed = get("")["actions"]
    assert [one["name"] for one in listed] == [one.name for one in ACTIONS]
    (move,) = (one for one in listed if one["name"] == "move_lead")
    assert (move["method"], move["path"]) == ("POST", "/_sandbox/leads/{id}/move")
    places = {one["name"]: (one["type"], one["in"]) for one in move["parameters"]}
    assert places["id"] == ("int", "path")
    assert places["status_id"] == ("int", "body")
    (faults,) = (one for one in listed if one["name"] == "inject_fault")
    (fault,) = (one for one in faults["parameters"] if one["name"] == "fault")
    assert fault["required"]
    assert "lost_after" in fault["choices"]


@pytest.mark.parametrize("path", ["/_sandbox", "/_sandbox/"])
def test_people_get_the_list_as_a_page(session: requests.Session, path: str) -> None:
    page = session.get(ORIGIN + path, headers={"Accept": "text/html"})
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "/_sandbox/leads/{id}/move" in page.text


@EACH
def test_an_example_is_understood(action: Action, portal: Sandbox) -> None:
    """The words in capitals are replaced; what the example calls is the action itself."""
    words = shlex.split(curl_example(action, ORIGIN))
    address = next(one for one in words if one.startswith("https://"))
    path = re.sub("[A-Z_]{2,}", "1", urlsplit(address).path)
    body = words[words.index("-d") + 1] if "-d" in words else None
    with portal.session() as session:
        answer = session.request(
            action.method,
            ORIGIN + path,
            params=urlsplit(address).query,
            data=body,
            headers={"Content-Type": "application/json"} if body else {},
        )
    assert answer.status_code in (200, 400, 404)
    assert "no such action" not in answer.text
    assert "no parameter" not in answer.text
    assert "is missing" not in answer.text or not action.parameters or action.name == "move_lead"
