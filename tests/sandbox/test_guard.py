"""A portal on a port: whom it answers, and whose pages it refuses."""

from __future__ import annotations

import http.client
import tracemalloc

import pytest

from amocrm.sandbox import Sandbox


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LOCALHOST.", 200),
        ("shop.localhost", 200),
        ("[::1]:8080", 200),
        ("192.168.1.7:8080", 200),
        ("portal.test:8080", 200),
        ("www.amocrm.ru", 301),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("amocrm.ru.evil.example", 421),
        ("evilamocrm.ru", 421),
        ("evil.example:80:80", 421),
        ("[evil.example]", 421),
        ("a" * 5_000, 421),
    ],
)
def test_only_known_names_are_answered(host: str, status: int) -> None:
    portal = Sandbox()
    path = f"/oauth?client_id={portal.integration.client_id}&state=s"
    with portal.serve(hosts=["portal.test"]) as served:
        assert ask(served.port, "GET", path, {"Host": host}) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 302),
        ({"Sec-Fetch-Site": "same-origin"}, 302),
        ({"Sec-Fetch-Site": "none"}, 302),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:8080"}, 302),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_do_not_consent(headers: dict[str, str], status: int) -> None:
    portal = Sandbox()
    form = f"client_id={portal.integration.client_id}&state=s&decision=agree"
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": "localhost:8080"}
    with portal.serve() as served:
        assert ask(served.port, "POST", "/oauth", {**kind, **headers}, form) == status
    assert bool(portal._tokens.codes) == (status == 302)


REFUSED = [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
def test_a_refused_body_is_no_next_request(headers: dict[str, str], status: int) -> None:
    portal = Sandbox()
    body = (
        b'POST /_sandbox/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"name":"evil"}'
    )
    with portal.serve() as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        connection.request(
            "POST", "/api/v4/leads", body, {**headers, "Transfer-Encoding": "chunked"}
        )
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (status, True)
        answer.read()
        connection.close()
        assert ask(served.port, "GET", "/_sandbox/accounts", {}) == 200
    assert [one.subdomain for one in portal.accounts] == ["example"]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
def test_a_refused_body_is_not_kept(headers: dict[str, str], status: int) -> None:
    with Sandbox().serve() as served:
        body = "x" * 10_000_000
        ask(served.port, "GET", "/", {})
        tracemalloc.start()
        try:
            assert ask(served.port, "POST", "/api/v4/leads", headers, body) == status
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 13_000_000, "what is sent, and not twice"


def test_a_refusal_says_what_to_do() -> None:
    with Sandbox().serve() as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        connection.request("GET", "/", headers={"Host": "evil.example"})
        answer = connection.getresponse()
        assert b"--allow-host" in answer.read()
        connection.close()


def test_secrets_are_random_unless_a_seed_is_given() -> None:
    first, second = Sandbox(), Sandbox()
    one, other = first.integration, second.integration
    assert one.client_secret != other.client_secret
    assert one.client_id != other.client_id
    assert first.issue_code() != second.issue_code()
    assert first.issue_long_lived() != second.issue_long_lived()
    assert first.add_channel().secret != second.add_channel().secret
    assert Sandbox(seed=0).integration == Sandbox(seed=0).integration
