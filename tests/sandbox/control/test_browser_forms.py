"""Forms of the portal's own pages: the token, the cookie, and the page that follows."""

from __future__ import annotations

import pytest
import requests

from amocrm.sandbox import Sandbox
from amocrm.sandbox.control.action import RefusedError
from amocrm.sandbox.control.browser import COOKIE, BrowserSessions, Notice, next_path
from amocrm.sandbox.http.request import IncomingRequest
from tests.sandbox.control.conftest import ORIGIN, refusal

MADE = f"{ORIGIN}/_sandbox/leads"


@pytest.fixture
def signed_in(portal: Sandbox, session: requests.Session) -> tuple[str, str]:
    """Return a browser's session and its token; the session's requests carry the cookie."""
    request = IncomingRequest.of_json("GET", "example.amocrm.ru", "/", None)
    number, cookie = portal.browsers.start(request)
    assert cookie == f"{COOKIE}={number}; Path=/; HttpOnly; SameSite=Lax; Secure"
    session.headers["Cookie"] = f"other=1; {COOKIE}={number}"
    return number, portal.browsers.token(number)


def send(session: requests.Session, **form: str) -> requests.Response:
    return session.post(MADE, data=form, allow_redirects=False)


def test_a_form_goes_on_to_the_next_page_with_its_result(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str]
) -> None:
    number, token = signed_in
    answer = send(session, _token=token, _next="/_page/leads?page=2", name="Имя", price="5.5")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/_page/leads?page=2")
    made = portal.leads()[-1]
    assert (made["name"], made["price"]) == ("Имя", 5.5)
    assert portal.browsers.take(number) == Notice("create_lead", "", {"id": made["id"]})
    assert portal.browsers.take(number) is None


def test_a_refused_form_goes_on_with_the_reason(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str]
) -> None:
    number, token = signed_in
    answer = send(session, _token=token, price="much")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    notice = portal.browsers.take(number)
    assert notice == Notice("create_lead", "price must be a number, not 'much'")


def test_a_secret_is_in_no_address(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str]
) -> None:
    number, token = signed_in
    answer = session.post(
        f"{ORIGIN}/_sandbox/tokens", data={"_token": token}, allow_redirects=False
    )
    notice = portal.browsers.take(number)
    assert notice is not None
    issued = notice.result["access_token"]
    assert issued not in str(answer.headers)
    assert issued not in repr(notice)


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é", "\ud800"])
def test_a_form_without_the_token_changes_nothing(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str], token: str | None
) -> None:
    before = portal.leads()
    body = "name=x" if token is None else b"name=x&_token=" + token.encode("utf-8", "replace")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = session.post(MADE, data=body, headers=kind, allow_redirects=False)
    assert refusal(answer)[0] == 403
    assert portal.leads() == before


def test_a_form_without_the_cookie_changes_nothing(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str]
) -> None:
    number, token = signed_in
    for cookie in (None, "", f"{COOKIE}=", f"{COOKIE}={'0' * 32}", f"{COOKIE}={number}x", "a=\0;;"):
        session.headers["Cookie"] = cookie or ""
        assert refusal(send(session, _token=token, name="x"))[0] == 403
    assert len(portal.leads()) == 16


@pytest.mark.parametrize(
    "other", ['theme={"a": 1}', "a b=c", "=", 'a="b', "path=/x", "a=\xd0\xbf", f"{COOKIE}_lang=ru"]
)
def test_cookies_of_other_ports_hide_no_session(
    portal: Sandbox, session: requests.Session, signed_in: tuple[str, str], other: str
) -> None:
    """Browsers send the cookies of a host to all its ports, whatever they hold."""
    number, token = signed_in
    session.headers["Cookie"] = f"{other}; {COOKIE}={number}; {other}"
    assert send(session, _token=token, name="x").status_code == 303


def test_a_token_is_of_one_portal_and_one_session() -> None:
    first, second = BrowserSessions(), BrowserSessions()
    assert first.token("a" * 32) != second.token("a" * 32)
    assert first.token("a" * 32) != first.token("b" * 32)


def test_notices_that_nobody_takes_have_an_end() -> None:
    sessions = BrowserSessions()
    for number in range(1000):
        sessions.leave(f"{number}", Notice("reset"))
    assert [sessions.take(f"{number}") is None for number in (0, 743, 744, 999)] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path"),
    [("", "/"), ("/", "/"), ("/a?b=c#d", "/a?b=c#d"), ("/%2F%2Fevil", "/%2F%2Fevil")],
)
def test_the_next_page_is_of_this_portal(text: str, path: str) -> None:
    assert next_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example", "evil"),
        *("/a\r\nSet-Cookie: x=1", "/a b", "/\t/evil.example", "/é", "javascript:alert(1)"),
        *("/" + "a" * 3000, "/a\\b", "/a\x00"),
    ],
)
def test_no_form_leads_elsewhere(
    session: requests.Session, signed_in: tuple[str, str], portal: Sandbox, text: str
) -> None:
    with pytest.raises(RefusedError):
        next_path(text)
    answer = send(session, _token=signed_in[1], _next=text, name="x")
    assert refusal(answer) == (400, "_next must be a path of this portal")
    assert len(portal.leads()) == 16
