"""Requests that no browser makes get a 4xx, never an exception."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

import pytest

from amocrm import Integration, MemoryStore
from amocrm.auth.redirect.app import RedirectApp
from amocrm.auth.redirect.query import RedirectResult, read_redirect
from amocrm.sandbox import Sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BAD: dict[str, dict[str, str]] = {
    "raw bytes in the query": {"QUERY_STRING": "code=\xff&state=\xfe"},
    "escaped bytes in the query": {"QUERY_STRING": "code=%ff%fe&state=%C3"},
    "broken escapes": {"QUERY_STRING": "code=%&state=%zz&error=%u0041"},
    "a code twice": {"QUERY_STRING": "code=a&code=b&state=s"},
    "many parameters": {"QUERY_STRING": "&".join(f"a{n}=1" for n in range(20_000)) + "&code=c"},
    "a long query": {"QUERY_STRING": "code=" + "a" * 1_000_000},
    "deep brackets": {"QUERY_STRING": "code" + "[" * 50_000 + "=1&error=1&state=x"},
    "zeros": {"QUERY_STRING": "code=%00&state=\x00", "PATH_INFO": "/\x00"},
    "raw bytes in the path": {"PATH_INFO": "/\xff\xfe", "QUERY_STRING": "code=a"},
    "an overlong path": {"PATH_INFO": "/\xc0\xae\xc0\xae/" * 10_000, "QUERY_STRING": "code=a"},
    "raw bytes in a cookie": {"HTTP_COOKIE": "amocrm_state=\xff", "QUERY_STRING": "code=a"},
    "a broken cookie": {"HTTP_COOKIE": '=;;"; amocrm_state="\\777', "QUERY_STRING": "code=a"},
    "raw bytes in Host": {"HTTP_HOST": "\xff\x00 evil", "QUERY_STRING": "code=a"},
    "an endless Host": {"HTTP_HOST": "a" * 100_000, "QUERY_STRING": "code=a"},
    "an empty Host": {"HTTP_HOST": "", "QUERY_STRING": "code=a"},
    "a bracket in Host": {"HTTP_HOST": "[::1", "QUERY_STRING": "code=a"},
    "an odd length": {"CONTENT_LENGTH": "-5", "QUERY_STRING": "code=a"},
    "no length": {"CONTENT_LENGTH": "x", "QUERY_STRING": "code=a"},
    "an odd method": {"REQUEST_METHOD": "GE\xffT", "QUERY_STRING": "code=a"},
    "an odd hook": {"QUERY_STRING": "signature=\xff&account_id=%ff&client_uuid=1"},
    "a long hook": {"QUERY_STRING": "signature=a&client_uuid=1&account_id=" + "1" * 8_000},
}


def call(app: WSGIApplication, **environ: str) -> tuple[int, bytes]:
    """Call an app as a server does; return status and body."""
    full_environ: dict[str, Any] = {"wsgi.input": io.BytesIO(), "REQUEST_METHOD": "GET", **environ}
    setup_testing_defaults(full_environ)
    statuses: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        statuses.append(status)
        for name, value in headers:
            f"{name}: {value}".encode("latin-1")
            assert not {"\r", "\n"} & set(name + value)
        return lambda data: None

    body = b"".join(app(full_environ, start))
    return int(statuses[0].split()[0]), body


@pytest.fixture
def install_app() -> WSGIApplication:
    sandbox = Sandbox()
    one = sandbox.integration
    return Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=MemoryStore(), session=sandbox.session(),
    ).wsgi_app()  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_the_installation_app_responds_to_malformed_requests(
    install_app: WSGIApplication, bad: str
) -> None:
    status, _ = call(install_app, **BAD[bad])
    assert 400 <= status < 500


@pytest.mark.parametrize("bad", BAD)
def test_the_redirect_server_responds_to_malformed_requests(bad: str) -> None:
    claimed: list[RedirectResult] = []

    def claim(result: RedirectResult) -> bool:
        claimed.append(result)
        return True

    app = RedirectApp(lambda query: read_redirect(query, "the state", "x"), claim)
    status, _ = call(app, **BAD[bad])
    assert 400 <= status < 500
    assert not claimed


PLACES = (
    "/oauth", "/oauth2/access_token", "/oauth2/account/current/subdomain", "/api/v4/leads",
    "/api/v4/leads/1/notes", "/v1.0/files", "/v1.0/sessions", "/v2/origin/custom/x/connect",
    "/download/a/b", "/api/v2/salesbot/run",
)  # fmt: skip


def bodies() -> Iterator[bytes]:
    yield b""
    yield b"\xff\xfe"
    yield b"[" * 100_000
    yield b'{"a": NaN, "b": 1e999, "c": ' + b"1" * 5_000 + b"}"
    yield b'[{"name": "\\ud800", "price": 1e400, "custom_fields_values": [[[[]]]]}]'
    yield b"client_id=%ff&client_secret=\xff&grant_type=%00" + b"&a=1" * 5_000


@pytest.mark.parametrize("path", PLACES)
def test_the_sandbox_responds_to_malformed_requests(path: str) -> None:
    sandbox = Sandbox(rps=None)
    bearer = f"Bearer {sandbox.issue_long_lived()}"
    for bad in BAD.values():
        for method in ("GET", "POST"):
            environ = {"PATH_INFO": path, "HTTP_AUTHORIZATION": bearer, "REQUEST_METHOD": method}
            status, _ = call(sandbox, **{**environ, **bad})
            assert status < 500, (bad, method)
    for body in bodies():
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                full_environ: Any = {
                    "PATH_INFO": path, "HTTP_AUTHORIZATION": bearer, "REQUEST_METHOD": method,
                    "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)),
                    "wsgi.input": io.BytesIO(body),
                }  # fmt: skip
                status, _ = call(sandbox, **full_environ)
                assert 200 <= status < 500, (body[:40], method, kind)


@pytest.mark.parametrize("header", ["HTTP_AUTHORIZATION", "HTTP_X_CONTEXT_USER_ID", "HTTP_DATE"])
@pytest.mark.parametrize("value", ["\xff", "²", "1" * 5_000, "Bearer \xff", "", "-1"])
def test_the_sandbox_responds_to_any_header(header: str, value: str) -> None:
    sandbox = Sandbox(rps=None)
    bearer = f"Bearer {sandbox.issue_long_lived()}"
    for path in PLACES:
        status, _ = call(
            sandbox, **{"PATH_INFO": path, "HTTP_AUTHORIZATION": bearer, header: value}
        )
        assert status < 500


@pytest.mark.parametrize(
    "query",
    ["page=²", "page=" + "9" * 5_000, "limit=nan", "filter[id]=1e999", "order=1",
     "filter[updated_at][from]=nan",
     "filter[price][from]=1e999", "filter[updated_at][from]=" + "9" * 5_000, "order[id][a]=1",
     "filter=1", "with[]=a", "filter[id][][][]=1", "page[]=1", "query[a]=1",
     "filter[statuses][0]=1", "filter[custom_fields_values][1][from]=nan"],
)  # fmt: skip
@pytest.mark.parametrize("family", ["leads", "contacts", "events", "tasks", "catalogs", "users"])
def test_the_sandbox_responds_to_any_query(family: str, query: str) -> None:
    sandbox = Sandbox(rps=None)
    sandbox.add("leads", {"name": "a", "price": 5})
    bearer = f"Bearer {sandbox.issue_long_lived()}"
    status, _ = call(
        sandbox,
        PATH_INFO=f"/api/v4/{family}", HTTP_AUTHORIZATION=bearer, QUERY_STRING=query,
    )  # fmt: skip
    assert status < 500


def test_the_redirect_to_https_is_one_line() -> None:
    status, _ = call(Sandbox(), PATH_INFO="/a\r\nX: y", HTTP_HOST="example.amocrm.ru")
    assert status == 301


def test_many_empty_brackets_are_parsed_quickly() -> None:
    import time

    from amocrm.sandbox.http.request import brackets

    pairs = [(f"a[{n}]", "1") for n in range(20_000, 40_000)] + [("a[]", "1")] * 20_000
    began = time.process_time()
    brackets([*pairs, ("a" + "[b]" * 100_000, "1")])
    assert time.process_time() - began < 2
