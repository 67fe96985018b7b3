"""The portal on a TCP port, plain and over TLS."""

from __future__ import annotations

import gc
import http.client
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter

from amocrm.sandbox import FaultPlan, ManualClock, Sandbox, SystemClock
from amocrm.sandbox.http.server import Served


@pytest.fixture(params=["cheroot", "werkzeug"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name the server in use; without cheroot, werkzeug's own takes its place."""
    name: str = request.param
    if name == "werkzeug":
        monkeypatch.setitem(sys.modules, "cheroot.wsgi", None)
    return name


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(("example", "two"), clock=clock, rps=None)


@pytest.fixture
def served(portal: Sandbox, server: str) -> Iterator[Served]:
    with portal.serve() as served:
        yield served


@pytest.fixture
def session(portal: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {portal.issue_long_lived()}"
        yield session


def test_the_port_answers_with_links_to_itself(
    portal: Sandbox, served: Served, session: requests.Session
) -> None:
    assert served.url == f"http://127.0.0.1:{served.port}"
    made = session.post(f"{served.url}/api/v4/leads", json=[{"name": "Ж"}] * 3)
    assert made.status_code == 200
    page = session.get(f"{served.url}/api/v4/leads?limit=2").json()
    following = session.get(page["_links"]["next"]["href"]).json()
    assert [lead["name"] for lead in following["_embedded"]["leads"]] == ["Ж"]
    assert session.get(f"{served.url}/api/v4/leads?page=9").status_code == 204
    assert [seen.status for seen in portal.log] == [200, 200, 200, 204]


def test_a_name_of_the_loopback_chooses_the_account(
    portal: Sandbox, served: Served, session: requests.Session
) -> None:
    session.headers["Authorization"] = f"Bearer {portal.issue_long_lived('two')}"
    answer = session.get(f"{served.url}/api/v4/account", headers={"Host": "two.localhost:1"})
    assert answer.json()["subdomain"] == "two"


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        ("lost_before", requests.exceptions.ConnectionError, 0),
        ("lost_after", requests.exceptions.ConnectionError, 1),
        ("half_body", requests.exceptions.ChunkedEncodingError, 1),
    ],
)
def test_a_cut_connection_is_really_cut(
    portal: Sandbox,
    served: Served,
    session: requests.Session,
    fault: str,
    error: type[Exception],
    made: int,
) -> None:
    portal.inject(fault)
    with pytest.raises(error):
        session.post(f"{served.url}/api/v4/leads", json=[{}])
    assert len(portal.leads()) == made
    assert session.post(f"{served.url}/api/v4/leads", json=[{}]).status_code == 200


@pytest.mark.parametrize(
    ("fault", "options", "size"),
    [("trickle", {"pad": 50}, None), ("huge", {"size": 300_000}, 300_000)],
)
def test_long_bodies_arrive_whole(
    portal: Sandbox,
    served: Served,
    session: requests.Session,
    fault: str,
    options: dict[str, Any],
    size: int | None,
) -> None:
    portal.inject(fault, **options)
    answer = session.get(f"{served.url}/api/v4/account")
    assert answer.json()["subdomain"] == "example"
    assert size is None or len(answer.content) == size


def test_a_head_answer_has_no_body(
    portal: Sandbox, served: Served, session: requests.Session
) -> None:
    answer = session.head(f"{served.url}/api/v4/account")
    assert (answer.status_code, answer.content) == (405, b"")
    assert session.get(f"{served.url}/api/v4/account").status_code == 200


def test_a_body_that_ends_too_early_is_400(served: Served) -> None:
    head = b"POST /api/v4/leads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n[{"
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(head)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000).split()[1] == b"400"


def test_many_threads_are_served(served: Served, portal: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}

    def create(number: int) -> int:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{served.url}/api/v4/leads"
            return session.post(url, json=[{"price": number}], headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(create, range(64))) == {200}
    assert sorted(lead["price"] for lead in portal.leads()) == list(range(64))


def ask_twice(port: int) -> list[bool]:
    """Ask twice on one connection; tell after each answer whether it stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    stays: list[bool] = []
    try:
        for _ in range(2):
            connection.request("GET", "/api/v4/account")
            answer = connection.getresponse()
            answer.read()
            stays.append(not answer.will_close)
    finally:
        connection.close()
    return stays


def test_connections_are_kept_unless_told_otherwise(portal: Sandbox) -> None:
    with portal.serve() as served:
        assert ask_twice(served.port) == [True, True]
        served.keep_alive(False)
        assert ask_twice(served.port) == [False, False]
        served.keep_alive(True)
        assert ask_twice(served.port) == [True, True]


def test_without_cheroot_a_line_says_what_is_missing(
    portal: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cheroot.wsgi", None)
    with portal.serve() as served:
        served.keep_alive(True)
        assert ask_twice(served.port) == [False, False]
    out = capsys.readouterr()
    assert (out.out, out.err.count("\n"), "cheroot" in out.err) == ("", 1, True)


def test_a_busy_port_is_an_error(portal: Sandbox, served: Served) -> None:
    with pytest.raises(OSError, match="in use"), portal.serve(port=served.port):
        pass


def test_a_closing_server_does_not_wait_for_late_answers(server: str) -> None:
    portal = Sandbox(clock=SystemClock())
    portal.inject("latency", seconds=3600)
    with portal.serve() as served, socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /api/v4/account HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not portal.log:
            pass
    gc.collect()  # A late answer that nobody waits for must not cry when it is collected.


class _Named(HTTPAdapter):
    """Connects to the loopback, but checks and sends the name of an account host."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        name = "example.amocrm.ru"
        super().init_poolmanager(*args, server_hostname=name, assert_hostname=name, **options)


def test_tls_under_the_name_of_an_account(
    portal: Sandbox, server: str, session: requests.Session, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("example.amocrm.ru")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    session.mount("https://", _Named())
    session.verify = str(tmp_path / "ca.pem")
    session.headers["Host"] = "example.amocrm.ru"
    pair = (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    with portal.serve(tls=pair) as served:
        assert served.url == f"https://127.0.0.1:{served.port}"
        answer = session.get(f"{served.url}/api/v4/account")
        portal.inject("lost_after")
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(f"{served.url}/api/v4/account")
    root = "https://example.amocrm.ru/api/v4/account"
    assert answer.json()["_links"]["self"]["href"] == root


def test_the_first_request_of_a_connection_arrives_late() -> None:
    portal = Sandbox(faults=FaultPlan(handshake=0.15))
    headers = {"Authorization": f"Bearer {portal.issue_long_lived()}"}
    with portal.serve() as served, requests.Session() as session:
        session.trust_env = False
        asked = time.monotonic()
        for _ in range(2):
            session.get(f"{served.url}/api/v4/account", headers=headers, timeout=5)
    first, second = (one.at for one in portal.log)
    assert first - asked >= 0.15
    assert second > first
