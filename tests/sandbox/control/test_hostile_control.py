"""What strangers send to the control of a portal: refused, or kept as data."""

from __future__ import annotations

import http.client
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from amocrm.sandbox import ManualClock, Sandbox
from amocrm.sandbox.control.actions import ACTIONS
from amocrm.sandbox.http.guard import CONTROL
from tests.hostile import cases
from tests.sandbox.control.conftest import ORIGIN

Ask = Callable[..., requests.Response]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
HTML = "<script>alert(1)</script>"


class Port:
    """A served portal, asked without a library that mends what is sent."""

    def __init__(self, portal: Sandbox, number: int) -> None:
        self.portal = portal
        self.number = number

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.number, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def port() -> Iterator[Port]:
    portal = Sandbox(rps=None, seed=1)
    with portal.serve() as served:
        yield Port(portal, served.port)


SITES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("site", SITES, ids=str)
@pytest.mark.parametrize("kind", [FORM, {"Content-Type": "text/plain"}, JSON, {}], ids=str)
def test_a_page_of_another_site_changes_nothing(
    port: Port, site: dict[str, str], kind: dict[str, str]
) -> None:
    before = port.portal.leads()
    body = '{"name": "x"}' if kind == JSON else "name=x" if kind else None
    status, headers, _ = port.ask("POST", "/_sandbox/leads", {**site, **kind}, body)
    assert status == 403
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert port.portal.leads() == before


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FORM, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "text/plain; application/json"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/jsonx"}, 415),
        ({}, 415),
    ],
    ids=str,
)
def test_what_a_page_can_send_without_a_preflight_changes_nothing(
    port: Port, kind: dict[str, str], status: int
) -> None:
    """A browser that sends no header of the origin would be no better protected."""
    before = port.portal.leads()
    assert port.ask("POST", "/_sandbox/leads", kind, '{"name": "x"}')[0] == status
    assert port.portal.leads() == before


def test_no_preflight_is_granted(port: Port) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    status, headers, _ = port.ask("OPTIONS", "/_sandbox/leads", asked)
    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket", ""])
def test_what_another_site_embeds_is_not_read(port: Port, mode: str) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
    assert port.ask("GET", "/_sandbox/requests", embedded)[0] == 403
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    status, headers, _ = port.ask("GET", "/_sandbox/requests", opened)
    assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_leads_here_is_refused(port: Port, host: str, method: str) -> None:
    status, _, body = port.ask(method, "/_sandbox/tokens", {"Host": host, **JSON}, "{}")
    assert (status, b"access_token" in body) == (421, False)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/_sandbox/../api/v4/leads",
            "/_sandbox/leads/../../etc/passwd",
            "/_sandbox/leads/%2e%2e",
        ),
        *("/_sandbox/leads/..%2f..%2fetc%2fpasswd", "/_sandbox/%00", "/_sandbox/leads/1%00"),
        *("/_sandbox/leads/7001;x", "/_sandboxleads", "/_sandbox/leads/-1", "/_sandbox/leads/1e3"),
        *("/_sandbox/leads/" + "9" * 40, "/_sandbox/leads/\u0663", "/_sandbox/%ff%fe"),
    ],
)
def test_no_path_leads_elsewhere(port: Port, path: str) -> None:
    quoted = path if path.isascii() else quote(path)
    status, _, body = port.ask("GET", quoted, {})
    assert status in (400, 404)
    assert b"root:" not in body


@pytest.mark.parametrize("kind", [FORM, JSON], ids=["form", "json"])
def test_ten_megabytes_are_refused_and_not_kept(port: Port, kind: dict[str, str]) -> None:
    body = b"name=" + b"x" * 10_000_000
    port.ask("GET", "/_sandbox/accounts", {})
    tracemalloc.start()
    try:
        status, _, answer = port.ask("POST", "/_sandbox/leads", kind, body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (status, b"larger than 1000000 bytes" in answer) == (413, True)
    assert most < 5_000_000
    assert port.ask("GET", "/_sandbox/accounts", {})[0] == 200


def test_a_body_without_a_length_is_refused_in_time(port: Port) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 50_000

    connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=20)
    try:
        connection.request(
            "POST", "/_sandbox/leads", endless(), {**JSON, "Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )  # fmt: skip
        assert connection.getresponse().status in (400, 413)
    except (BrokenPipeError, ConnectionResetError):
        pass  # It was closed before all was sent.
    finally:
        connection.close()
    assert port.ask("GET", "/_sandbox/accounts", {})[0] == 200


def test_a_large_upload_to_the_api_is_still_taken(port: Port) -> None:
    """The limit is that of `/_sandbox/` alone."""
    token = port.portal.issue_long_lived()
    headers = {**JSON, "Authorization": f"Bearer {token}"}
    body = json.dumps([{"name": "x", "_": "y" * 2_000_000}])
    assert port.ask("POST", "/api/v4/leads", headers, body)[0] in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"NaN",
        b'{"name": "\\ud800"}', b'{"name": NaN}', b"{}{}", "{}".encode("utf-16"),
        b'{"price": 1e999}', b'{"price": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_a_broken_body_is_refused(port: Port, body: bytes) -> None:
    before = len(port.portal.leads())
    status, _, answer = port.ask("POST", "/_sandbox/leads", JSON, body)
    made = len(port.portal.leads()) - before
    assert (status, made) == ((200, 1) if body == b"" else (400, 0)), answer


def test_html_is_kept_as_data(portal: Sandbox, ask: Ask) -> None:
    number = ask("POST", "leads", name=HTML).json()["id"]
    shown = ask("GET", f"leads/{number}")
    assert shown.json()["lead"]["name"] == HTML
    assert shown.headers["Content-Type"] == "application/json"
    with portal.session() as session:
        page = session.get(f"{ORIGIN}/_sandbox/", headers={"Accept": "text/html", "Host": HTML})
        assert HTML not in page.text


POSTS = [one for one in ACTIONS if one.method == "POST" and one.name != "populate"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@cases
@given(st.data())
def test_no_json_breaks_an_action(data: st.DataObject) -> None:
    portal = Sandbox(clock=ManualClock(), seed=1)
    action = data.draw(st.sampled_from(POSTS))
    names = st.sampled_from([one.name for one in action.parameters] or ["other"])
    values = data.draw(st.dictionaries(names | st.text(), JSON_VALUES, max_size=4))
    try:
        body = json.dumps(values, allow_nan=False).encode()
    except ValueError:
        return
    answer = _respond(portal, "POST", _filled(action.path, data), body)
    assert answer[0] in (200, 400, 402, 403, 404, 409, 422), answer


@cases
@given(st.data())
def test_no_query_breaks_an_action(data: st.DataObject) -> None:
    portal = Sandbox(clock=ManualClock(), seed=1)
    action = data.draw(st.sampled_from([one for one in ACTIONS if one.method == "GET"]))
    names = st.sampled_from([one.name for one in action.parameters if one.name != "wait"] or ["a"])
    text = st.text(alphabet=st.characters(codec="utf-8"), max_size=20) | st.integers().map(str)
    pairs = data.draw(st.lists(st.tuples(names, text), max_size=4))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    answer = _respond(portal, "GET", _filled(action.path, data), b"", query)
    assert answer[0] in (200, 400, 404), answer


def _filled(path: str, data: st.DataObject) -> str:
    parts = path.split("/")
    filling = st.sampled_from(["1", "7001", "example", "x", "..", "%", "ю", "0"])
    return "/".join(data.draw(filling) if one.startswith("{") else one for one in parts)


def _respond(
    portal: Sandbox, method: str, path: str, body: bytes, query: str = ""
) -> tuple[int, bytes]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        CONTROL: True,
    }
    answer = portal.respond(environ)
    return answer.status, answer.body


def test_an_app_in_another_server_has_no_control(portal: Sandbox) -> None:
    """The guard is part of `serve()`; without it, nobody may reach the actions."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/_sandbox/reset",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AMOCRM_SANDBOX_CONTROL": "1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    assert portal.respond(environ).status == 404
    assert len(portal.leads()) == 16


@pytest.mark.allow_hosts(["0.0.0.0", "127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("host", "control", "status"),
    [("127.0.0.1", None, 200), ("127.0.0.1", False, 404), ("0.0.0.0", None, 404),
     ("0.0.0.0", True, 200), ("localhost", None, 200)],
)  # fmt: skip
def test_only_this_machine_controls_a_portal_by_default(
    host: str, control: bool | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = Sandbox()
    with portal.serve(host, control=control) as served:
        port = Port(portal, served.port)
        assert port.ask("GET", "/_sandbox/accounts", {})[0] == status
        assert port.ask("POST", "/_sandbox/reset", JSON, "{}")[0] == status
        page = port.ask("GET", "/", {"Accept": "text/html"})
        assert page[0] == status
    told = capsys.readouterr().err
    assert ("others reach 0.0.0.0" in told) is (host == "0.0.0.0" and control is None)
