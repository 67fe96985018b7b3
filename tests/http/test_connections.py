"""The rate limiter hears of new connections, and of the moment a call leaves."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from amocrm import AmoCRM
from amocrm._support.clock import Clock, SystemClock
from amocrm.http.messages import Call
from amocrm.http.transport.connections import OwnSession
from amocrm.http.transport.transport import ReceivedReply, Transport
from amocrm.sandbox import Sandbox
from amocrm.sandbox.http.server import Served


class Ear:
    """A rate limiter that lets everything pass and notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.waited = self.held = 0.0

    def wait(self, clock: Clock, patience: float) -> Ear:
        self.heard.append("wait")
        return self

    def opening(self) -> None:
        self.heard.append("opening")

    def leaving(self) -> None: ...

    def sent(self) -> None:
        self.heard.append("sent")

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        self.heard.append(f"done {'with' if came else 'without'} answer{' blocked' * blocked}")

    def hold(self, clock: Clock, seconds: float) -> None:
        self.heard.append(f"hold {seconds:g}")

    def block(self, clock: Clock, seconds: float) -> None:
        self.heard.append(f"block {seconds:g}")


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox()


@pytest.fixture
def served(portal: Sandbox) -> Iterator[Served]:
    with portal.serve() as served:
        yield served


def client(portal: Sandbox, served: Served, ear: Ear, session: requests.Session | None) -> AmoCRM:
    auth = portal.issue_long_lived()
    return AmoCRM(
        "example", {"access_token": auth}, base_url=served.url, rate_limiter=ear, session=session
    )


def test_a_new_connection_is_distinguished_from_an_open_one(
    portal: Sandbox, served: Served
) -> None:
    ear = Ear()
    with client(portal, served, ear, None) as crm:
        crm.request.get("/api/v4/account")
        first, ear.heard = ear.heard, []
        crm.request.get("/api/v4/account")
    assert first == ["wait", "opening", "sent", "done with answer"]
    assert ear.heard == ["wait", "sent", "done with answer"]


class Late(Ear):
    """A rate limiter whose slots note how many requests the server has seen when one leaves."""

    def __init__(self, portal: Sandbox) -> None:
        super().__init__()
        self.portal, self.seen = portal, list[int]()

    def leaving(self) -> None:
        self.seen.append(len(self.portal.log))


def test_a_slot_is_asked_once_more_before_the_request_leaves(
    portal: Sandbox, served: Served
) -> None:
    late = Late(portal)
    with client(portal, served, late, None) as crm:
        for _ in range(3):
            crm.request.get("/api/v4/account")
    assert late.seen == [0, 1, 2]


def test_a_connection_the_server_closed_is_opened_anew(portal: Sandbox, served: Served) -> None:
    ear = Ear()
    served.keep_alive(False)
    with client(portal, served, ear, None) as crm:
        crm.request.get("/api/v4/account")
        crm.request.get("/api/v4/account")
    assert ear.heard.count("opening") == 2


def test_a_user_s_session_is_unchanged_and_its_responses_show_new_connections(
    portal: Sandbox, served: Served
) -> None:
    ear = Ear()
    with requests.Session() as session:
        before = dict(session.adapters)
        with client(portal, served, ear, session) as crm:
            crm.request.get("/api/v4/account")
            first, ear.heard = ear.heard, []
            crm.request.get("/api/v4/account")
        assert dict(session.adapters) == before
    assert first == ["wait", "opening", "done with answer"]
    assert ear.heard == ["wait", "done with answer"]


def test_what_was_not_sent_or_not_answered_is_done_as_well(free_port: int) -> None:
    ear = Ear()
    origin = f"http://127.0.0.1:{free_port}"
    with AmoCRM("example", {"access_token": "x"}, base_url=origin, rate_limiter=ear) as crm:
        with pytest.raises(Exception, match="refused"):
            crm.request.get("/api/v4/account", retry="never")
    assert ear.heard == ["wait", "opening", "done without answer"]


def test_a_pace_hears_of_a_429_and_of_a_block(portal: Sandbox, served: Served) -> None:
    ear = Ear()
    with client(portal, served, ear, None) as crm:
        portal.inject("too_many", retry_after=7)
        portal.inject("forbidden")
        for _ in range(2):
            with pytest.raises(Exception, match="returned"):
                crm.request.get("/api/v4/account", retry="never")
    assert [one for one in ear.heard if one not in ("wait", "opening", "sent")] == [
        "done with answer", "hold 7", "done with answer blocked", "block 60",
    ]  # fmt: skip


def test_calls_through_a_proxy_are_heard_as_well(portal: Sandbox, served: Served) -> None:
    """A plain proxy is asked for the whole address; the sandbox does not mind."""
    from amocrm.http.transport.connections import ReportingAdapter, current_call

    heard = Ear()
    current_call.watch = heard
    try:
        with requests.Session() as session:
            session.mount("http://", ReportingAdapter())
            session.get("http://example.amocrm.test/x", proxies={"http": served.url}, timeout=5)
    finally:
        current_call.watch = None
    assert heard.heard == ["opening", "sent"]


def prepared(host: str) -> requests.PreparedRequest:
    return requests.Request("GET", f"https://{host}/api/v4/leads").prepare()


def test_the_pool_of_a_host_is_looked_up_once() -> None:
    with OwnSession(hosts=4, pool=2) as session:
        adapter: Any = session.get_adapter("https://")
        find = adapter.get_connection_with_tls_context
        first = find(prepared("a.example"), True, {}, None)
        assert find(prepared("a.example"), True, {}, None) is first
        assert find(prepared("b.example"), True, {}, None).host == "b.example"
        assert find(prepared("a.example"), False, {}, None) is not first
        proxied = find(prepared("a.example"), True, {"https": "http://127.0.0.1:1"}, None)
        assert proxied.proxy is not None
        assert find(prepared("a.example"), True, {}, None) is first


def test_a_closed_session_holds_no_pool() -> None:
    session = OwnSession(hosts=4, pool=2)
    adapter: Any = session.get_adapter("https://")
    pool = weakref.ref(adapter.get_connection_with_tls_context(prepared("a.example"), True))
    assert pool() is not None
    session.close()
    gc.collect()
    assert pool() is None


@pytest.fixture
def answering() -> Iterator[tuple[str, list[str | None]]]:
    """A server that sets a cookie and sends everybody elsewhere; and the cookies it was sent."""
    cookies: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookies.append(self.headers["Cookie"])
            self.send_response(302)
            self.send_header("Set-Cookie", "lane=fast; Path=/")
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x", cookies
        server.shutdown()


def test_our_own_session_keeps_no_cookies_and_follows_no_redirect(
    answering: tuple[str, list[str | None]],
) -> None:
    url, cookies = answering
    transport = Transport(SystemClock())
    outcomes = [transport.send(Call("GET", url, "/x", {})) for _ in range(2)]
    transport.close()
    assert cookies == [None, None]
    for one in outcomes:
        assert isinstance(one, ReceivedReply)
        assert one.status == 302
        assert one.info.elapsed.total_seconds() > 0
