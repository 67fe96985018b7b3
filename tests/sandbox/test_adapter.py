"""The portal behind a `requests` session: what a real adapter would give."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from urllib3 import Timeout

from amocrm.sandbox import ManualClock, Sandbox

URL = "https://example.amocrm.ru/api/v4/account"


def test_a_response_looks_like_any_other(portal: Sandbox, session: requests.Session) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    timeout: Any = Timeout(5)  # requests takes it, its stubs do not know
    answer = session.get(URL, params={"with": "version"}, headers=headers, timeout=timeout)
    assert (answer.status_code, answer.reason, answer.ok) == (200, "OK", True)
    assert answer.url == URL + "?with=version"
    assert str(answer.request.headers["Authorization"]).startswith("Bearer ")
    assert answer.elapsed.total_seconds() >= 0
    assert answer.headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.headers["x-request-id"] == f"{1:032x}"
    assert answer.raw.closed


def test_a_stream_is_read_in_pieces(portal: Sandbox, session: requests.Session) -> None:
    with session.get(URL, stream=True) as answer:
        pieces = list(answer.iter_content(10))
    assert len(pieces) > 5
    assert b"".join(pieces).startswith(b'{"title"')


def body_parts() -> Iterator[bytes]:
    yield b"client_id="
    yield b"x"


@pytest.mark.parametrize(
    "body",
    [
        "client_id=x",
        b"client_id=x",
        io.BytesIO(b"client_id=x"),
        io.StringIO("client_id=x"),
        body_parts(),
    ],
    ids=["text", "bytes", "file", "text file", "generator"],
)
def test_every_kind_of_body_arrives(
    portal: Sandbox, session: requests.Session, body: object
) -> None:
    answer = session.post("https://example.amocrm.ru/oauth2/access_token", data=body)  # type: ignore[arg-type]  # any body
    assert answer.status_code == 400
    assert portal.log[-1].body == {"client_id": "x"}


def test_paths_and_names_outside_ascii_arrive(portal: Sandbox, session: requests.Session) -> None:
    answer = session.get("https://example.amocrm.ru/api/v4/Сделки?query=Привет&a=%20")
    assert answer.status_code == 401
    assert portal.log[-1].path == "/api/v4/Сделки"
    assert portal.log[-1].params == {"query": "Привет", "a": " "}


def test_mounting_leaves_other_settings_alone(clock: ManualClock) -> None:
    portal = Sandbox(clock=clock)
    with requests.Session() as session:
        session.headers["User-Agent"] = "mine/1"
        assert portal.mount(session) is session
        session.get("http://anything.example:81/api/v4/account")
    assert portal.log[0].user_agent == "mine/1"
    assert portal.log[0].host == "anything.example:81"


def test_bytes_in_headers_are_understood(portal: Sandbox, session: requests.Session) -> None:
    session.get(URL, headers={"User-Agent": b"bytes/1"})
    assert portal.log[0].user_agent == "bytes/1"
