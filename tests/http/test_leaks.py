"""No secret stands in the frames of an error, nor in what is kept of a call."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    GrantError,
    Integration,
    MemoryStore,
    Response,
    Timeout,
    TokenStoreError,
)
from amocrm._support.clock import SystemClock
from amocrm.auth.token_record import Alias, write_record
from amocrm.chats import Channel
from amocrm.http.messages import Call
from amocrm.http.transport.transport import ReceivedReply, Transport
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key, pointer_key
from tests.conftest import Make
from tests.leaks import assert_silent, leaks, rendered

HOST = "example.amocrm.ru"
TOKEN = "access-token-" + "t" * 40


# The helper itself --------------------------------------------------------------------------------


def test_a_secret_is_found_wherever_an_error_shows_it() -> None:
    scope: dict[str, Any] = {"__name__": "elsewhere"}
    source = (
        "def fail(token):\n"
        "    nested = {'headers': [('Authorization', token)]}\n"
        "    try:\n"
        "        raise ValueError\n"
        "    except ValueError:\n"
        "        raise KeyError from None\n"
    )
    exec(compile(source, "elsewhere.py", "exec"), scope)
    with pytest.raises(KeyError) as trouble:
        scope["fail"](TOKEN)
    found = leaks(trouble.value, {"token": TOKEN})
    assert {one.name for one in found} == {"token", "nested"}
    with pytest.raises(AssertionError):
        assert_silent(trouble.value, {"token": TOKEN})


# Calls that fail ----------------------------------------------------------------------------------


def failure(origin: str, **settings: Any) -> BaseException:
    """Make a call that must fail."""
    total = Timeout(connect=5, read=5, total=0.5)
    with AmoCRM(
        "a", {"access_token": TOKEN}, base_url=origin, rate_limiter=None, **settings
    ) as crm:
        with pytest.raises(AmoCRMError) as trouble:
            crm.request.post("/api/v4/leads", [{"name": "x"}], timeout=total, retry="never")
    return trouble.value


@pytest.fixture(params=["our own session", "a given one"])
def settings(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    with requests.Session() as session:
        yield {} if request.param == "our own session" else {"session": session}


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Serve one answer to one call, and then keep silent; closes at once if there is none."""
    peers: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            peer, _ = listener.accept()
            peers.append(peer)
            with peer:
                peer.recv(65_536)
                peer.sendall(answer)
                while answer and peer.recv(65_536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # A session of the test's own keeps its connection open.
            for one in (listener, *peers):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            thread.join(30)


def test_a_refused_connection(free_port: int, settings: dict[str, Any]) -> None:
    assert_silent(failure(f"http://127.0.0.1:{free_port}", **settings), {"token": TOKEN})


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + TOKEN.encode(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n" + TOKEN.encode(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnonsense",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=[
        "lost", "half a head", "half a body", "half a chunk", "no chunk", "no gzip", "redirect",
        "nonsense",
    ],
)  # fmt: skip
def test_no_answer_or_half_of_one(answer: bytes, settings: dict[str, Any]) -> None:
    with answering(answer) as origin:
        assert_silent(failure(origin, **settings), {"token": TOKEN})


def test_a_failure_of_tls(settings: dict[str, Any]) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as origin:
        error = failure(origin.replace("http:", "https:"), **settings)
    assert_silent(error, {"token": TOKEN})


def test_what_a_signal_handler_raises_in_the_middle_of_a_call(settings: dict[str, Any]) -> None:
    """As Celery's time limit does: the frames it comes out of hold the headers."""

    class TimeLimitError(Exception):
        pass

    def handler(*_: object) -> None:
        raise TimeLimitError

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with answering(b"HTTP/1.1 200 OK\r\n") as origin:
            with AmoCRM(
                "a", {"access_token": TOKEN}, base_url=origin, rate_limiter=None, **settings
            ) as crm:
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                with pytest.raises(TimeLimitError) as trouble:
                    crm.request.get("/api/v4/leads")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert_silent(trouble.value, {"token": TOKEN})


def test_an_adapter_of_the_user_s_keeps_the_frames_of_its_own_errors() -> None:
    class Clumsy(HTTPAdapter):
        def send(self, request: Any, **settings: Any) -> Any:  # type: ignore[override]
            raise KeyError("clumsy")

    with requests.Session() as session:
        session.mount("https://", Clumsy())
        with pytest.raises(KeyError) as trouble:
            Transport(SystemClock(), session).send(Call("GET", "https://h/x", "/x", {}))
    assert str(trouble.traceback[-1].path).endswith("test_leaks.py")


def test_a_header_of_the_session_that_cannot_be_sent(free_port: int) -> None:
    with requests.Session() as session:
        session.headers["X-Name"] = "имя"
        error = failure(f"http://127.0.0.1:{free_port}", session=session)
    assert isinstance(error, ConfigurationError)
    assert_silent(error, {"token": TOKEN})


REFUSALS: dict[str, Callable[[Sandbox], object]] = {
    "403": lambda portal: portal.inject("forbidden"),
    "429": lambda portal: portal.inject("too_many", retry_after=500),
    "502": lambda portal: portal.inject("server_error"),
    "no JSON": lambda portal: portal.inject("html"),
    "redirect": lambda portal: portal.inject("redirect", location="/api/v4/account"),
    "lost": lambda portal: portal.inject("lost_after"),
    "half": lambda portal: portal.inject("half_body"),
}


@pytest.mark.parametrize("kind", [*REFUSALS, "400"])
def test_a_call_that_is_refused(
    connected: AmoCRM, sandbox: Sandbox, kind: str, clock: ManualClock
) -> None:
    token: Any = connected.connection.get_token()
    if kind in REFUSALS:
        REFUSALS[kind](sandbox)
    with pytest.raises(AmoCRMError) as trouble:
        connected.request.post("/api/v4/leads", [{"price": "much"}], retry="never")
    assert_silent(trouble.value, {name: token[f"{name}_token"] for name in ("access", "refresh")})


def test_a_401(free_port: int) -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    with answering(answer + b"\r\n{}") as origin:
        assert_silent(failure(origin), {"token": TOKEN})


# Grants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["refused", "lost_after", "half_body", "server_error"])
@pytest.mark.parametrize("grant", ["code", "refresh"])
def test_a_grant_that_fails(
    make: Make, sandbox: Sandbox, clock: ManualClock, credentials: Any, fault: str, grant: str
) -> None:
    code, junk = sandbox.issue_code(), "def502" + "j" * 60
    if fault == "refused":
        code = "def502" + "c" * 60
    else:
        sandbox.inject(fault, path="/oauth2/", times=99)
    crm = make({"code": code} if grant == "code" else {})
    if grant == "refresh":
        crm.connection.set_token({"access_token": TOKEN, "refresh_token": junk, "expires_at": 1})
    with pytest.raises(AmoCRMError) as trouble:
        crm.request.get("/api/v4/account")
    assert isinstance(trouble.value, GrantError) is (fault == "refused")
    secrets = {
        "client_secret": credentials["client_secret"], "code": code, "refresh_token": junk,
        "access_token": TOKEN,
    }  # fmt: skip
    assert_silent(trouble.value, secrets)


class Held(LocalRateLimiter):
    """A rate limiter whose turn never comes."""

    def wait(self, clock: Any, patience: float) -> Any:
        raise RuntimeError("no turn")


def test_a_grant_that_gets_no_turn(
    make: Make, sandbox: Sandbox, credentials: Any, clock: ManualClock
) -> None:
    code = sandbox.issue_code()
    crm = make({"code": code}, rate_limiter=Held())
    with pytest.raises(RuntimeError) as trouble:
        crm.connect()
    secrets = {"client_secret": credentials["client_secret"], "code": code}
    assert_silent(trouble.value, secrets)


class Broken(MemoryStore):
    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        raise OSError("the disk is full")


def test_a_store_that_fails_during_a_grant(make: Make, sandbox: Sandbox, credentials: Any) -> None:
    code = sandbox.issue_code()
    crm = make({"code": code}, store=Broken())
    with pytest.raises(AmoCRMError) as trouble:
        crm.connect()
    token: Any = crm.connection.get_token()
    secrets = {
        "client_secret": credentials["client_secret"], "code": code,
        "access_token": token["access_token"], "refresh_token": token["refresh_token"],
    }  # fmt: skip
    assert_silent(trouble.value, secrets)


# Chats and files ----------------------------------------------------------------------------------


SECRET = "channel-secret-" + "s" * 40


def test_a_call_of_a_channel(free_port: int) -> None:
    base = f"http://127.0.0.1:{free_port}"
    with Channel(
        "channel", SECRET, base_url=base, clock=ManualClock(), rate_limiter=None
    ) as channel:
        with pytest.raises(AmoCRMError) as trouble:
            channel.connect("account")
    assert_silent(trouble.value, {"secret": SECRET})


@pytest.mark.parametrize(
    "wrong", [{"zone": "nowhere"}, {"channel_id": ""}, {"base_url": "x"}, {"user_agent": "\n"}]
)
def test_a_channel_that_is_set_up_wrongly(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as trouble:
        Channel(**{"channel_id": "channel", "secret": SECRET, **wrong})
    assert_silent(trouble.value, {"secret": SECRET})


def test_files(portal: Sandbox, clock: ManualClock) -> None:
    token = portal.issue_long_lived()
    auth: Any = {"access_token": token}
    with AmoCRM("example", auth, session=portal.session(), rate_limiter=None, clock=clock) as crm:
        uuid = crm.drive.upload(io.BytesIO(b"x" * 100), name="a.txt")["uuid"]
        portal.inject("server_error", "POST", "/v1.0/sessions/upload/", times=99)
        with pytest.raises(AmoCRMError) as up:
            crm.drive.upload(io.BytesIO(b"x" * 100), name="b.txt")
        portal.inject("half_body", path="/download/", times=99)
        with pytest.raises(AmoCRMError) as down:
            crm.drive.download(uuid, io.BytesIO())
    assert_silent(up.value, {"token": token})
    assert_silent(down.value, {"token": token})


# What is kept of a call ---------------------------------------------------------------------------


def everything(info: requests.Response) -> str:
    """Pickle an answer, and copies of it, and read what is in them."""
    copies = (info, copy.copy(info), copy.deepcopy(info), pickle.loads(pickle.dumps(info)))
    shown = [
        repr(vars(one.request)) + repr(one.history) + repr(vars(one).get("_next")) for one in copies
    ] + [pickle.dumps(one).decode("latin-1") for one in copies]  # fmt: skip
    return "".join(shown)


def test_an_answer_keeps_where_its_request_went_and_no_token(
    connected: AmoCRM, credentials: Any
) -> None:
    token: Any = connected.connection.get_token()
    response = connected.request.post("/api/v4/leads", [{"name": "x"}])
    info = response.info
    assert info.request.method == "POST"
    assert str(info.request.url).endswith("/api/v4/leads")
    assert info.request.body == b'[{"name":"x"}]'
    assert token["access_token"] not in everything(info)
    assert pickle.loads(pickle.dumps(response)).data == response.data


def test_the_answer_to_a_grant_keeps_no_secret(
    make: Make, sandbox: Sandbox, credentials: Any
) -> None:
    code = sandbox.issue_code()
    heard: list[Response] = []
    crm = make({"code": code})
    crm.on("connection:newToken", heard.append)
    crm.connect()
    info = heard[0].info
    assert info.request.body is None
    assert info.request.method == "POST"
    shown = everything(info)
    assert [one for one in (credentials["client_secret"], code) if one in shown] == []


def test_hooks_of_a_session_see_the_request_as_it_was_sent(make: Make, sandbox: Sandbox) -> None:
    seen: list[str] = []
    session = sandbox.session()
    session.hooks["response"].append(
        lambda info, **_: seen.append(str(info.request.headers["Authorization"])[:7])
    )
    crm = make({"code": sandbox.issue_code()}, session=session)
    info = crm.request.get("/api/v4/account").info
    assert seen == ["Bearer "]
    assert "Authorization" not in info.request.headers


def test_what_would_follow_a_redirect_is_not_kept() -> None:
    location = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with answering(location) as origin, requests.Session() as session:
        call = Call("POST", f"{origin}/x", "/x", headers, b"the secret", private=True)
        outcome = Transport(SystemClock(), session).send(call)
    assert isinstance(outcome, ReceivedReply)
    assert outcome.status == 307
    assert TOKEN not in everything(outcome.info)
    assert "the secret" not in everything(outcome.info)


def test_what_a_cause_holds_of_its_request(free_port: int, settings: dict[str, Any]) -> None:
    error = failure(f"http://127.0.0.1:{free_port}", **settings)
    cause: Any = error.__cause__ and (error.__cause__.__cause__ or error.__cause__)
    assert isinstance(cause, requests.RequestException)
    assert cause.request is None
    assert cause.response is None


# The log of urllib3 -------------------------------------------------------------------------------


def test_the_log_of_urllib3_shows_no_query_and_no_link(
    caplog: pytest.LogCaptureFixture, portal: Sandbox, clock: ManualClock
) -> None:
    auth: Any = {"access_token": portal.issue_long_lived()}
    with portal.serve() as served, caplog.at_level(logging.DEBUG):
        with AmoCRM("example", auth, base_url=served.url, rate_limiter=None, clock=clock) as crm:
            crm.request.get("/api/v4/leads", {"query": "Petrov"})
            model = crm.drive.upload(io.BytesIO(b"x" * 100), name="a.txt")
            crm.drive.download(model["uuid"], io.BytesIO())
            link = crm.drive.get(model["uuid"])["_links"]["download"]["href"]
    assert portal.log[0].params == {"query": "Petrov"}, "it has arrived"
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}
    assert '"GET /api/v4/leads HTTP/1.1" 204' in caplog.text
    assert '"GET /download/... HTTP/1.1" 200' in caplog.text
    assert "Petrov" not in caplog.text
    assert link.partition("/download/")[2] not in caplog.text


def test_the_log_shows_no_query_of_a_call_through_a_proxy(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    ok = b"HTTP/1.1 204 No Content\r\n\r\n"
    with answering(ok) as origin, caplog.at_level(logging.DEBUG):
        monkeypatch.setenv("HTTP_PROXY", origin)
        transport = Transport(SystemClock())
        url = "http://a.amocrm.test/x?query=Petrov"
        outcome = transport.send(Call("GET", url, "/x", {}))
        transport.close()
    assert isinstance(outcome, ReceivedReply)
    assert outcome.status == 204
    assert outcome.info.url == url
    assert '"GET http://a.amocrm.test/x HTTP/1.1" 204' in caplog.text
    assert "Petrov" not in caplog.text


def test_a_client_that_is_set_up_wrongly_can_be_rendered() -> None:
    """`traceback` asks each local for its `repr`, and fails with it."""
    with pytest.raises(ConfigurationError) as trouble:
        AmoCRM("example", {"access_token": TOKEN}, user_agent="\n")
    assert "user_agent" in rendered(trouble.value)


# What is handed in --------------------------------------------------------------------------------


def test_settings_that_are_wrong(credentials: Any) -> None:
    secret = "client-secret-" + "s" * 40
    for auth in (
        {**credentials, "client_secret": f"{secret} \n"},
        {**credentials, "client_secret": secret, "code": "c", "access_token": TOKEN},
        {"access_token": f"{TOKEN}\n", "client_secret": secret},
        {"access_token": TOKEN, "unknown": secret},
        {**credentials, "client_secret": secret, "redirect_uri": "nowhere"},
        {**credentials, "client_secret": secret, "server": {"port": secret}},
    ):
        with pytest.raises(ConfigurationError) as trouble:
            AmoCRM("example", auth)  # type: ignore[arg-type]
        assert_silent(trouble.value, {"secret": secret, "token": TOKEN})
    with pytest.raises(ConfigurationError) as trouble:
        Integration("id", secret, "nowhere", store=MemoryStore())
    assert_silent(trouble.value, {"secret": secret})


def test_tokens_and_codes_that_are_wrong(connected: AmoCRM) -> None:
    token: Any
    for token in (
        {"access_token": f"{TOKEN} x"},
        {"access_token": TOKEN, "refresh_token": 5},
        {"access_token": TOKEN, "refresh_token": "r", "expires_at": "soon"},
        [TOKEN],
        TOKEN,
    ):
        with pytest.raises(ConfigurationError) as trouble:
            connected.connection.set_token(token)
        assert_silent(trouble.value, {"token": TOKEN})
    for code in (f"{TOKEN} x", f"{TOKEN}\ud800", f"{TOKEN}\n", f"{TOKEN}й"):
        with pytest.raises(ConfigurationError) as trouble:
            connected.connection.set_code(code)
        assert_silent(trouble.value, {"code": TOKEN})


@pytest.mark.parametrize("fault", ["refused", "lost_after", "store"])
def test_a_redirect_that_fails(sandbox: Sandbox, clock: ManualClock, fault: str) -> None:
    one = sandbox.integration
    store = Broken() if fault == "store" else MemoryStore()
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri,
        store=store, session=sandbox.session(), clock=clock,
    ) as integration:  # fmt: skip
        state = "state-" + "s" * 40
        query = dict(parse_qsl(urlsplit(sandbox.agree(integration.consent_url(state))).query))
        if fault == "refused":
            query["code"] = "def502" + "c" * 60
        elif fault == "lost_after":
            sandbox.inject(fault, path="/oauth2/", times=99)
        secrets = {"client_secret": one.client_secret, "code": query["code"], "state": state}
        with pytest.raises(AmoCRMError) as trouble:
            integration.callback(query, state=state)
        assert_silent(trouble.value, secrets)
        with pytest.raises(AmoCRMError) as trouble:
            integration.callback({**query, "state": "another"}, state=state)
        assert_silent(trouble.value, secrets)


@pytest.mark.parametrize("text", ['{"token": {"access_token": "%s"', "%s", '{"token": "%s"}'])
def test_a_record_that_is_damaged(make: Make, sandbox: Sandbox, text: str) -> None:
    store, client_id = MemoryStore(), sandbox.integration.client_id
    key, pointer = Key(client_id, str(sandbox.account().id)), pointer_key(client_id, HOST)
    assert store.save(key, text % TOKEN, None)
    assert store.save(pointer, write_record(*pointer, Alias(key.account)), None)
    with pytest.raises(TokenStoreError) as trouble:
        make(store=store).connect()
    assert_silent(trouble.value, {"token": TOKEN})


def test_a_store_that_fails_when_a_token_is_given(make: Make) -> None:
    crm = make(store=Broken())
    with pytest.raises(TokenStoreError) as trouble:
        crm.connection.set_token({"access_token": TOKEN, "refresh_token": "refresh-" + TOKEN})
    assert_silent(trouble.value, {"token": TOKEN})
