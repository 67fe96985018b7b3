"""A portal under a clock that stands still, and ways to talk to it without our client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from amocrm.sandbox import ManualClock, Sandbox

HOST = "https://example.amocrm.ru"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock, rps=None)


@pytest.fixture
def session(portal: Sandbox) -> Iterator[requests.Session]:
    with portal.session() as session:
        yield session


@pytest.fixture
def call(portal: Sandbox, session: requests.Session) -> Callable[..., requests.Response]:
    """Send an API request with an administrator's long-lived token."""
    token = portal.issue_long_lived()

    def call(method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return session.request(method, f"{HOST}/api/v4{path}", headers=headers, **options)

    return call


@pytest.fixture
def grant(portal: Sandbox, session: requests.Session) -> Callable[..., requests.Response]:
    """Ask the token endpoint; `None` leaves a field out."""
    one = portal.integration

    def grant(host: str = HOST, **fields: str | None) -> requests.Response:
        body = {
            "client_id": one.client_id,
            "client_secret": one.client_secret,
            "redirect_uri": one.redirect_uri,
            "grant_type": "refresh_token" if "refresh_token" in fields else "authorization_code",
            **fields,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return session.post(f"{host}/oauth2/access_token", json=body)

    return grant


@pytest.fixture
def refused() -> Callable[[requests.Response], list[tuple[str, str]]]:
    """Return (code, path) of every validation error of a refusal."""

    def refused(answer: requests.Response) -> list[tuple[str, str]]:
        body = answer.json()
        assert (answer.status_code, body["detail"]) == (400, "Request validation failed")
        return [
            (error["code"], error["path"])
            for one in body["validation-errors"]
            for error in one["errors"]
        ]

    return refused


@pytest.fixture
def ordinary(portal: Sandbox, session: requests.Session) -> Callable[..., requests.Response]:
    """Send an API request as a user who is not an administrator."""
    token = portal.issue_long_lived(admin=False)

    def ordinary(method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return session.request(method, f"{HOST}/api/v4{path}", headers=headers, **options)

    return ordinary
