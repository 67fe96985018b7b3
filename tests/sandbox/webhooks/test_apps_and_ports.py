"""Who receives webhooks: ASGI apps in this process, and real ports of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from fastapi import FastAPI, Request

from amocrm.sandbox import Delivery, ManualClock, Sandbox, SystemClock
from tests.sandbox.webhooks.receiver import ORIGIN

Call = Callable[..., requests.Response]
Subscribe = Callable[..., str]


def wait_until(is_done: Callable[[], Any]) -> None:
    """Let other threads go on until something is so."""
    deadline = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.005)


def test_a_bare_asgi_app(portal: Sandbox, subscribe: Subscribe) -> None:
    scopes: list[Any] = []
    bodies: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert message["more_body"] is False
        scopes.append(scope)
        bodies.append(message["body"])
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    portal.webhooks.mount(ORIGIN, app)
    subscribe("add_lead", url=f"{ORIGIN}/in/%D0%B6?key=1")
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    assert (delivery.statuses, bodies) == ([202], [delivery.body])
    assert delivery.attempts[0].body == "ok"
    (scope,) = scopes
    assert (scope["type"], scope["method"], scope["path"]) == ("http", "POST", "/in/ж")
    assert (scope["query_string"], scope["scheme"]) == (b"key=1", "https")
    headers = dict(scope["headers"])
    assert headers[b"content-type"] == b"application/x-www-form-urlencoded"
    assert headers[b"host"] == b"hooks.example.com"
    assert headers[b"content-length"] == str(len(delivery.body)).encode()


def test_an_asgi_app_that_raises_or_says_nothing(portal: Sandbox, subscribe: Subscribe) -> None:
    async def raises(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a handler's mistake")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    for app in (raises, silent):
        portal.webhooks.mount(ORIGIN, app)
        subscribe("add_lead")
        portal.add("leads", {})
        assert portal.webhooks.deliver()[0].statuses == [500]


def test_fastapi_inside_a_running_loop(portal: Sandbox, subscribe: Subscribe, call: Call) -> None:
    app, seen = FastAPI(), list[str]()

    @app.post("/secret/in")
    async def receive(request: Request) -> None:
        # A handler that calls the API blocks here; the sandbox does not hold its lock.
        assert (await asyncio.to_thread(call, "GET", "/account")).ok
        seen.append((await request.body()).decode())

    portal.webhooks.mount(ORIGIN, app)
    subscribe("add_lead")
    portal.add("leads", {})

    async def test() -> list[Delivery]:
        return portal.webhooks.deliver()

    (delivery,) = asyncio.run(test())
    assert delivery.statuses == [200]
    assert seen == [delivery.body.decode()]


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; `/hang` waits until the server is closed."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.path == "/hang":
            self.server.closing.wait(60)
        if self.path == "/cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.path == "/garbage":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            self.close_connection = True
            return
        last = self.path.rpartition("/")[2]
        status = int(last) if last.isdigit() else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers), b""))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that keeps its requests."""

    request_queue_size = 128  # What finds no room in it comes again after a second.

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def test_a_port_of_this_machine(
    portal: Sandbox, server: Server, subscribe: Subscribe, clock: ManualClock
) -> None:
    url = subscribe("add_lead", url=f"{server.url}/in/ж?a=б&c=%20")
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    ((path, headers, body),) = server.requests
    assert path == "/in/%D0%B6?a=%D0%B1&c=%20"
    assert (delivery.url, body, delivery.statuses) == (url, delivery.body, [200])
    assert delivery.attempts[0].body == "ok"
    assert headers == {
        "Host": f"127.0.0.1:{server.server_port}",
        "User-Agent": "amoCRM-Webhooks/3.0",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }


@pytest.mark.parametrize("host", ["localhost", "hooks.localhost"])
def test_other_names_of_this_machine(
    portal: Sandbox, server: Server, subscribe: Subscribe, host: str
) -> None:
    subscribe("add_lead", url=f"http://{host}:{server.server_port}/in")
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    assert delivery.statuses == [200]


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/404", 404, ""),
        ("/302", 302, ""),
        ("/503", 503, ""),
        ("/cut", 0, "RemoteDisconnected"),
        ("/garbage", 0, "BadStatusLine"),
    ],
)
def test_answers_of_a_port(
    portal: Sandbox, server: Server, subscribe: Subscribe, path: str, status: int, error: str
) -> None:
    subscribe("add_lead", url=server.url + path)
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    assert (delivery.statuses, delivery.attempts[0].error) == ([status], error)
    assert delivery.due is not None


def test_a_port_that_hangs_is_given_up_after_the_limit(
    portal: Sandbox, server: Server, subscribe: Subscribe
) -> None:
    subscribe("add_lead", url=f"{server.url}/hang")
    portal.add("leads", {})
    portal.webhooks.deliveries[0].limit = 0.05
    (delivery,) = portal.webhooks.deliver()
    assert (delivery.statuses, delivery.attempts[0].error) == ([0], "timed out")


def test_an_answer_that_drips_is_given_up_after_the_limit(
    portal: Sandbox, subscribe: Subscribe
) -> None:
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1000:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    closing.wait(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        subscribe("add_lead", url=f"http://127.0.0.1:{listener.getsockname()[1]}/in")
        portal.add("leads", {})
        portal.webhooks.deliveries[0].limit = 0.1
        (delivery,) = portal.webhooks.deliver()
        closing.set()
        thread.join()
    assert (delivery.statuses, delivery.attempts[0].error) == ([0], "timed out")


def test_nobody_listens(portal: Sandbox, subscribe: Subscribe, free_port: int) -> None:
    subscribe("add_lead", url=f"http://127.0.0.1:{free_port}/in")
    portal.add("leads", {})
    (delivery,) = portal.webhooks.deliver()
    assert (delivery.statuses, delivery.attempts[0].error) == ([0], "ConnectionRefusedError")


def test_a_served_sandbox_sends_by_itself(server: Server) -> None:
    portal = Sandbox(rps=None)
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    hook = {"destination": f"{server.url}/in", "settings": ["add_lead"]}
    with portal.serve() as served, requests.Session() as session:
        session.trust_env = False
        session.headers.update(headers)
        assert session.post(f"{served.url}/api/v4/webhooks", json=hook).status_code == 201
        session.post(f"{served.url}/api/v4/leads", json=[{"name": "A"}] * 20)
        wait_until(lambda: len(server.requests) == 20)
    assert [one.statuses for one in portal.webhooks.deliveries] == [[200]] * 20
    threads = [one.name for one in threading.enumerate()]
    assert "amocrm-sandbox-webhooks" not in threads


def test_threads_repeat_when_the_clock_is_shifted(server: Server) -> None:
    clock = SystemClock()
    portal = Sandbox(rps=None, clock=clock)
    account = portal.account()
    hook = {"id": 1, "destination": f"{server.url}/500", "settings": ["add_lead"]}
    account.shelf("webhooks")[1] = {**hook, "disabled": False}
    with portal.webhooks.sending():
        portal.add("leads", {})
        wait_until(lambda: server.requests)
        (delivery,) = portal.webhooks.deliveries
        wait_until(lambda: delivery.due is not None)
        clock.advance(300)
        wait_until(lambda: len(delivery.attempts) == 2)
    assert delivery.statuses == [500, 500]


def test_a_sandbox_served_by_a_manual_clock_waits_for_the_test(
    portal: Sandbox, server: Server, subscribe: Subscribe
) -> None:
    subscribe("add_lead", url=f"{server.url}/in")
    with portal.serve():
        portal.add("leads", {})
        assert [one.state for one in portal.webhooks.deliveries] == ["waiting"]
        assert portal.webhooks.deliver()[0].statuses == [200]


def test_many_threads_deliver_each_webhook_once(
    portal: Sandbox, server: Server, subscribe: Subscribe
) -> None:
    subscribe("add_lead", url=f"{server.url}/in")
    for _ in range(50):
        portal.add("leads", {})
    threads = [threading.Thread(target=portal.webhooks.deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 50
    assert {tuple(one.statuses) for one in portal.webhooks.deliveries} == {(200,)}
