"""A portal with the data of a small shop, and its page as a browser without JavaScript gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox
from tests.sandbox.page.markup import Form, forms

ORIGIN = "http://127.0.0.1:8080"


@pytest.fixture
def portal() -> Sandbox:
    portal = Sandbox(("example", "second.kommo.com"), clock=ManualClock(), seed=1)
    portal.add_shop()
    return portal


@pytest.fixture
def browser(portal: Sandbox) -> Iterator[requests.Session]:
    with portal.session() as session:
        session.headers.update({"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"})
        yield session


@pytest.fixture
def get(browser: requests.Session) -> Callable[..., requests.Response]:
    """Open a page by its path."""

    def get(path: str, **params: Any) -> requests.Response:
        return browser.get(ORIGIN + path, params=params)

    return get


@pytest.fixture
def submit(browser: requests.Session) -> Callable[..., requests.Response]:
    """Open a page, fill in the form of an action, press its button, and follow to the next page."""

    def submit(path: str, action: str, **values: str) -> requests.Response:
        form = the_form(browser.get(ORIGIN + path).text, action)
        return browser.post(ORIGIN + form.action, data={**form.values, **values})

    return submit


def the_form(html: str, action: str) -> Form:
    """Return the first form that is sent to an address."""
    return next(one for one in forms(html) if one.action == action)
