"""The twenty faults of the original that must not come back, each by its number."""

from __future__ import annotations

import io
import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from amocrm import (
    AccessDeniedError,
    AmoCRM,
    AmoCRMError,
    ConfigurationError,
    Connection,
    GrantError,
    LostReplyError,
    NotAuthorizedError,
    ReplyError,
    Response,
    TransportError,
    UnauthorizedError,
    ValidationError,
)
from amocrm._support.clock import SystemClock
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Browse, EventNames, Make

RecordEvents = Callable[[AmoCRM], EventNames]
DAY = 86_400
TOKENS = "/oauth2/access_token"


def test_fault_1_an_api_error_is_an_exception(connected: AmoCRM) -> None:
    with pytest.raises(ValidationError) as refusal:
        connected.request.post("/api/v4/leads", [{"name": 5}])
    assert refusal.value.status == 400
    with pytest.raises(ReplyError, match="404"):
        connected.request.get("/api/v4/nowhere")


def test_fault_2_a_refused_refresh_stops_the_call(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, record_events: RecordEvents
) -> None:
    sandbox.revoke_tokens()
    clock.advance(DAY + 1)
    events, calls = record_events(connected), len(api(sandbox))
    with pytest.raises(GrantError, match="withdrawn"):
        connected.request.get("/api/v4/account")
    assert events == ["checkToken", "beforeRefreshToken", "authError", "error"]
    assert len(api(sandbox)) == calls


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("server_error", {"status": 503}),
        ("forbidden", {}),
        ("too_many", {}),
        ("lost_before", {}),
        ("html", {}),
    ],
)
def test_fault_2_the_pair_stays_after_an_indefinite_response(
    connected: AmoCRM,
    sandbox: Sandbox,
    clock: ManualClock,
    fault: str,
    options: dict[str, Any],
) -> None:
    clock.advance(DAY + 1)
    before = connected.connection.get_token()
    sandbox.inject(fault, path=TOKENS, times=9, **options)
    with pytest.raises(AmoCRMError):
        connected.request.get("/api/v4/account")
    assert connected.connection.get_token() == before
    clock.advance(1000)
    for _ in range(9):
        try:
            connected.request.get("/api/v4/account")
        except AmoCRMError:
            clock.advance(1000)
    assert connected.request.get("/api/v4/account").info.status_code == 200


def api(sandbox: Sandbox) -> list[str]:
    return [one.path for one in sandbox.log if one.path.startswith("/api/")]


def test_fault_3_a_handler_that_raises_loses_nothing(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    def full_disk(_: Response) -> None:
        raise OSError("no space left")

    connected.on("connection:newToken", full_disk)
    clock.advance(DAY + 1)
    with pytest.raises(OSError, match="no space"):
        connected.request.get("/api/v4/account")
    assert connected.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_fault_3_the_token_is_in_use_before_handlers_are_called(crm: AmoCRM) -> None:
    in_use: list[bool] = []
    crm.on(
        "connection:newToken",
        lambda response: in_use.append(crm.connection.get_token() == response.data),
    )
    crm.connect()
    assert in_use == [True]


def test_fault_4_one_refresh_for_all_threads(sandbox: Sandbox, make: Make) -> None:
    # With a real clock, because threads must need the token at the same moment.
    crm = make({"code": sandbox.issue_code()}, clock=SystemClock(), rate_limiter=None)
    sandbox.rate_limiter.rps = None
    crm.connect()
    token = crm.connection.get_token()
    assert token is not None
    crm.connection.set_token({**token, "expires_at": 1})
    gate = threading.Barrier(32)

    def work(_: int) -> int:
        gate.wait()
        return crm.request.get("/api/v4/account").info.status_code

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(work, range(32))) == {200}
    assert sandbox.counters["grants.refresh"] == 1
    assert sandbox.counters["grants.refused"] == 0


def test_fault_4_one_refresh_after_many_401(sandbox: Sandbox, make: Make) -> None:
    crm = make({"code": sandbox.issue_code()}, clock=SystemClock(), rate_limiter=None)
    sandbox.rate_limiter.rps = None
    crm.connect()
    token = crm.connection.get_token()
    assert token is not None
    crm.connection.set_token({**token, "access_token": "x.y.z"})
    gate = threading.Barrier(16)

    def work(_: int) -> int:
        gate.wait()
        return crm.request.get("/api/v4/account").info.status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, range(16))) == {200}
    assert sandbox.counters["grants.refresh"] == 1


def test_fault_5_a_network_error_is_an_exception_with_its_cause(
    connected: AmoCRM, sandbox: Sandbox
) -> None:
    sandbox.inject("lost_before", path="/api/", times=9)
    with pytest.raises(TransportError) as loss:
        connected.request.get("/api/v4/account")
    assert isinstance(loss.value.__cause__, requests.ConnectionError)
    assert "GET /api/v4/account" in str(loss.value)


def test_fault_6_no_content_keeps_status_and_headers(connected: AmoCRM) -> None:
    response = connected.request.get("/api/v4/leads")
    assert response.data is None
    assert response.info.status_code == 204
    assert "X-Request-Id" in response.info.headers


@pytest.mark.parametrize(
    ("path", "params", "query"),
    [
        ("/api/v4/leads", None, ""),
        ("/api/v4/leads?limit=2", None, "limit=2"),
        ("/api/v4/leads?limit=2", {"page": 3}, "limit=2&page=3"),
        ("/api/v4/leads?limit=2", {"limit": 3}, "limit=3"),
        ("/api/v4/leads?", {"limit": 3}, "limit=3"),
        ("/api/v4/leads", {}, ""),
        ("/api/v4/leads?filter[id][]=1", {"filter": {"id": []}}, "filter[id][]=1"),
    ],
)
def test_fault_7_queries_are_merged(
    connected: AmoCRM, sandbox: Sandbox, path: str, params: dict[str, object] | None, query: str
) -> None:
    connected.request.get(path, params)
    assert sandbox.log[-1].query.replace("%5B", "[").replace("%5D", "]") == query


def test_fault_8_a_token_that_can_be_refreshed_is_used_before_a_person_is_asked(
    connected: AmoCRM, make: Make, clock: ManualClock, free_port: int, sandbox: Sandbox
) -> None:
    crm = make({"server": {"port": free_port, "timeout": 0.01}})
    consents: list[Connection] = []
    crm.on("connection:beforeConsent", consents.append)
    clock.advance(DAY + 1)
    crm.connection.set_token(connected.connection.get_token())
    crm.connect()
    assert consents == []
    assert sandbox.counters["grants.refresh"] == 1


def test_fault_8_a_person_is_asked_when_the_refresh_is_refused(
    connected: AmoCRM, make: Make, clock: ManualClock, free_port: int, sandbox: Sandbox
) -> None:
    crm = make({"server": {"port": free_port, "timeout": 60}})
    code = sandbox.issue_code()
    sandbox.inject("latency", seconds=0)
    worker: list[threading.Thread] = []

    def paste(connection: Connection) -> None:
        worker.append(threading.Thread(target=connection.set_code, args=(code,)))
        worker[0].start()

    crm.on("connection:beforeConsent", paste)
    crm.connection.set_token(
        {**(connected.connection.get_token() or {}), "refresh_token": "used", "expires_at": 1}
    )
    crm.connect()
    worker[0].join()
    assert crm.connection.connected


@pytest.mark.parametrize("expired", [False, True])
def test_fault_9_a_new_code_is_always_exchanged(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, expired: bool
) -> None:
    before = connected.connection.get_token()
    clock.advance(DAY + 1 if expired else 1)
    connected.connection.set_code(sandbox.issue_code())
    assert connected.connection.get_token() != before
    assert sandbox.counters["grants.code"] == 2
    assert sandbox.counters["grants.refresh"] == 0


def test_fault_10_all_threads_that_wait_for_the_redirect_get_the_same_token(
    sandbox: Sandbox, make: Make, free_port: int
) -> None:
    crm = make({"server": {"port": free_port, "timeout": 60}})
    ready = threading.Event()
    crm.on("connection:beforeConsent", lambda _: ready.set())
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(crm.request.get, "/api/v4/account") for _ in range(4)]
        assert ready.wait(60)
        crm.connection.set_code(sandbox.issue_code())
        assert {one.result(60).info.status_code for one in waiting} == {200}
    assert sandbox.counters["grants.code"] == 1


def test_fault_11_the_error_without_any_configuration_says_what_is_missing(
    make: Make, sandbox: Sandbox
) -> None:
    crm = make()
    with pytest.raises(NotAuthorizedError, match=r"set_code|set_token"):
        crm.request.get("/api/v4/account")
    assert sandbox.log == []


@pytest.mark.parametrize("form", [int, float, str, lambda at: at * 1000, lambda at: str(at * 1000)])
def test_fault_12_expires_at_is_in_seconds_and_milliseconds_are_recognized(
    connected: AmoCRM, make: Make, form: Callable[[int], object], clock: ManualClock
) -> None:
    token = connected.connection.get_token() or {}
    crm = make()
    crm.connection.set_token({**token, "expires_at": form(int(token["expires_at"]))})
    assert (crm.connection.get_token() or {})["expires_at"] == clock.time() + DAY


@pytest.mark.parametrize(("seconds_left", "refreshes"), [(901, 0), (900, 1), (899, 1)])
def test_fault_13_a_margin_before_expiry(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, seconds_left: int, refreshes: int
) -> None:
    clock.advance(DAY - seconds_left)
    connected.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == refreshes


def test_fault_13_the_lifetime_counts_from_before_the_request(
    crm: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.inject("latency", path=TOKENS, seconds=10)
    asked_at = clock.time()
    crm.connect()
    assert (crm.connection.get_token() or {})["expires_at"] == asked_at + DAY
    assert clock.time() == asked_at + 10


def test_fault_13_one_refresh_after_a_401(connected: AmoCRM, sandbox: Sandbox) -> None:
    token = connected.connection.get_token() or {}
    connected.connection.set_token({**token, "access_token": "not.a.token"})
    assert connected.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_fault_13_a_second_401_is_an_error(sandbox: Sandbox, make: Make) -> None:
    crm = make({"access_token": "not.a.token"})
    with pytest.raises(UnauthorizedError):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 0


def test_fault_14_off_during_an_event(connected: AmoCRM) -> None:
    got: list[str] = []

    def before_send(_: bool) -> None:
        got.append("leaving")
        connected.off("connection:checkToken", before_send)

    connected.on("connection:checkToken", before_send)
    connected.on("connection:checkToken", lambda _: got.append("staying"))
    connected.off("connection:checkToken", print)
    connected.request.get("/api/v4/account")
    connected.request.get("/api/v4/account")
    assert got == ["leaving", "staying", "staying"]


def test_fault_15_a_closed_client_raises(sandbox: Sandbox, make: Make) -> None:
    with make({"code": sandbox.issue_code()}) as crm:
        crm.request.get("/api/v4/account")
    crm.close()
    with pytest.raises(ConfigurationError, match="closed"):
        crm.request.get("/api/v4/account")


def test_fault_16_a_used_code_is_sent_once(make: Make, sandbox: Sandbox) -> None:
    code = sandbox.issue_code()
    make({"code": code}).connect()
    crm = make({"code": code})
    with pytest.raises(GrantError, match="already used"):
        crm.connect()
    with pytest.raises(NotAuthorizedError):
        crm.connect()
    assert [one.path for one in sandbox.log].count(TOKENS) == 2


def test_fault_16_a_revoked_refresh_token_is_sent_once(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.revoke_tokens()
    clock.advance(DAY + 1)
    with pytest.raises(GrantError):
        connected.request.get("/api/v4/account")
    grants = [one.path for one in sandbox.log].count(TOKENS)
    with pytest.raises(NotAuthorizedError, match="refused the refresh token earlier"):
        connected.request.get("/api/v4/account")
    assert [one.path for one in sandbox.log].count(TOKENS) == grants


def test_fault_16_a_late_call_does_not_send_the_revoked_token_either(
    make: Make, sandbox: Sandbox
) -> None:
    session = sandbox.session()
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    sandbox.revoke_tokens()

    def meanwhile(answer: requests.Response, *_: object, **__: object) -> None:
        # After the 401 of one call, and before its refresh, another call finds the token revoked.
        session.hooks["response"].clear()
        with pytest.raises(GrantError):
            crm.request.get("/api/v4/account")

    session.hooks["response"].append(meanwhile)
    with pytest.raises(NotAuthorizedError, match="refused the refresh token earlier"):
        crm.request.get("/api/v4/account")
    assert [one.path for one in sandbox.log].count(TOKENS) == 2, "the code, and one refresh"


@pytest.mark.parametrize(
    ("domain", "consent"),
    [
        ("example", "www.amocrm.ru"),
        ("example.amocrm.com", "www.amocrm.com"),
        ("example.kommo.com", "www.kommo.com"),
    ],
)
def test_fault_17_the_consent_page_follows_the_domain(
    make: Make, domain: str, consent: str
) -> None:
    assert urlsplit(make(domain=domain).connection.get_auth_url()).netloc == consent


def test_fault_18_there_is_always_a_state(make: Make) -> None:
    states = {make().connection.get_state() for _ in range(3)}
    assert len(states) == 3
    assert all(len(state) >= 24 for state in states)


def test_fault_18_refused_consent_is_an_exception(
    sandbox: Sandbox, asking: AmoCRM, browse: Browse
) -> None:
    def refuse(connection: Connection) -> None:
        page = browse(sandbox.deny(connection.get_auth_url()))
        assert "не разрешён" in page.content.decode()

    asking.on("connection:beforeConsent", refuse)
    with pytest.raises(AccessDeniedError, match="refused"):
        asking.connect()


# Deadline, busy port, loopback, forged states and referers: tests/auth/test_redirect_server.py.


@pytest.mark.parametrize(
    "fault", ["none", "server_error", "lost_after", "html", "broken_json", "half_body", "empty"]
)
def test_fault_19_no_secret_in_logs_reprs_messages_and_tracebacks(
    sandbox: Sandbox, make: Make, clock: ManualClock, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    code = sandbox.issue_code()
    crm = make({"code": code})
    shown = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        crm.request.get("/api/v4/account")
        token = crm.connection.get_token() or {}
        clock.advance(DAY + 1)
        if fault == "none":
            sandbox.revoke_tokens()
        else:
            sandbox.inject(fault, path=TOKENS, times=9)
        with pytest.raises(AmoCRMError) as trouble:
            crm.request.get("/api/v4/account")
    traceback.print_exception(type(trouble.value), trouble.value, trouble.tb, file=shown)
    shown.write(repr(trouble.value) + repr(vars(trouble.value)))
    shown.write(repr(crm) + repr(crm.connection) + repr(vars(crm)) + caplog.text)
    assert "grant kind=" in caplog.text
    for secret in (
        code,
        sandbox.integration.client_secret,
        token["access_token"],
        token["refresh_token"],
    ):
        assert secret not in shown.getvalue()


@pytest.mark.parametrize("fault", ["lost_after", "server_error", "half_body", "forbidden"])
def test_fault_19_no_secret_of_a_call_in_logs_and_messages(
    connected: AmoCRM, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    token = connected.connection.get_token() or {}
    path, data = "/api/v4/leads?secret=QUERY", [{"name": "BODY"}]
    sandbox.inject(fault, path="/api/", times=9)
    with caplog.at_level(logging.DEBUG), pytest.raises(AmoCRMError) as trouble:
        connected.request.post(path, data)
    shown = caplog.text + "".join(traceback.format_exception(trouble.value))
    assert "POST /api/v4/leads" in caplog.text
    for secret in (token["access_token"], "QUERY", "BODY"):
        assert secret not in shown


def test_fault_20_a_user_agent(connected: AmoCRM, sandbox: Sandbox, make: Make) -> None:
    connected.request.get("/api/v4/account")
    assert sandbox.log[-1].user_agent.startswith("amocrm-python/")
    named = make({"code": sandbox.issue_code()}, user_agent="Warehouse/2.1")
    named.request.get("/api/v4/account")
    assert sandbox.log[-1].user_agent.startswith("Warehouse/2.1 amocrm-python/")


def test_fault_20_a_timeout(connected: AmoCRM, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.inject("latency", path="/api/", times=9, seconds=1000)
    started = clock.monotonic()
    with pytest.raises(LostReplyError, match="read timed out"):
        connected.request.post("/api/v4/leads", [{}], timeout=3)
    assert clock.monotonic() - started == pytest.approx(3)


def test_fault_20_a_rate_limit(connected: AmoCRM, sandbox: Sandbox, clock: ManualClock) -> None:
    started = clock.monotonic()
    for _ in range(22):
        connected.request.get("/api/v4/account")
    assert sandbox.counters["429"] == 0
    assert sandbox.busiest_second() == 7
    assert 3 <= clock.monotonic() - started < 3.5
