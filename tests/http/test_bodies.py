"""Bytes that are sent as they are, and answers that are not collected."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from amocrm import AmoCRM, ConfigurationError, NotFoundError
from amocrm.http.request import Request, Target, origin_at, read_into, redirect
from amocrm.http.transport.reading import MAX_BODY
from amocrm.sandbox import ManualClock, Sandbox


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), rate_limiter=None, clock=clock)


DRIVE = "https://drive-b.amocrm.ru"


def at_drive(request: Request) -> Request:
    origin = origin_at(request, DRIVE)
    assert origin == DRIVE
    return redirect(request, Target(lambda: DRIVE))


class Echo(HTTPAdapter):
    """Answers with what came, and remembers how it came."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[object] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        self.bodies.append(request.body)
        raw = HTTPResponse(body=io.BytesIO(b"{}"), status=200, preload_content=False)
        return self.build_response(request, raw)


def test_bytes_leave_piece_by_piece_and_json_at_once() -> None:
    session, echo = requests.Session(), Echo()
    session.mount("https://", echo)
    crm = AmoCRM("example", {"access_token": "t"}, session=session, rate_limiter=None)
    crm.request.post("/x", b"abc")
    crm.request.post("/x", {"a": 1})
    crm.request.post("/x")
    first, *rest = echo.bodies
    assert isinstance(first, io.BytesIO)
    assert rest == [b'{"a":1}', None]


def test_bytes_arrive_as_they_are(crm: AmoCRM, portal: Sandbox) -> None:
    with pytest.raises(NotFoundError):
        at_drive(crm.request).post("https://drive-b.amocrm.ru/v1.0/sessions/upload/x", b"\x00abc")
    seen = portal.log[-1]
    assert (seen.body, seen.headers["content-length"]) == ("(4 bytes)", "4")
    assert seen.headers["content-type"] == "application/octet-stream"
    assert crm.stats.sent == 4


def test_bytes_within_data_are_still_refused(crm: AmoCRM) -> None:
    with pytest.raises(ConfigurationError, match=r"data\[0\] is of type bytes"):
        crm.request.post("/x", [b"x"])


def collector(taken: list[bytes]) -> Callable[[], Callable[[bytes], object]]:
    def begin() -> Callable[[bytes], object]:
        taken.clear()
        return taken.append

    return begin


def test_any_response_can_be_passed_to_a_sink(crm: AmoCRM) -> None:
    taken: list[bytes] = []
    answer = read_into(crm.request, collector(taken), "/api/v4/account")
    assert b"".join(taken).startswith(b'{"id":')
    assert (answer.data, answer.info.status_code) == (None, 200)


def test_a_refusal_is_not_passed_to_a_sink(crm: AmoCRM) -> None:
    taken: list[bytes] = []
    with pytest.raises(NotFoundError, match="Cannot GET"):
        read_into(crm.request, collector(taken), "/api/v4/nothing")
    assert taken == []


def test_what_is_passed_to_a_sink_may_be_of_any_size(crm: AmoCRM, portal: Sandbox) -> None:
    size = 0

    def take(piece: bytes) -> None:
        nonlocal size
        size += len(piece)

    portal.inject("huge", "GET", "/api/v4/account", size=MAX_BODY + 1)
    read_into(crm.request, lambda: take, "/api/v4/account")
    assert size == MAX_BODY + 1


@pytest.mark.parametrize("error", [OSError("full"), ValueError("odd"), requests.Timeout("mine")])
@pytest.mark.parametrize("at_begin", [False, True])
def test_what_a_sink_raises_is_the_caller_s(
    crm: AmoCRM, portal: Sandbox, error: Exception, at_begin: bool
) -> None:
    cause = RuntimeError("why")

    def fail(piece: bytes = b"") -> Any:
        raise error from cause

    with pytest.raises(type(error)) as caught:
        read_into(crm.request, fail if at_begin else lambda: fail, "/api/v4/account")
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert len(portal.log) == 1


class Keeping(HTTPAdapter):
    """Answers with ten bytes, and remembers the answer."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        self.raw = HTTPResponse(body=io.BytesIO(bytes(10)), status=200, preload_content=False)
        return self.build_response(request, self.raw)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_response_that_is_not_read_to_its_end_is_closed(error: type[BaseException]) -> None:
    session, keeping = requests.Session(), Keeping()
    session.mount("https://", keeping)
    crm = AmoCRM("example", {"access_token": "t"}, session=session, rate_limiter=None)

    def fail(piece: bytes) -> None:
        raise error

    with pytest.raises(error):
        read_into(crm.request, lambda: fail, "/x")
    assert keeping.raw.closed


class Whole(HTTPAdapter):
    """Answers with something that `requests` can read and is none of urllib3's."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b"abc")
        answer.request, answer.url = request, str(request.url)
        return answer


def test_responses_of_other_making_are_passed_to_a_sink_too() -> None:
    session = requests.Session()
    session.mount("https://", Whole())
    crm = AmoCRM("example", {"access_token": "t"}, session=session, rate_limiter=None)
    taken: list[bytes] = []
    read_into(crm.request, collector(taken), "/x")
    assert taken == [b"abc"]


def test_a_request_may_be_redirected_any_number_of_times(crm: AmoCRM) -> None:
    request = crm.request
    for _ in range(2_000):
        request = at_drive(request)
    with pytest.raises(NotFoundError):
        request.get("/v1.0/files/nobody")
