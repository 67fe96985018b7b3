"""Strangers at the public redirect and at the redirect server do not stop the right redirect."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from amocrm import (
    FROM_AMOCRM,
    AmoCRMError,
    AuthorizationError,
    Integration,
    MemoryStore,
    StateMismatchError,
)
from amocrm.auth.redirect.query import RedirectResult, read_redirect
from amocrm.auth.redirect.server import RedirectListener
from amocrm.auth.settings import RedirectServer
from amocrm.sandbox import ManualClock, Sandbox
from tests.hostile import cases
from tests.wire import Wire

pytestmark = pytest.mark.timeout(3600)  # for 10,000 cases

HOST, STATE, CODE = "example.amocrm.ru", "st4te-0f-the-sessi0n", "c0de-0f-s0mebody"
MARKERS = ("from_widget", "from_exchange")


@pytest.fixture
def wire(clock: ManualClock) -> Wire:
    return Wire(Sandbox(("example", "other"), clock=clock, rps=None))


@pytest.fixture
def integration(wire: Wire, clock: ManualClock) -> Iterator[Integration]:
    with Integration(
        "11111111-2222-3333-4444-555555555555", "client-secret", "https://shop.example/amo",
        store=MemoryStore(), session=wire.session(), clock=clock, rate_limiter=None,
    ) as integration:  # fmt: skip
        yield integration


# Queries and states -------------------------------------------------------------------------------

texts = st.text(max_size=12) | st.sampled_from(
    ["", STATE, STATE.upper(), STATE[:-1], STATE + " ", CODE, HOST, "other.amocrm.ru",
     "evil.example", "a b", "\n", "\0", "\ud800", "access_denied", "1"]
)  # fmt: skip
# Complete redirects of a stranger, and any other parameters.
queries = st.fixed_dictionaries(
    {"code": st.just(CODE), "referer": st.sampled_from([HOST, "other.amocrm.ru"])},
    optional={"state": texts, **dict.fromkeys(MARKERS, texts)},
) | st.dictionaries(
    st.sampled_from(["code", "state", "referer", "error", "platform", "client_id", *MARKERS])
    | st.text(max_size=5),
    texts,
    max_size=7,
)
states: st.SearchStrategy[Any] = st.sampled_from([STATE, "another", "", None, FROM_AMOCRM])


@given(queries, states, st.booleans())
@cases
def test_a_fuzzed_redirect_sends_nothing_without_the_state_or_an_expected_call(
    integration: Integration, wire: Wire, query: dict[str, str], state: Any, raw: bool
) -> None:
    before = len(wire.sent)
    given_query: Any = urlencode(query, errors="replace") if raw else query
    with pytest.raises(AmoCRMError):
        integration.callback(given_query, state)
    sent = wire.sent[before:]
    has_state = isinstance(state, str) and state != "" and query.get("state") == state
    is_expected = state is FROM_AMOCRM and any(marker in query for marker in MARKERS)
    if not ((has_state or is_expected) and query.get("code") and query.get("referer")):
        assert sent == []
    assert wire.strays == []
    assert {one.origin for one in sent} <= {f"https://{query.get('referer', '').lower()}"}
    assert integration.accounts() == []


@given(queries)
@cases
def test_a_fuzzed_redirect_does_not_end_the_wait_for_consent(query: dict[str, str]) -> None:
    try:
        result = read_redirect(query, STATE, HOST)
    except StateMismatchError:
        return
    assert query["state"] == STATE
    if result.code is None:
        assert isinstance(result.error, AuthorizationError)
    else:
        assert result.code == query["code"]
        assert query.get("referer", "").lower() in ("", HOST)


# Cookies, methods, headers ------------------------------------------------------------------------


class Shop:
    """An integration's app under HTTPS, with browsers."""

    def __init__(self, sandbox: Sandbox, clock: ManualClock) -> None:
        self.sandbox, uri = sandbox, "https://shop.example/amo"
        self.settings = sandbox.add_integration(uri)
        self.integration = Integration(
            self.settings.client_id, self.settings.client_secret, uri,
            store=MemoryStore(), session=sandbox.session(), clock=clock, rate_limiter=None,
        )  # fmt: skip
        self.app = self.integration.wsgi_app()

    def browser(self) -> Client:
        return Client(self.app)

    def get(self, browser: Client, url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        settings = {"query_string": parts.query, "base_url": "https://shop.example", **options}
        return browser.open(parts.path or "/", **settings)

    def redirect(self, browser: Client) -> str:
        return self.sandbox.agree(self.get(browser, "/install").headers["Location"])


@pytest.fixture
def shop(clock: ManualClock) -> Shop:
    return Shop(Sandbox(("example", "other"), clock=clock, rps=None), clock)


@pytest.mark.parametrize(
    "name",
    ["amocrm_state", "__host-amocrm_state", "__Host-amocrm_state2", "state", "__Secure-a"],
)  # fmt: skip
def test_a_state_in_another_cookie_is_ignored(shop: Shop, name: str) -> None:
    redirect = shop.redirect(shop.browser())
    state = dict(parse_qsl(urlsplit(redirect).query))["state"]
    victim = shop.browser()
    answer = shop.get(victim, redirect, headers={"Cookie": f"{name}={state}"})
    assert answer.status_code == 400
    assert shop.integration.accounts() == []


def test_a_chosen_state_is_replaced_by_a_random_one_at_the_start(shop: Shop) -> None:
    # Fixation: the start ignores a state in a query or a header.
    browser = shop.browser()
    for path in ("/install?state=fixed", "/install/?code=&state=fixed", "/install#state=fixed"):
        answer = shop.get(browser, path)
        assert "fixed" not in str(answer.headers)
    first, second = shop.redirect(browser), shop.redirect(browser)
    assert shop.get(browser, first).status_code == 400, "the state of an earlier start"
    assert shop.get(browser, second).status_code == 200


@pytest.mark.parametrize(
    "method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
)
def test_another_method_sends_no_code(shop: Shop, method: str) -> None:
    browser = shop.browser()
    redirect = shop.redirect(browser)
    headers = {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"}
    assert shop.get(browser, redirect, method=method, headers=headers).status_code == 405
    assert shop.sandbox.counters["grants.code"] == 0
    assert shop.get(browser, redirect).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:443@shop.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "http"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"X-Original-URL": "/install", "X-Rewrite-URL": "/install"},
        {"Referer": "https://evil.example/"},
        {"Origin": "https://evil.example"},
    ],
    ids=str,
)
def test_a_header_changes_no_url_and_no_cookie(shop: Shop, headers: dict[str, str]) -> None:
    plain = shop.get(shop.browser(), "/install")
    answer = shop.get(shop.browser(), "/install", headers=headers)
    assert answer.status_code == 302
    assert "evil.example" not in str(answer.headers)
    assert answer.headers["Location"].startswith("https://www.amocrm.ru/oauth?")
    (one,), (other,) = (page.headers.getlist("Set-Cookie") for page in (plain, answer))
    assert one.partition(";")[2] == other.partition(";")[2]


@pytest.mark.parametrize(
    "tail", ["\r\nSet-Cookie: x=y", "\nX: y", "%0d%0aX: y", "\u560a\u560dX: y"]
)
@pytest.mark.parametrize("name", ["state", "code", "error", "referer"])
def test_a_query_injects_no_header(shop: Shop, name: str, tail: str) -> None:
    browser = shop.browser()
    redirect = shop.redirect(browser)
    query = {**dict(parse_qsl(urlsplit(redirect).query)), name: f"x{tail}"}
    answer = shop.get(browser, f"/?{urlencode(query)}")
    assert answer.status_code in (200, 400)
    assert "X" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert shop.integration.accounts() == []


# A crowd at the redirect server -------------------------------------------------------------------

CROWD = 200

SLOW: list[Callable[[int], bytes]] = [
    lambda _: b"",
    lambda _: b"G",
    lambda _: b"GET /?code=c&state=",
    lambda number: f"GET /?code=c&state={number} HTTP/1.1\r\nHost: ".encode(),
    lambda _: b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx",
    lambda _: b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50,
    lambda _: b"\x16\x03\x01\x02\x00\x01\x00",
]
"""The bytes that a slow client sends: nothing, parts of a request, TLS."""


def test_the_right_redirect_arrives_while_two_hundred_slow_clients_are_connected() -> None:
    def read(query: dict[str, str]) -> RedirectResult:
        return read_redirect(query, STATE, HOST)

    listener = RedirectListener(RedirectServer(0, timeout=60), read)
    with ExitStack() as crowd:
        with listener:
            port = listener.port
            for number in range(CROWD):
                peer = crowd.enter_context(socket.create_connection(("127.0.0.1", listener.port)))
                peer.sendall(SLOW[number % len(SLOW)](number))
            pages: list[bytes] = []

            def person() -> None:
                with socket.create_connection(("127.0.0.1", listener.port)) as peer:
                    query = urlencode({"code": CODE, "state": STATE, "referer": HOST})
                    peer.sendall(f"GET /?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    pages.append(peer.makefile("rb").read())

            browsing = threading.Thread(target=person)
            browsing.start()
            assert listener.wait() == RedirectResult(CODE)
            browsing.join(30)
        assert b" 200 " in pages[0].partition(b"\r\n")[0]
    with socket.create_server(("127.0.0.1", port)):
        pass  # The port is free again while clients are still connected.
