"""Errors of handlers, hooks and stores lose no pair and repeat nothing."""

from __future__ import annotations

import _thread
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from amocrm import (
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    Connection,
    GrantError,
    LostReplyError,
    MemoryStore,
    NotAuthorizedError,
    NotFoundError,
    RateLimitedError,
    Response,
    TokenStoreError,
    UnauthorizedError,
    ValidationError,
)
from amocrm.auth.cooldowns import AFTER_401_COOLDOWN, SAVE_COOLDOWN
from amocrm.http.sender import LONGEST_HOLD
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.encrypted import EncryptedStore
from amocrm.stores.store import Key
from tests.conftest import Make
from tests.processes import in_child

DAY = 86_400
TOKENS = "/oauth2/access_token"


# A store that fails, or is interrupted ------------------------------------------------------------


def stored_token(store: MemoryStore, sandbox: Sandbox) -> dict[str, Any]:
    """The stored token of the account."""
    text = store.load(Key(sandbox.integration.client_id, str(sandbox.account().id)))
    token: dict[str, Any] = json.loads(text or "{}")["token"]
    return token


class Broken(MemoryStore):
    """Raises a given error when it should save a pair that was just granted."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: BaseException | None = None
        self.reading: BaseException | None = None

    def load(self, key: Key) -> str | None:
        if self.reading is not None:
            raise self.reading
        return super().load(key)

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        if self.trouble is not None and '"asked_at"' not in text:
            raise self.trouble
        return super().save(key, text, replaces)


def test_an_interrupted_save_does_not_lose_the_pair(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(DAY + 1)
    store.trouble = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        crm.request.get("/api/v4/account")
    store.trouble = None
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


class Affine(MemoryStore):
    """Lets only the thread with its lock save a token, as a database connection does."""

    def __init__(self) -> None:
        super().__init__()
        self.holder: int | None = None

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        with super().lock(key, timeout):
            self.holder = threading.get_ident()
            yield

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        assert self.holder in (None, threading.get_ident())
        return super().save(key, text, replaces)


def test_the_thread_with_the_store_s_lock_saves_the_token(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=Affine())
    crm.connect()
    clock.advance(DAY + 1)
    assert crm.request.get("/api/v4/account").info.status_code == 200


def test_a_call_during_a_save_does_not_use_the_old_pair_again(make: Make, sandbox: Sandbox) -> None:
    class Slow(MemoryStore):
        def save(self, key: Key, text: str, replaces: str | None) -> bool:
            saved = super().save(key, text, replaces)
            if calling:
                worker = threading.Thread(target=crm.request.get, args=("/api/v4/account",))
                worker.start()
                worker.join(60)
            return saved

    calling: list[bool] = []
    store = Slow()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    calling.append(True)
    crm.connection.refresh_token()
    assert stored_token(store, sandbox) == crm.connection.get_token()


def test_a_failed_save_is_repeated_as_soon_as_the_store_works(
    make: Make, sandbox: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    old = stored_token(store, sandbox)
    clock.advance(DAY + 1)
    store.trouble = OSError("full")
    with pytest.raises(TokenStoreError):
        crm.request.get("/api/v4/account")
    crm.request.get("/api/v4/account")
    assert "in memory only" in caplog.text
    assert stored_token(store, sandbox) == old
    store.trouble = None
    clock.advance(SAVE_COOLDOWN)
    crm.request.get("/api/v4/account")
    assert stored_token(store, sandbox) == crm.connection.get_token()


def test_an_older_stored_pair_does_not_replace_the_one_in_memory(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(DAY + 1)
    store.trouble = OSError("full")
    with pytest.raises(TokenStoreError):
        crm.request.get("/api/v4/account")
    clock.advance(DAY + 1)
    with pytest.raises(TokenStoreError):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 1, (
        "no refresh token is used if the store cannot save"
    )
    store.trouble = None
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refused"] == 0


def test_an_expired_newer_stored_pair_is_refreshed(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    one = make({"code": sandbox.issue_code()}, store=store)
    one.connect()
    two = make(store=store)
    two.connect()
    one.connection.refresh_token()
    clock.advance(DAY + 1)
    assert two.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 2
    assert sandbox.counters["grants.refused"] == 0


# Ctrl-C -------------------------------------------------------------------------------------------


class AtGrants(requests.Session):
    """Calls a function at the worst moment: a pair is granted and not stored yet."""

    def __init__(self, what: Callable[[], object]) -> None:
        super().__init__()
        self.what = what

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        answer = super().send(request, **settings)
        if str(request.url).endswith(TOKENS):
            self.what()
        return answer


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_a_refresh_does_not_lose_the_pair(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    session = AtGrants(lambda: None)
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(session), store=store)
    crm.connect()
    clock.advance(DAY + 1)
    session.what = _thread.interrupt_main
    with pytest.raises(KeyboardInterrupt):
        crm.request.get("/api/v4/account")
    session.what = lambda: None
    assert stored_token(store, sandbox) == crm.connection.get_token()
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_an_exchange_does_not_lose_the_code(make: Make, sandbox: Sandbox) -> None:
    session = AtGrants(lambda: None)
    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(session))
    session.what = _thread.interrupt_main
    with pytest.raises(KeyboardInterrupt):
        crm.connect()
    session.what = lambda: None
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refused"] == 0


# Handlers that interfere --------------------------------------------------------------------------


def test_a_handler_that_sets_another_token_prevents_the_refresh(
    connected: AmoCRM, make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY + 1)
    newer = make({"code": sandbox.issue_code()})
    newer.connect()
    token = newer.connection.get_token()
    connected.on("connection:beforeRefreshToken", lambda _: connected.connection.set_token(token))
    assert connected.request.get("/api/v4/account").info.status_code == 200
    assert connected.connection.get_token() == token
    assert sandbox.counters["grants.refresh"] == 0


def test_a_token_that_is_set_during_a_grant_stays(
    connected: AmoCRM, make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    newer = make({"code": sandbox.issue_code()})
    newer.connect()
    token = newer.connection.get_token()

    session = AtGrants(lambda: crm.connection.set_token(token))
    crm = make(session=sandbox.mount(session))
    crm.connection.set_token(connected.connection.get_token())
    crm.connection.refresh_token()
    assert crm.connection.get_token() == token
    assert crm.request.get("/api/v4/account").info.status_code == 200


def test_the_pair_that_is_being_refreshed_cannot_be_set_again(
    connected: AmoCRM, make: Make, sandbox: Sandbox
) -> None:
    """As a web worker that sets the token from its database on every request."""
    old = connected.connection.get_token()

    session = AtGrants(lambda: crm.connection.set_token(old))
    crm = make(session=sandbox.mount(session))
    crm.connection.set_token(old)
    new = crm.connection.refresh_token()
    assert crm.connection.get_token() == new
    crm.connection.set_token(old)
    assert crm.connection.get_token() == new
    crm.connection.refresh_token()
    assert sandbox.counters["grants.refused"] == 0


def test_a_handler_of_a_refusal_may_set_a_code(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.revoke_tokens()
    clock.advance(DAY + 1)
    code = sandbox.issue_code()
    connected.on("connection:authError", lambda _, connection: connection.set_code(code))
    with pytest.raises(GrantError):
        connected.request.get("/api/v4/account")
    assert connected.request.get("/api/v4/account").info.status_code == 200


@pytest.mark.parametrize("expired", [False, True])
def test_a_handler_of_before_connect_may_set_a_saved_token(
    connected: AmoCRM, make: Make, sandbox: Sandbox, clock: ManualClock, expired: bool
) -> None:
    saved = connected.connection.get_token()
    clock.advance(DAY + 1 if expired else 1)
    crm = make()
    crm.on("connection:beforeConnect", lambda connection: connection.set_token(saved))
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == int(expired)


def test_a_handler_of_before_connect_may_set_a_code(make: Make, sandbox: Sandbox) -> None:
    crm, code = make(), sandbox.issue_code()
    crm.on("connection:beforeConnect", lambda connection: connection.set_code(code))
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1


def test_a_code_may_be_set_during_the_wait_for_consent(
    make: Make, sandbox: Sandbox, free_port: int
) -> None:
    crm = make({"server": {"port": free_port, "timeout": 60}})
    pasted: list[dict[str, Any]] = []
    code = sandbox.issue_code()
    crm.on(
        "connection:beforeConsent",
        lambda connection: pasted.append(connection.set_code(code)),
    )
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert pasted == [{}]


def test_a_handler_that_waits_for_a_thread_that_needs_the_token_uses_no_processor_time(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    results: list[int] = []
    old = connected.connection.get_token()

    def work() -> None:
        # Like a call that was answered 401: it needs another token than the new one.
        assert connected.connection.get_token() != old
        results.append(connected.request.get("/api/v4/account").info.status_code)

    def wait(_: Response) -> None:
        worker = threading.Thread(target=work)
        worker.start()
        worker.join(60)
        assert not worker.is_alive()

    connected.once("connection:newToken", wait)
    connected.connection.refresh_token()
    assert results == [200]


def test_a_code_is_not_sent_again_after_a_handler_raised_and_its_pair_was_revoked(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    def full(_: Response) -> None:
        raise OSError("disk full")

    crm = make({"code": sandbox.issue_code()})
    crm.once("connection:newToken", full)
    with pytest.raises(OSError, match="disk full"):
        crm.connect()
    sandbox.revoke_tokens()
    clock.advance(DAY + 1)
    for error in (GrantError, NotAuthorizedError):
        with pytest.raises(error):
            crm.request.get("/api/v4/account")
    grants = [one.body["grant_type"] for one in sandbox.log if one.path == TOKENS]
    assert grants == ["authorization_code", "refresh_token"]


def is_waiting(thread: threading.Thread) -> bool:
    """Whether a thread waits for another one, in `threading`'s own code."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_filename == threading.__file__


def test_a_waiting_thread_continues_while_a_new_token_handler_still_runs(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    statuses: list[int] = []
    called, done = threading.Event(), threading.Event()
    waiter = threading.Thread(
        target=lambda: statuses.append(crm.request.get("/api/v4/account").info.status_code)
    )

    def wait_too() -> None:
        """Begin a second call while the first one gets the token, and return when it waits."""
        waiter.start()
        deadline = time.monotonic() + 30
        while not is_waiting(waiter) and time.monotonic() < deadline:
            waiter.join(0.001)

    def block(_: Response) -> None:
        called.set()
        assert done.wait(30)

    session = AtGrants(lambda: None)
    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(session))
    crm.connect()
    clock.advance(DAY + 1)
    crm.on("connection:newToken", block)
    session.what = wait_too
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(crm.request.get, "/api/v4/account")
        try:
            assert called.wait(30)
            waiter.join(60)
            assert statuses == [200]
            assert not first.done()
        finally:
            done.set()
        assert first.result(30).info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_closing_the_client_ends_the_wait_for_a_person(make: Make, free_port: int) -> None:
    crm = make({"server": {"port": free_port, "timeout": 30}})
    ready = threading.Event()
    crm.on("connection:beforeConsent", lambda _: ready.set())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(crm.connect)
        assert ready.wait(60)
        crm.close()
        with pytest.raises(NotAuthorizedError, match="was closed"):
            waiting.result(60)


def test_a_configured_state_stays_after_a_consent(make: Make, free_port: int) -> None:
    crm = make({"server": {"port": free_port, "timeout": 0.01}})
    crm.connection.set_state("mine")
    for _ in range(2):
        with pytest.raises(NotAuthorizedError):
            crm.connect()
    assert crm.connection.get_state() == "mine"


# Hooks and sessions of the user's -----------------------------------------------------------------


def hooked(sandbox: Sandbox, hook: Callable[..., object]) -> requests.Session:
    session = sandbox.session()
    session.hooks["response"].append(hook)
    return session


class OwnRateLimiter:
    """A rate limiter of the user, which records its slots."""

    rate = 7.0

    def __init__(self) -> None:
        self.given = 0
        self.back: list[float | None] = []

    def wait(self, clock: object, patience: float) -> Slot:
        self.given += 1
        return Slot(self)

    def hold(self, clock: object, seconds: float) -> None: ...

    block = hold


class Slot:
    """A slot of `OwnRateLimiter`."""

    waited = held = 0.0

    def __init__(self, rate_limiter: OwnRateLimiter) -> None:
        self._turns = rate_limiter

    def opening(self) -> None: ...

    def leaving(self) -> None: ...

    sent = opening

    def done(self, came: float | None, *, blocked: bool = False) -> None:
        self._turns.back.append(came)


class Interrupted(requests.Session):
    """Raises KeyboardInterrupt while a call is sent."""

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        raise KeyboardInterrupt


def raise_in_a_hook(make: Make, sandbox: Sandbox, rate_limiter: OwnRateLimiter) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise KeyError("mine")

    crm = make({"access_token": sandbox.issue_long_lived()}, session=hooked(sandbox, faulty),
               rate_limiter=rate_limiter)  # fmt: skip
    with pytest.raises(KeyError, match="mine"):
        crm.request.get("/api/v4/account")


def raise_in_a_sink(make: Make, sandbox: Sandbox, rate_limiter: OwnRateLimiter) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _: Any) -> int:
            raise OSError("disk full")

    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=rate_limiter)
    file = crm.drive.upload(b"content", name="a.bin")
    with pytest.raises(OSError, match="disk full"):
        crm.drive.download(file, Full())


def raise_ctrl_c(make: Make, sandbox: Sandbox, rate_limiter: OwnRateLimiter) -> None:
    crm = make(
        {"access_token": sandbox.issue_long_lived()},
        session=Interrupted(),
        rate_limiter=rate_limiter,
    )
    with pytest.raises(KeyboardInterrupt):
        crm.request.get("/api/v4/account")


@pytest.mark.parametrize("trouble", [raise_in_a_hook, raise_in_a_sink, raise_ctrl_c])
def test_the_rate_limit_slot_is_released_after_any_error_of_a_call(
    make: Make, sandbox: Sandbox, trouble: Callable[[Make, Sandbox, OwnRateLimiter], None]
) -> None:
    rate_limiter = OwnRateLimiter()
    trouble(make, sandbox, rate_limiter)
    assert len(rate_limiter.back) == rate_limiter.given > 0
    assert rate_limiter.back[-1] is None


def test_a_hook_that_raises_for_status_does_not_hide_the_response(
    make: Make, sandbox: Sandbox
) -> None:
    session = hooked(sandbox, lambda answer, *_, **__: answer.raise_for_status())
    crm = make({"code": sandbox.issue_code()}, session=session)
    with pytest.raises(ValidationError):
        crm.request.post("/api/v4/leads", [{"name": 5}])
    calls = len(sandbox.log)
    with pytest.raises(NotFoundError):
        crm.request.get("/api/v4/nowhere")
    assert len(sandbox.log) == calls + 1
    token = crm.connection.get_token() or {}
    crm.connection.set_token({**token, "access_token": "not.a.token"})
    assert crm.request.get("/api/v4/account").info.status_code == 200


def test_the_error_of_a_faulty_hook_is_raised_and_no_grant_is_lost(
    make: Make, sandbox: Sandbox
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise KeyError("mine")

    session = hooked(sandbox, faulty)
    crm = make({"code": sandbox.issue_code()}, session=session)
    with pytest.raises(KeyError, match="mine"):
        crm.request.get("/api/v4/account")
    session.hooks["response"].clear()
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.code"] == 1


def test_a_single_hook_may_replace_the_response(make: Make, sandbox: Sandbox) -> None:
    other = requests.Response()
    other.status_code = 200
    other.headers["Content-Type"] = "application/json"
    other._content = b'{"name": "from the cache"}'
    session = sandbox.session()
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    hooks: Any = session.hooks
    hooks["response"] = lambda *_, **__: other
    assert crm.request.get("/api/v4/account").data == {"name": "from the cache"}


def test_the_response_of_a_session_without_hooks_is_read(make: Make, sandbox: Sandbox) -> None:
    class Deaf(requests.Session):
        def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
            request.hooks = {"response": []}
            return super().send(request, **settings)

    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(Deaf()))
    assert crm.request.get("/api/v4/account").data["name"] == "Example"


def test_a_replaced_response_that_breaks_off_is_lost(make: Make, sandbox: Sandbox) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise requests.exceptions.ChunkedEncodingError("cut")

    def replace(*_: object, **__: object) -> requests.Response:
        other = requests.Response()
        other.status_code, other.raw = 200, Breaking()
        return other

    session = sandbox.session()
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    session.hooks["response"].append(replace)
    with pytest.raises(LostReplyError):
        crm.request.post("/api/v4/leads", [{}])


def test_the_session_s_own_query_and_authorization_stay_out_of_grants(
    make: Make, sandbox: Sandbox
) -> None:
    session = sandbox.session()
    session.params = {"debug": "1"}
    session.headers["Authorization"] = "Bearer other"
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    assert sandbox.log[-1].query == ""
    assert "authorization" not in sandbox.log[-1].headers


def test_a_session_header_of_none_is_not_sent(make: Make, sandbox: Sandbox) -> None:
    session = sandbox.session()
    headers: Any = session.headers
    headers["Accept-Encoding"] = headers["User-Agent"] = None
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    assert "accept-encoding" not in sandbox.log[-1].headers
    assert sandbox.log[-1].user_agent.startswith("amocrm-python/")


@pytest.mark.parametrize("value", ["имя", "a\r\nb"])
def test_a_session_header_that_cannot_be_sent_is_named(
    make: Make, sandbox: Sandbox, value: Any
) -> None:
    with sandbox.serve() as server, requests.Session() as session:
        headers: Any = session.headers
        headers["X-Name"] = value
        crm = make({"code": sandbox.issue_code()}, session=session, base_url=server.url)
        with pytest.raises(ConfigurationError, match="session's header 'X-Name'"):
            crm.connect()
    assert sandbox.log == []


def test_a_session_of_another_type_raises_at_construction(make: Make) -> None:
    for what in (requests, "session", 5):
        with pytest.raises(ConfigurationError, match=r"requests\.Session"):
            make(session=what)


@pytest.mark.parametrize("rate_limiter", ["7", [], object()])
def test_a_rate_limiter_of_another_type_raises_at_construction(
    make: Make, rate_limiter: Any
) -> None:
    with pytest.raises(ConfigurationError, match="calls per second"):
        make(rate_limiter=rate_limiter)


# Proxies ------------------------------------------------------------------------------------------


@contextmanager
def cutting_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that reads every request and closes the connection without a response."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    received.append(peer.recv(65536))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_write_that_a_proxy_interrupts_is_sent_once() -> None:
    with cutting_proxy() as (proxy, received), requests.Session() as session:
        session.trust_env = False
        session.proxies["http"] = proxy
        auth: Any = {"access_token": "x"}
        with AmoCRM("a", auth, session=session, base_url="http://a.test", rate_limiter=None) as crm:
            with pytest.raises(LostReplyError) as loss:
                crm.request.post("/api/v4/leads", [{}])
    assert loss.value.sent
    assert not loss.value.retryable
    assert [one.split(b" ")[0] for one in received] == [b"POST"]


# What is said and shown ---------------------------------------------------------------------------


def test_the_cause_of_a_lost_grant_has_no_secret(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY + 1)
    sandbox.inject("lost_before", path=TOKENS, times=9)
    with pytest.raises(LostReplyError) as loss:
        connected.request.get("/api/v4/account")
    cause = loss.value.__cause__
    assert isinstance(cause, requests.RequestException)
    assert cause.request is None


def test_a_response_does_not_show_its_data() -> None:
    assert "SECRET" not in repr(Response({"access_token": "SECRET"}, requests.Response()))


def test_a_401_that_a_new_token_does_not_end_uses_one_refresh_token_a_minute(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    def refused() -> int:
        sandbox.inject("server_error", path="/api/", status=401, times=2)
        with pytest.raises(UnauthorizedError):
            connected.request.get("/api/v4/account")
        return sandbox.counters["grants.refresh"]

    assert refused() == 1
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(UnauthorizedError):
        connected.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 1
    clock.advance(AFTER_401_COOLDOWN)
    assert refused() == 2


def test_an_extreme_retry_after_ends_within_an_hour(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.inject("too_many", path="/api/", retry_after=5_000_000)
    with pytest.raises(RateLimitedError):
        crm.request.get("/api/v4/account")
    clock.advance(LONGEST_HOLD - 121)
    with pytest.raises(RateLimitedError):
        crm.request.get("/api/v4/account")
    clock.advance(1)
    assert crm.request.get("/api/v4/account").info.status_code == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("created", ["before", "after"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_memory_store_is_not_shared_with_a_forked_child(
    make: Make, sandbox: Sandbox, created: str, wrapped: bool
) -> None:
    inner = MemoryStore()
    store = EncryptedStore(inner, EncryptedStore.new_key()) if wrapped else inner
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()

    def is_refused() -> bool:
        theirs = crm if created == "before" else make(store=store)
        try:
            theirs.request.get("/api/v4/account")
            theirs.connection.refresh_token()
        except TokenStoreError as error:
            return "forked" in str(error) and not error.retryable
        return False

    assert in_child(is_refused)
    crm.connection.refresh_token()
    assert sandbox.counters["grants.refused"] == 0


def test_handlers_of_a_refused_code_get_error_and_connection(make: Make, sandbox: Sandbox) -> None:
    crm = make({"code": "nonsense"})
    events: list[tuple[AmoCRMError, Connection]] = []
    crm.on("error", lambda error, connection: events.append((error, connection)))
    with pytest.raises(GrantError) as refusal:
        crm.connect()
    assert events == [(refusal.value, crm.connection)]


# A pair that is in memory only -------------------------------------------------------------------


def unsaved(crm: AmoCRM, store: Broken) -> None:
    """Let a new pair be granted that the store cannot save."""
    store.trouble = OSError("full")
    with pytest.raises(TokenStoreError):
        crm.connection.refresh_token()
    store.trouble = None


def test_closing_saves_an_unsaved_pair(make: Make, sandbox: Sandbox) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    unsaved(crm, store)
    crm.close()
    assert stored_token(store, sandbox) == crm.connection.get_token()


def test_closing_works_if_the_store_fails(
    make: Make, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    unsaved(crm, store)
    store.trouble = OSError("full")
    crm.close()
    assert "in memory only" in caplog.text
    with pytest.raises(ConfigurationError, match="closed"):
        crm.request.get("/api/v4/account")


@pytest.mark.parametrize(("rested", "saves"), [(SAVE_COOLDOWN - 0.1, 1), (SAVE_COOLDOWN, 2)])
def test_a_failed_save_is_repeated_once_per_cooldown(
    make: Make, sandbox: Sandbox, clock: ManualClock, rested: float, saves: int
) -> None:
    class Counting(Broken):
        saves = 0

        def save(self, key: Key, text: str, replaces: str | None) -> bool:
            self.saves += 1
            return super().save(key, text, replaces)

    store = Counting()
    crm = make({"code": sandbox.issue_code()}, store=store, rate_limiter=None)
    crm.connect()
    unsaved(crm, store)
    store.trouble, store.saves = OSError("down"), 0
    crm.request.get("/api/v4/account")
    clock.advance(rested)
    for _ in range(5):
        crm.request.get("/api/v4/account")
    assert store.saves == saves


def test_calls_do_not_wait_for_a_call_that_saves(make: Make, sandbox: Sandbox) -> None:
    class Hanging(Broken):
        hangs = False

        def save(self, key: Key, text: str, replaces: str | None) -> bool:
            if self.hangs:
                inside.set()
                assert go.wait(30)
            return super().save(key, text, replaces)

    store, inside, go = Hanging(), threading.Event(), threading.Event()
    crm = make({"code": sandbox.issue_code()}, store=store, rate_limiter=None)
    crm.connect()
    unsaved(crm, store)
    store.hangs = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(crm.request.get, "/api/v4/account")
        assert inside.wait(30)
        assert crm.request.get("/api/v4/account").info.status_code == 200
        assert not first.done()
        go.set()
        assert first.result(30).info.status_code == 200
    assert stored_token(store, sandbox) == crm.connection.get_token()
