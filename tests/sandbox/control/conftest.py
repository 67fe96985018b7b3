"""A portal with the data of a small shop, and its actions as a test in any language calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

ORIGIN = "https://example.amocrm.ru"
JSON = "application/json"


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    portal = Sandbox(("example", "second.kommo.com"), clock=clock, seed=1)
    portal.add_shop()
    return portal


@pytest.fixture
def ask(session: requests.Session) -> Callable[..., requests.Response]:
    """Call an action; keywords are the query of a GET and the JSON body of a POST."""

    def ask(method: str, path: str, /, **values: Any) -> requests.Response:
        place: dict[str, Any] = {"params": values} if method == "GET" else {"json": values}
        return session.request(method, f"{ORIGIN}/_sandbox/{path}", **place)

    return ask


@pytest.fixture
def get(ask: Callable[..., requests.Response]) -> Callable[..., Any]:
    """Return what a GET answers."""

    def get(path: str, /, **values: Any) -> Any:
        return _json(ask("GET", path, **values))

    return get


@pytest.fixture
def post(ask: Callable[..., requests.Response]) -> Callable[..., Any]:
    """Return what a POST answers."""

    def post(path: str, /, **values: Any) -> Any:
        return _json(ask("POST", path, **values))

    return post


def _json(answer: requests.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == JSON
    return answer.json()


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Return the status and the line of a refused action."""
    assert answer.headers["Content-Type"] == JSON
    body = answer.json()
    assert body["status"] == answer.status_code
    assert "\n" not in body["detail"]
    return answer.status_code, body["detail"]
