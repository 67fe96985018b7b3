"""The traps of the HTTP stack, closed: each over the real stack, most over real sockets."""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
import urllib3
from requests.adapters import HTTPAdapter

from amocrm import (
    AmoCRM,
    ConfigurationError,
    LostReplyError,
    OutcomeUnknownError,
    ReplyError,
    Timeout,
    UnexpectedReplyError,
    UnreachableError,
)
from amocrm._support.clock import SystemClock
from amocrm.http.messages import Call, NoReply
from amocrm.http.retry import RETRIES
from amocrm.http.transport.failures import explain
from amocrm.http.transport.reading import MAX_BODY
from amocrm.http.transport.transport import POOL_SIZE, ReceivedReply, Transport
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make


@pytest.fixture
def portal() -> Sandbox:
    return Sandbox(rps=None)


@pytest.fixture
def served(portal: Sandbox) -> Iterator[str]:
    with portal.serve() as server:
        yield server.url


@pytest.fixture
def over_tcp(portal: Sandbox, served: str) -> Iterator[Callable[..., AmoCRM]]:
    """Makes clients that talk to the sandbox over TCP with a long-lived token."""
    clients: list[AmoCRM] = []

    def connect(**settings: Any) -> AmoCRM:
        auth: Any = {"access_token": portal.issue_long_lived()}
        crm = AmoCRM("example", auth, **{"base_url": served, "rate_limiter": None, **settings})
        clients.append(crm)
        return crm

    yield connect
    for crm in clients:
        crm.close()


# netrc -------------------------------------------------------------------------------------------


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("default login stranger password hidden\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("netrc")
def test_netrc_replaces_no_bearer_token_and_reaches_no_grant(make: Make, sandbox: Sandbox) -> None:
    plain = requests.Request("GET", "https://example.amocrm.ru/").prepare()
    assert "Authorization" not in plain.headers
    with requests.Session() as session:
        trap = session.prepare_request(requests.Request("GET", "https://example.amocrm.ru/"))
    assert str(trap.headers["Authorization"]).startswith("Basic "), "the trap is set"

    crm = make({"code": sandbox.issue_code()})
    crm.request.get("/api/v4/account")
    grant, call = sandbox.log
    assert "authorization" not in grant.headers
    assert call.headers["authorization"] == "Bearer"


def test_the_session_s_own_auth_does_not_replace_the_token(make: Make, sandbox: Sandbox) -> None:
    session = sandbox.session()
    session.auth = ("user", "password")
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.request.get("/api/v4/account")
    assert [one.headers.get("authorization") for one in sandbox.log] == [None, "Bearer"]


# redirects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://evil.example/", "//evil.example", "/x", ""])
def test_a_redirect_is_never_followed(
    connected: AmoCRM, sandbox: Sandbox, status: int, location: str
) -> None:
    seen = len(sandbox.log)
    sandbox.inject("redirect", path="/api/", location=location, status=status)
    with pytest.raises(UnexpectedReplyError, match="redirect"):
        connected.request.get("/api/v4/account")
    assert len(sandbox.log) == seen + 1


def test_a_redirect_to_nonsense_is_an_error_of_ours(connected: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.inject("redirect", path="/api/", location="http://[")
    with pytest.raises(UnexpectedReplyError, match="redirect"):
        connected.request.get("/api/v4/account")


def test_a_grant_is_not_redirected_either(crm: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.inject("redirect", path="/oauth2/", location="https://evil.example/", times=9)
    with pytest.raises(Exception, match="302"):
        crm.connect()
    assert {one.host for one in sandbox.log} == {"example.amocrm.ru"}


# a session of the user's -------------------------------------------------------------------------


def test_a_user_s_session_keeps_headers_hooks_cookies_params_and_adapters(
    make: Make, sandbox: Sandbox
) -> None:
    seen: list[int] = []
    session = sandbox.session()
    session.headers.update({"X-Proxy-Pass": "yes", "User-Agent": "Robot/1"})
    session.cookies.set("lane", "fast")
    session.params = {"from": "session"}
    session.hooks["response"].append(lambda answer, *_, **__: seen.append(answer.status_code))
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.request.get("/api/v4/leads?limit=1")
    call = sandbox.log[-1]
    assert call.headers["x-proxy-pass"] == "yes"
    assert call.user_agent == "Robot/1"
    assert "cookie" in call.headers
    assert call.params == {"limit": "1", "from": "session"}
    assert seen == [204], "a hook sees calls, and no grant"


def test_a_hook_that_reads_the_body_takes_nothing_away(make: Make, sandbox: Sandbox) -> None:
    read: list[bytes] = []
    session = sandbox.session()
    session.hooks["response"].append(lambda answer, *_, **__: read.append(answer.content))
    crm = make({"code": sandbox.issue_code()}, session=session)
    response = crm.request.get("/api/v4/account")
    assert response.data["subdomain"] == "example"
    assert response.info.content == read[-1]


def test_a_user_s_session_is_not_closed(make: Make, sandbox: Sandbox) -> None:
    closed: list[bool] = []

    class Session(requests.Session):
        def close(self) -> None:
            closed.append(True)
            super().close()

    session = sandbox.mount(Session())
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    crm.close()
    assert closed == []
    session.close()


def test_our_own_session_is_closed(over_tcp: Callable[..., AmoCRM]) -> None:
    # Open sockets would be a ResourceWarning, which is an error in this suite.
    crm = over_tcp()
    crm.request.get("/api/v4/account")
    crm.close()
    with pytest.raises(ConfigurationError, match="closed"):
        crm.request.get("/api/v4/account")


class Recorder(HTTPAdapter):
    """Notes with what settings a request is sent, and sends nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: list[dict[str, Any]] = []

    def send(self, request: Any, **settings: Any) -> Any:  # type: ignore[override]  # any settings
        self.settings.append(settings)
        raise requests.ConnectTimeout


def sent_with(session: requests.Session) -> dict[str, Any]:
    recorder = Recorder()
    session.mount("https://", recorder)
    transport = Transport(SystemClock(), session)
    for _ in range(2):
        assert isinstance(transport.send(Call("GET", "https://a.amocrm.ru/x", "/x", {})), NoReply)
    assert recorder.settings[0] == recorder.settings[1]
    return recorder.settings[0]


def test_proxies_of_the_environment_and_of_the_session_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://environment:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with requests.Session() as session:
        assert sent_with(session)["proxies"]["https"] == "http://environment:1"
        session.trust_env = False
        assert not sent_with(session)["proxies"]
        session.proxies["https"] = "http://session:1"
        assert sent_with(session)["proxies"]["https"] == "http://session:1"


def test_a_proxy_set_later_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    with requests.Session() as session:
        recorder = Recorder()
        session.mount("https://", recorder)
        transport = Transport(SystemClock(), session)
        call = Call("GET", "https://a.amocrm.ru/x", "/x", {})
        transport.send(call)
        session.proxies["https"] = "http://later:1"
        session.verify = "/ca.pem"
        session.cert = ("/cert.pem", "/key.pem")
        transport.send(call)
    assert recorder.settings[1]["proxies"]["https"] == "http://later:1"
    assert recorder.settings[1]["verify"] == "/ca.pem"
    assert recorder.settings[1]["cert"] == ("/cert.pem", "/key.pem")


def test_ca_bundles_of_the_environment_and_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/environment.pem")
    with requests.Session() as session:
        assert sent_with(session)["verify"] == "/environment.pem"
        session.verify = "/session.pem"
        assert sent_with(session)["verify"] == "/session.pem"
        session.verify = False
        assert sent_with(session)["verify"] is False
        session.verify, session.trust_env = True, False
        assert sent_with(session)["verify"] is True


# the pool ----------------------------------------------------------------------------------------


def test_the_pool_is_as_large_as_the_threads_and_nothing_is_repeated_behind_our_back(
    portal: Sandbox, over_tcp: Callable[..., AmoCRM], caplog: pytest.LogCaptureFixture
) -> None:
    crm = over_tcp()
    gate = threading.Barrier(32)

    def work(_: int) -> None:
        gate.wait()
        for _ in range(3):
            crm.request.get("/api/v4/account")

    with caplog.at_level("DEBUG", "urllib3"), ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))
    assert "Connection pool is full" not in caplog.text
    assert caplog.text.count("Starting new HTTP connection") <= 32
    assert portal.counters["requests"] == 96
    assert POOL_SIZE >= 32


def test_a_lost_write_arrives_once(portal: Sandbox, over_tcp: Callable[..., AmoCRM]) -> None:
    crm = over_tcp()
    crm.request.get("/api/v4/account")
    portal.inject("lost_after", "POST", "/api/v4/leads")
    with pytest.raises(LostReplyError, match="check before you repeat"):
        crm.request.post("/api/v4/leads", [{"name": "once"}])
    assert [one["name"] for one in portal.leads()] == ["once"]


def test_a_lost_read_is_read_again(portal: Sandbox, over_tcp: Callable[..., AmoCRM]) -> None:
    crm = over_tcp(clock=ManualClock())
    portal.inject("lost_after", "GET", "/api/", times=2)
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert portal.counters["requests"] == 3


def test_a_read_that_stays_lost_is_tried_five_times_and_not_once_more(
    portal: Sandbox, over_tcp: Callable[..., AmoCRM]
) -> None:
    crm = over_tcp(clock=ManualClock())
    portal.inject("lost_after", "GET", "/api/", times=99)
    with pytest.raises(LostReplyError):
        crm.request.get("/api/v4/account")
    assert portal.counters["requests"] == 1 + RETRIES


def test_a_stale_connection_is_replaced_before_anything_is_sent() -> None:
    """The server closes after each answer without saying so; a write must not fail for it."""
    with closing_server() as (origin, arrivals, closed):
        with AmoCRM("example", {"access_token": "x"}, base_url=origin, rate_limiter=None) as crm:
            for number in (1, 2, 3):
                assert crm.request.post("/x", {}).data == {"n": number}
                assert closed.acquire(timeout=60)
    assert len(arrivals) == 3


@contextmanager
def closing_server() -> Iterator[tuple[str, list[bytes], threading.Semaphore]]:
    """A server that promises to keep its connections and closes each after one answer."""
    arrivals: list[bytes] = []
    closed = threading.Semaphore(0)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"

    def answer(peer: socket.socket) -> None:
        request = b""
        while not request.endswith(b"{}"):
            if not (piece := peer.recv(65536)):
                return
            request += piece
        arrivals.append(request)
        peer.sendall(head + b'{"n": %d}' % len(arrivals))

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                answer(peer)
            closed.release()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", arrivals, closed
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# bodies ------------------------------------------------------------------------------------------


def test_a_body_that_trickles_for_ever_hits_the_total_deadline(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.inject("trickle", path="/api/", times=9, seconds=1)
    started = clock.monotonic()
    with pytest.raises(LostReplyError, match="the call timed out"):
        connected.request.post("/api/v4/leads", [{}], timeout=Timeout(read=5, total=30))
    assert 30 <= clock.monotonic() - started <= 32


class Hurried(SystemClock):
    """A clock that a second passes on between two looks."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return float(self.looks)


@pytest.mark.parametrize(("size", "sent"), [(10_000, True), (1_000_000, False)])
def test_sending_is_bounded_by_the_total_too(
    portal: Sandbox, over_tcp: Callable[..., AmoCRM], size: int, sent: bool
) -> None:
    crm = over_tcp(clock=Hurried())
    with pytest.raises(ReplyError if sent else OutcomeUnknownError):
        crm.request.post("/api/v4/leads", b"x" * size, timeout=Timeout(5, 5, 20), retry="never")


@pytest.mark.parametrize(("seconds", "lost"), [(19, False), (21, True)])
def test_silence_has_a_border(
    connected: AmoCRM, sandbox: Sandbox, seconds: float, lost: bool
) -> None:
    assert Timeout() == Timeout(connect=5, read=20, total=60)
    sandbox.inject("latency", path="/api/", seconds=seconds)
    if lost:
        with pytest.raises(LostReplyError, match="read timed out"):
            connected.request.post("/api/v4/leads", [{}])
    else:
        assert connected.request.post("/api/v4/leads", [{}]).info.status_code == 200


def test_a_huge_body_is_not_swallowed(connected: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.inject("huge", path="/api/", size=1_000_000_000)
    with pytest.raises(UnexpectedReplyError, match="too large"):
        connected.request.get("/api/v4/account")


@pytest.mark.parametrize(("size", "taken"), [(MAX_BODY, True), (MAX_BODY + 1, False)])
def test_the_size_of_a_body_has_a_border(sandbox: Sandbox, size: int, taken: bool) -> None:
    sandbox.inject("huge", size=size)
    transport = Transport(SystemClock(), sandbox.session())
    outcome = transport.send(Call("GET", "https://example.amocrm.ru/api/v4/account", "/", {}))
    assert isinstance(outcome, ReceivedReply)
    assert outcome.oversize is not taken
    assert len(outcome.body) == (size if taken else 0)


def test_a_zip_bomb_is_an_oversize_body() -> None:
    bomb = gzip.compress(bytes(MAX_BODY + 1))
    raw = urllib3.HTTPResponse(
        io.BytesIO(bomb), {"Content-Encoding": "gzip"}, 200, preload_content=False
    )

    class Bomber(HTTPAdapter):
        def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
            return self.build_response(request, raw)

    with requests.Session() as session:
        session.mount("https://", Bomber())
        outcome = Transport(SystemClock(), session).send(Call("GET", "https://h/x", "/x", {}))
    assert isinstance(outcome, ReceivedReply)
    assert outcome.oversize


BOMB = gzip.compress(bytes(16 * 1024 * 1024)) * 640
"""10 MB that unpack to 10 GB."""


def zipped(body: bytes, encoding: str) -> Any:
    """What comes of an answer with such a body and content encoding."""

    class Bomber(HTTPAdapter):
        def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
            raw = urllib3.HTTPResponse(
                io.BytesIO(body), {"Content-Encoding": encoding}, 200, preload_content=False
            )
            return self.build_response(request, raw)

    with requests.Session() as session:
        session.mount("https://", Bomber())
        return Transport(SystemClock(), session).send(Call("GET", "https://h/x", "/x", {}))


def test_a_zip_bomb_takes_no_more_memory_than_an_answer_may() -> None:
    tracemalloc.start()
    try:
        outcome = zipped(BOMB, "gzip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, ReceivedReply)
    assert outcome.oversize
    assert peak < len(BOMB) + 3 * MAX_BODY


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,deflate", "identity, gzip", "br", "zstd"])
def test_more_than_one_content_encoding_and_those_not_asked_for_are_refused(encoding: str) -> None:
    outcome = zipped(gzip.compress(gzip.compress(b"{}")), encoding)
    assert isinstance(outcome, NoReply)
    assert "content encoding" in outcome.reason
    assert outcome.final


def test_one_content_encoding_is_read() -> None:
    assert zipped(gzip.compress(b"{}"), "gzip").body == b"{}"
    assert zipped(zlib.compress(b"{}"), "deflate").body == b"{}"


@pytest.mark.parametrize(
    ("set_up", "sent"),
    [
        ({}, "gzip, deflate"),
        ({"Accept-Encoding": "gzip, deflate, br, zstd"}, "gzip, deflate"),
        ({"Accept-Encoding": "identity"}, "identity"),
    ],
)
def test_only_encodings_that_unpack_piece_by_piece_are_asked_for(
    make: Make, sandbox: Sandbox, set_up: dict[str, str], sent: str
) -> None:
    session = sandbox.session()
    session.headers.update(set_up)
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.request.get("/api/v4/account")
    assert sandbox.log[-1].headers["accept-encoding"] == sent


def test_an_answer_of_the_api_has_a_bound_that_a_file_has_not(sandbox: Sandbox) -> None:
    """Decoded JSON takes many times the memory of its text; a file is handed on piece by piece."""
    assert MAX_BODY == 8 * 1024 * 1024
    transport, size = Transport(SystemClock(), sandbox.session()), 4 * MAX_BODY
    headers = {"Authorization": f"Bearer {sandbox.issue_long_lived()}"}
    taken: list[int] = []
    for sink in (None, lambda: lambda piece: taken.append(len(piece))):
        sandbox.inject("huge", size=size)
        url = "https://example.amocrm.ru/api/v4/account"
        outcome = transport.send(Call("GET", url, "/", headers, sink=sink))
        assert isinstance(outcome, ReceivedReply)
        assert outcome.oversize is (sink is None)
    assert sum(taken) == size


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("html", "text/html instead of JSON: 'Проверка Подтвердите, что вы не робот'"),
        ("empty", "an empty body"),
        ("broken_json", "broken JSON"),
        ("wrong_type", "text/plain instead of JSON: 'OK'"),
    ],
)
def test_a_200_that_is_no_response_is_a_clear_error(
    connected: AmoCRM, sandbox: Sandbox, fault: str, complaint: str
) -> None:
    sandbox.inject(fault, path="/api/", times=9)
    with pytest.raises(UnexpectedReplyError, match=complaint):
        connected.request.get("/api/v4/account")


def test_half_a_body_is_a_lost_response(connected: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.inject("half_body", "POST", "/api/")
    with pytest.raises(LostReplyError, match="closed before the response was complete"):
        connected.request.post("/api/v4/leads", [{"name": "x"}])
    sandbox.inject("half_body", "GET", "/api/")
    assert connected.request.get("/api/v4/leads").info.status_code == 200


def test_half_a_body_over_tcp(portal: Sandbox, over_tcp: Callable[..., AmoCRM]) -> None:
    portal.inject("half_body", "POST", "/api/")
    with pytest.raises(LostReplyError):
        over_tcp().request.post("/api/v4/leads", [{"name": "x"}])


# what is unreachable -----------------------------------------------------------------------------


def test_a_refused_connection_was_never_sent(free_port: int) -> None:
    origin = f"http://127.0.0.1:{free_port}"
    with AmoCRM("a", {"access_token": "x"}, base_url=origin, clock=ManualClock()) as crm:
        with pytest.raises(UnreachableError, match="refused") as trouble:
            crm.request.post("/api/v4/leads", [{}])
    assert not trouble.value.sent
    assert trouble.value.retryable


def test_an_unknown_name_is_reported() -> None:
    # Built by hand: a name server is not on the loopback.
    pool: Any = urllib3.connectionpool.HTTPSConnectionPool("a.amocrm.ru")
    reason = urllib3.exceptions.NameResolutionError("a.amocrm.ru", pool, socket.gaierror("no"))
    error = requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/x", reason))
    lost = explain(error, "https://a.amocrm.ru/x?secret=1", True)
    assert not lost.sent
    assert lost.reason == "DNS found no address of a.amocrm.ru"


def through_a_proxy(reason: Exception) -> requests.RequestException:
    """What `requests` raises when a connection to a proxy fails, before or after the sending."""
    pool: Any = urllib3.connectionpool.HTTPSConnectionPool("a.amocrm.ru")
    inner = urllib3.exceptions.ProxyError("Unable to connect to proxy", reason)
    return requests.exceptions.ProxyError(urllib3.exceptions.MaxRetryError(pool, "/x", inner))


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (requests.ConnectTimeout("x"), False),
        (requests.exceptions.ProxyError("x"), True),
        (through_a_proxy(OSError("Tunnel connection failed: 407")), False),
        (through_a_proxy(urllib3.exceptions.ConnectTimeoutError("x")), False),
        (through_a_proxy(ConnectionResetError("x")), True),
        (requests.exceptions.InvalidProxyURL("x"), False),
        (requests.exceptions.InvalidURL("x"), False),
        (requests.exceptions.InvalidHeader("x"), False),
        (requests.ReadTimeout("x"), True),
        (requests.ConnectionError("x"), True),
        (requests.exceptions.ChunkedEncodingError("x"), True),
        (urllib3.exceptions.DecodeError("x"), True),
        (ConnectionResetError("x"), True),
        (TimeoutError("x"), True),
        (requests.exceptions.SSLError(ssl.SSLError(1, "[SSL: BAD_RECORD_MAC] x")), True),
        (requests.exceptions.SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x")), False),
    ],
)
def test_only_what_surely_was_not_sent_counts_as_not_sent(error: Exception, sent: bool) -> None:
    assert explain(error, "https://h/x", True).sent is sent


# TLS ---------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> tuple[str, tuple[str, str]]:
    """Paths of an authority's certificate, and of a certificate with its key for localhost."""
    ca = trustme.CA()
    cert = ca.issue_cert("localhost", "127.0.0.1")
    paths = [str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem")]
    ca.cert_pem.write_to_path(paths[0])
    cert.cert_chain_pems[0].write_to_path(paths[1])
    cert.private_key_pem.write_to_path(paths[2])
    return paths[0], (paths[1], paths[2])


def test_over_tls_with_the_session_s_authority(
    portal: Sandbox, authority: tuple[str, tuple[str, str]]
) -> None:
    ca, pair = authority
    with portal.serve(tls=pair) as server, requests.Session() as session:
        session.verify = ca
        auth: Any = {"access_token": portal.issue_long_lived()}
        base = f"https://localhost:{server.port}"
        with AmoCRM("example", auth, session=session, base_url=base) as crm:
            assert crm.request.get("/api/v4/account").data["subdomain"] == "example"


def test_an_untrusted_certificate_says_which_authorities_and_what_to_do(
    portal: Sandbox, authority: tuple[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with portal.serve(tls=authority[1]) as server:
        auth: Any = {"access_token": portal.issue_long_lived()}
        base = f"https://localhost:{server.port}"
        with AmoCRM("example", auth, base_url=base) as crm:
            with pytest.raises(UnreachableError) as trouble:
                crm.request.post("/api/v4/leads", [{}])
    message = str(trouble.value)
    assert "not trusted: unable to get local issuer certificate" in message
    assert requests.utils.DEFAULT_CA_BUNDLE_PATH in message
    assert "REQUESTS_CA_BUNDLE" in message
    assert not trouble.value.retryable
    assert portal.counters["requests"] == 0


def test_https_to_a_plain_port_is_reported(served: str) -> None:
    base = served.replace("http://", "https://")
    with AmoCRM("a", {"access_token": "x"}, base_url=base, clock=ManualClock()) as crm:
        with pytest.raises(UnreachableError, match="TLS failed"):
            crm.request.post("/api/v4/leads", [{}])


# headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer other"}, {"authorization": "x"}, {"Host": "evil.example"},
        {"Content-Length": "5"}, {"X": "a\r\nY: b"}, {"X\n": "a"}, {"": "a"}, {"X": 5}, {5: "a"},
        {"X": "имя"},
    ],
)  # fmt: skip
def test_headers_that_are_not_the_caller_s_to_set(connected: AmoCRM, headers: Any) -> None:
    with pytest.raises(ConfigurationError, match="header"):
        connected.request.get("/api/v4/account", headers=headers)


def test_own_headers_travel(connected: AmoCRM, sandbox: Sandbox) -> None:
    connected.request.get("/api/v4/account", headers={"X-Context-User-ID": "501"})
    assert sandbox.log[-1].headers["x-context-user-id"] == "501"
    connected.request.post("/api/v4/leads", [{}])
    assert sandbox.log[-1].headers["content-type"] == "application/json"


@pytest.mark.parametrize("agent", ["a\r\nb", "", "имя", 5])
def test_a_user_agent_is_one_line_of_ascii(make: Make, agent: Any) -> None:
    if agent == "":
        make({"access_token": "x"}, user_agent=agent).close()
        return
    with pytest.raises(ConfigurationError, match="user_agent"):
        make({"access_token": "x"}, user_agent=agent)


@pytest.mark.parametrize("timeout", [0, -1, "5", True, float("nan"), float("inf"), 1e6, Timeout(0)])
def test_a_timeout_is_a_positive_number_of_seconds(connected: AmoCRM, timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        connected.request.get("/api/v4/account", timeout=timeout)
