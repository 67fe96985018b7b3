"""Secrets go to amoCRM's hosts over HTTPS, whoever names another one, and wherever he does."""

from __future__ import annotations

import base64
import functools
import io
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from amocrm import (
    AmoCRM,
    AmoCRMError,
    AuthSettings,
    ConfigurationError,
    GrantError,
    Integration,
    MemoryStore,
    StateMismatchError,
    TokenStoreError,
    UnexpectedReplyError,
)
from amocrm.chats import Channel
from amocrm.http.request import fetch
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.wire import Reply, Wire

HOST = "example.amocrm.ru"
HERE = f"https://{HOST}"
ACCOUNT, LEADS = "/api/v4/account", "/api/v4/leads"
TOKENS, LOOKUP = "/oauth2/access_token", "/oauth2/account/current/subdomain"
DAY = 86_400

LOOK_ALIKES = [
    # Beside, above and below the zones.
    "evil.example", "amocrm.ru.evil.example", "example.amocrm.ru.evil.example",
    "example.kommo.com.evil.example", "evil-amocrm.ru", "evilamocrm.ru", "example.amo-crm.ru",
    "example.amocrm.su", "example.amocrm.co", "example.amocrm.ru.com", "example.kommo.ru",
    "amocrm.ru", "amocrm.com", "kommo.com", ".amocrm.ru", "a.b.amocrm.ru", "www.example.amocrm.ru",
    # amoCRM's own, and nobody's account.
    "www.amocrm.ru", "www.kommo.com", "amojo.amocrm.ru", "drive.amocrm.evil.example",
    "api-b.amocrm.ru.evil.example", "drive-b.amocrm.ru.evil.example",
    # Names that are none.
    "-a.amocrm.ru", "a-.amocrm.ru", "a_b.amocrm.ru", "*.amocrm.ru", "example..amocrm.ru",
    "example.amocrm.ru.", "a" * 64 + ".amocrm.ru", "exa mple.amocrm.ru",
    # What another parser may read as the host.
    "example.amocrm.ru@evil.example", "evil.example@example.amocrm.ru",
    "u:p@example.amocrm.ru", "example.amocrm.ru:443", "example.amocrm.ru:8443",
    "evil.example:443#.amocrm.ru", "evil.example#.amocrm.ru", "evil.example?.amocrm.ru",
    "evil.example/.amocrm.ru", "evil.example\\.amocrm.ru", "evil.example\\@example.amocrm.ru",
    "evil.example%2f.amocrm.ru", "evil.example%00.amocrm.ru", "evil.example\x00.amocrm.ru",
    "evil.example\n.amocrm.ru", "evil.example\t.amocrm.ru", "evil.example\r\nX: y.amocrm.ru",
    "example.amocrm.ru,evil.example", "example.amocrm.ru;evil.example",
    # Letters that look the same, or become the same.
    "ex\u0430mple.amocrm.ru", "example\u3002amocrm.ru", "\uff45xample.amocrm.ru",
    "xn--e1afmkfd.amocrm.ru", "example.amocrm.\u0433u",
    # Where metadata and neighbors are.
    "127.0.0.1", "[::1]", "169.254.169.254", "0x7f.0.0.1",
]  # fmt: skip

PATHS = [
    "//evil.example/x",
    "///evil.example/x",
    "https://evil.example/x",
    "http://example.amocrm.ru/x",
    "HTTPS://EVIL.EXAMPLE/x",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example/x",
    "https:\\\\evil.example",
    "/\\evil.example",
    "\\\\evil.example\\x",
    "\\/evil.example",
    "https://example.amocrm.ru:443/x",
    "https://example.amocrm.ru:8443/x",
    "https://example.amocrm.ru@evil.example/x",
    "https://u:p@example.amocrm.ru/x",
    "https://example.amocrm.ru.evil.example/x",
    "https://example.amocrm.ru%2eevil.example/x",
    "https://example.amocrm.ru\\@evil.example/x",
    "https://example.amocrm.ru#@evil.example/x",
    "https://other.amocrm.ru/x",
    "https://www.amocrm.ru/x",
    "ftp://example.amocrm.ru/x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/html,x",
    "unix:/run/x.sock",
    "https://[::1]/x",
    "https://[evil.example/x",
    "/x\r\nHost: evil.example",
    "/x\nX: y",
    "/a/../../x",
    "/a/%2e%2e/x",
    "/a/..%5cx",
    "/./x",
    "/x#evil",
    "\t//evil.example",
    "https://\u0435xample.amocrm.ru/",
]

HARMLESS = [
    # Odd, but they lead home: the name of another host is only a part of the path or the query.
    "@evil.example/x",
    ".evil.example/x",
    ":443/x",
    "/@evil.example",
    "/x?next=https://evil.example/",
    "evil.example/x",
    "/%2f%2fevil.example",
    "/%5cevil.example",
    f"{HERE}/x?y=@evil.example",
    "HTTPS://EXAMPLE.AMOCRM.RU/x",
    "/x;//evil.example",
    "/x//evil.example",
]

ODD_LINKS: list[Any] = [
    5, None, [], {}, True, "", "\ud800", "////evil.example/x", f"{HERE}{LEADS}?page=\u0662",
    f"{HERE}{LEADS}?limit=250&page={'9' * 5000}",
]  # fmt: skip

DRIVE_LINKS = [
    *(f"https://{host}/v1.0/x" for host in (
        "evil.example", "drive-b.amocrm.ru.evil.example", "drive-b.amocrm.ru@evil.example",
        "evil.example@drive-b.amocrm.ru", "u:p@drive-b.amocrm.ru", "drive-b.amocrm.ru:443",
        "drive-b.amocrm.ru:8443", "x.drive-b.amocrm.ru", "drive-a-b.amocrm.ru", "drives.amocrm.ru",
        "drive-.amocrm.ru", "drive-b.evil.example", "drive-b.amocrm.ru.", "other.amocrm.ru",
        "www.amocrm.ru", "evil.example\\@drive-b.amocrm.ru", "evil.example#drive-b.amocrm.ru",
        "evil.example%2fdrive-b.amocrm.ru", "drive-\u0430.amocrm.ru", "[::1]", "[drive-b.amocrm.ru",
    )),
    "http://drive-b.amocrm.ru/v1.0/x", "//drive-b.amocrm.ru/v1.0/x", "/v1.0/x",
    "ftp://drive-b.amocrm.ru/x", "file:///etc/passwd", "", "drive-b.amocrm.ru",
]  # fmt: skip


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    return Wire(sandbox)


Connect = Callable[..., AmoCRM]


@pytest.fixture
def connect(wire: Wire, sandbox: Sandbox, clock: ManualClock, credentials: AuthSettings) -> Connect:
    def connect(domain: str = "example", **settings: Any) -> AmoCRM:
        auth: Any = {**credentials, "code": sandbox.issue_code()}
        settings = {"session": wire.session(), "clock": clock, "rate_limiter": None, **settings}
        return AmoCRM(domain, auth, **settings)

    return connect


def answer(path: str, data: object, status: int = 200) -> Callable[..., Reply | None]:
    """Answer each request of a path with some JSON."""

    def twist(request: requests.PreparedRequest) -> Reply | None:
        if urlsplit(str(request.url)).path != path:
            return None
        return Reply(status, json.dumps(data).encode())

    return twist


def test_the_numbers_of_what_is_tried() -> None:
    assert len(set(LOOK_ALIKES)) >= 56
    assert len(set(PATHS)) >= 32
    assert len(set(DRIVE_LINKS)) >= 25


# Look-alikes, at each door ------------------------------------------------------------------------

each_look_alike = pytest.mark.parametrize("host", LOOK_ALIKES, ids=ascii)


@each_look_alike
@pytest.mark.parametrize("form", ["{}", "https://{}/", "http://{}"])
def test_a_look_alike_is_no_domain(connect: Connect, wire: Wire, host: str, form: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(form.format(host))
    assert wire.sent == []


@each_look_alike
def test_a_look_alike_is_no_referer(
    wire: Wire, clock: ManualClock, sandbox: Sandbox, host: str
) -> None:
    one, store = sandbox.integration, MemoryStore()
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=store, session=wire.session(), clock=clock,
    ) as integration:  # fmt: skip
        for query in ({"code": "c", "referer": host, "state": "s"},):
            with pytest.raises(StateMismatchError):
                integration.callback(query, state="s")
        with pytest.raises(AmoCRMError):
            integration.account(host)
    assert wire.sent == []


@each_look_alike
def test_a_look_alike_is_no_place_where_a_call_goes(
    connect: Connect, wire: Wire, host: str
) -> None:
    crm = connect()
    crm.connect()
    before = len(wire.sent)
    for address in (f"https://{host}{LEADS}", f"//{host}{LEADS}"):
        with pytest.raises(ConfigurationError):
            crm.request.get(address)
    assert len(wire.sent) == before


@each_look_alike
def test_a_look_alike_is_no_next_page(connect: Connect, wire: Wire, host: str) -> None:
    following = {"next": {"href": f"https://{host}{LEADS}?page=2&limit=250"}}
    wire.twist = answer(LEADS, {"_links": following, "_embedded": {"leads": [{"id": 1}]}})
    with pytest.raises(UnexpectedReplyError):
        list(connect().leads.list())
    assert wire.strays == []


@each_look_alike
@pytest.mark.parametrize("status", [401, 404])
def test_a_look_alike_is_no_place_where_an_account_has_moved(
    connect: Connect, wire: Wire, clock: ManualClock, host: str, status: int
) -> None:
    crm = connect()
    crm.connect()
    clock.advance(DAY + 1)
    refuse = answer(TOKENS, {"status": status}, status)
    lead = answer(LOOKUP, {"id": 1, "subdomain": "example", "domain": host})
    wire.twist = lambda request: refuse(request) or lead(request)
    with pytest.raises(GrantError):
        crm.request.get(ACCOUNT)
    assert any(LOOKUP in one.text for one in wire.sent), "the question was put"
    assert wire.strays == []
    assert {one.origin for one in wire.sent} <= {HERE, "https://api-b.amocrm.ru"}


@each_look_alike
def test_a_look_alike_is_not_asked_where_an_account_has_moved(
    connect: Connect, wire: Wire, host: str
) -> None:
    crm = connect()
    claims = json.dumps({"api_domain": host, "exp": 1}).encode()
    token = f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"
    crm.connection.set_token({"access_token": token, "refresh_token": "s3cr3t", "expires_at": 1})
    wire.twist = answer(TOKENS, {"status": 401}, 401)
    with pytest.raises(AmoCRMError):
        crm.connection.refresh_token()
    assert {one.origin for one in wire.sent} == {HERE}


@each_look_alike
def test_a_look_alike_in_a_store_is_not_believed(
    connect: Connect, wire: Wire, sandbox: Sandbox, host: str
) -> None:
    store, key = MemoryStore(), Key(sandbox.integration.client_id, str(sandbox.account().id))
    connect(store=store).connect()
    text = store.load(key)
    assert text is not None
    assert store.save(key, json.dumps({**json.loads(text), "host": host}), text)
    before = len(wire.sent)
    with pytest.raises(TokenStoreError):
        connect(store=store).request.get(ACCOUNT)
    assert len(wire.sent) == before


@each_look_alike
def test_a_look_alike_has_no_files(connect: Connect, wire: Wire, host: str) -> None:
    wire.twist = answer(ACCOUNT, {"id": 1, "drive_url": f"https://{host}"})
    with pytest.raises(UnexpectedReplyError):
        list(connect().drive.list())
    assert wire.strays == []
    assert {one.origin for one in wire.sent} == {HERE}


# Paths and links ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_leads_away_is_refused(connect: Connect, wire: Wire, path: str) -> None:
    crm = connect()
    for call in (crm.request.get, crm.request.post, functools.partial(fetch, crm.request)):
        with pytest.raises(ConfigurationError):
            call(path)
    assert wire.sent == []


@pytest.mark.parametrize("path", HARMLESS, ids=ascii)
def test_a_path_that_names_another_host_in_passing_leads_home(
    connect: Connect, wire: Wire, path: str
) -> None:
    with suppress(AmoCRMError):  # There is no such path.
        connect().request.get(path)
    assert {one.origin for one in wire.sent} == {HERE}


@pytest.mark.parametrize("link", [*PATHS, *HARMLESS, *ODD_LINKS], ids=ascii)
@pytest.mark.parametrize("ahead", [0, None])
def test_a_next_link_leads_nowhere_else(
    connect: Connect, wire: Wire, link: Any, ahead: int | None
) -> None:
    pages: list[Any] = [{"next": {"href": link}}, {}]

    def twist(request: requests.PreparedRequest) -> Reply | None:
        if urlsplit(str(request.url)).path == TOKENS:
            return None
        page = {"_links": pages.pop(0) if pages else {}, "_embedded": {"leads": [{"id": 1}]}}
        return Reply(200, json.dumps(page).encode())

    wire.twist = twist
    with suppress(UnexpectedReplyError):
        assert 1 <= len(list(connect().listing(LEADS, ahead=ahead))) <= 2
    assert {one.origin for one in wire.sent} == {HERE}


@pytest.mark.parametrize("link", [*DRIVE_LINKS, None, 5, [], "\ud800"], ids=ascii)
def test_a_link_to_a_file_leads_nowhere_else(
    connect: Connect, wire: Wire, sandbox: Sandbox, link: Any
) -> None:
    crm = connect()
    file: Any = crm.drive.upload(b"content", name="a.txt")
    before = len(wire.sent)
    file["_links"]["download"]["href"] = file["_links"]["download_version"]["href"] = link
    with pytest.raises(UnexpectedReplyError):
        crm.drive.download(file, io.BytesIO())
    assert len(wire.sent) == before
    assert wire.strays == []


@pytest.mark.parametrize("link", [*DRIVE_LINKS, None, 5, [], "\ud800"], ids=ascii)
@pytest.mark.parametrize("turn", ["first", "next"])
def test_a_part_of_a_file_is_sent_nowhere_else(
    connect: Connect, wire: Wire, sandbox: Sandbox, link: Any, turn: str
) -> None:
    sandbox.account().drive.max_part_size = 4

    def twist(request: requests.PreparedRequest) -> Reply | None:
        path = urlsplit(str(request.url)).path
        if turn == "first" and path == "/v1.0/sessions":
            session = {"session_id": 1, "max_part_size": 4, "max_file_size": 99, "upload_url": link}
            return Reply(200, json.dumps(session).encode())
        if turn == "next" and path.startswith("/v1.0/sessions/upload/"):
            return Reply(202, json.dumps({"next_url": link, "session_id": 1}).encode())
        return None

    wire.twist = twist
    with pytest.raises(AmoCRMError):
        connect().drive.upload(b"s3cr3t content", name="a.txt")
    assert wire.strays == []
    assert {one.origin for one in wire.sent} <= {
        HERE,
        *(f"https://drive-{at}.amocrm.ru" for at in "bc"),
    }


# Redirects ----------------------------------------------------------------------------------------

LOCATIONS = [
    "https://evil.example/",
    "//evil.example/",
    "http://example.amocrm.ru/",
    "https://[",
    "/x",
    "",
    "https://example.amocrm.ru@evil.example/",
    "https://other.amocrm.ru/",
    "\\\\evil.example",
]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("status", [301, 302, 304, 308])
@pytest.mark.parametrize("path", [TOKENS, ACCOUNT, LOOKUP, "/v1.0/", "/download/"])
def test_a_redirect_leads_nowhere(
    connect: Connect, wire: Wire, clock: ManualClock, location: str, status: int, path: str
) -> None:
    crm = connect()
    file: Any = crm.drive.upload(b"content", name="a.txt") if path != TOKENS else None
    refuse = answer(TOKENS, {"status": 401}, 401)

    def twist(request: requests.PreparedRequest) -> Reply | None:
        if path in urlsplit(str(request.url)).path:
            return Reply(status, headers=(("Location", location),))
        return refuse(request) if path == LOOKUP else None

    wire.twist = twist
    calls: dict[str, Callable[[], object]] = {
        LOOKUP: crm.connection.refresh_token,
        "/v1.0/": lambda: crm.drive.upload(b"x", name="b.txt"),
        "/download/": lambda: crm.drive.download(file, io.BytesIO()),
    }
    with pytest.raises(AmoCRMError):
        calls.get(path, lambda: crm.request.get(ACCOUNT))()
    assert wire.strays == []
    assert not any(one.text.startswith(f"{HERE}/x\n") for one in wire.sent)


# What the environment and the session bring -------------------------------------------------------


def test_netrc_and_the_session_s_auth_bring_no_other_secret_and_take_none_elsewhere(
    wire: Wire, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "netrc"
    path.write_text("default login stranger password hidden\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    for auth in (None, ("stranger", "hidden")):
        session = wire.session()
        session.auth = auth
        crm = connect(session=session)
        crm.request.get(ACCOUNT)
        crm.drive.upload(b"x", name="a.txt")
    assert len(wire.sent) >= 8
    assert "Basic " not in "".join(one.text for one in wire.sent)
    assert wire.strays == []


def test_a_hook_of_the_session_hears_of_no_grant_and_sends_nothing_elsewhere(
    wire: Wire, connect: Connect, sandbox: Sandbox, clock: ManualClock
) -> None:
    heard: list[str] = []

    def hook(info: requests.Response, **_: object) -> None:
        heard.append(urlsplit(str(info.url)).path)

    session = wire.session()
    hooks: Any = session.hooks
    hooks["response"] = [hook]
    session.params = {"debug": "1"}
    session.headers["Authorization"] = "Bearer other"
    crm = connect(session=session)
    crm.request.get(ACCOUNT)
    sandbox.move("example", "renamed")
    clock.advance(DAY + 1)
    crm.request.get(ACCOUNT)
    assert set(heard) == {ACCOUNT}
    private = [one.text for one in wire.sent if TOKENS in one.text or LOOKUP in one.text]
    assert len(private) >= 4
    assert not any("debug=1" in text or "Bearer" in text for text in private)
    assert wire.strays == []


def test_cookies_of_the_server_do_not_follow_to_other_hosts(
    wire: Wire, connect: Connect, sandbox: Sandbox
) -> None:
    headers = (("Content-Type", "application/json"), ("Set-Cookie", "sid=s3cr3t; Domain=.ru"))
    wire.twist = lambda request: (
        Reply(200, b'{"id": 1}', headers) if ACCOUNT in str(request.url) else None
    )
    crm = connect()
    crm.request.get(ACCOUNT)
    wire.twist = lambda _: None
    crm.drive.upload(b"x", name="a.txt")
    assert not any("s3cr3t" in one.text for one in wire.sent)


@pytest.mark.parametrize("zone", ["amocrm.ru.evil.example", "evil.example", "", "AMOCRM.RU", None])
def test_a_zone_is_one_of_three(zone: Any, wire: Wire) -> None:
    with pytest.raises(ConfigurationError):
        Integration("id", "secret", "https://x/", store=MemoryStore(), zone=zone)
    with pytest.raises(ConfigurationError):
        Channel("channel", "secret", zone=zone, session=wire.session())


# Over sockets -------------------------------------------------------------------------------------


def test_a_server_that_points_at_another_gets_it_no_connection(
    sandbox: Sandbox, clock: ManualClock, credentials: AuthSettings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as evil, sandbox.serve() as served:
        evil.setblocking(False)
        there = f"http://127.0.0.1:{evil.getsockname()[1]}"
        auth: Any = {**credentials, "code": sandbox.issue_code()}
        crm = AmoCRM("example", auth, base_url=served.url, clock=clock, rate_limiter=None)
        crm.connect()
        for path in ("/api/", "/oauth2/"):
            for status in (301, 302, 303, 307, 308):
                sandbox.inject("redirect", path=path, location=f"{there}/x", status=status)
                with suppress(AmoCRMError):  # A grant is asked for again, at the same place.
                    crm.request.get(ACCOUNT) if path == "/api/" else crm.connection.refresh_token()
        for address in (f"{there}{LEADS}", f"//127.0.0.1:{evil.getsockname()[1]}{LEADS}"):
            with pytest.raises(ConfigurationError):
                crm.request.get(address)
        file: Any = crm.drive.upload(b"x", name="a.txt")
        for link in file["_links"].values():
            link["href"] = f"{there}/download/x"
        with pytest.raises(UnexpectedReplyError):
            crm.drive.download(file, io.BytesIO())
        crm.close()
        with pytest.raises(BlockingIOError):
            evil.accept()
