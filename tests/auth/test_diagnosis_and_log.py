"""Diagnosis: the cause of a refusal, the log of grants, the status of the connection."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from typing import Any

import pytest
import requests

from amocrm import AmoCRM, AuthSettings, GrantError, MemoryStore, TransportError, UnauthorizedError
from amocrm.auth.token import fingerprint
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.conftest import Make
from tests.processes import in_child

DAY = 86_400
MONTHS_3 = 7_776_000
TOKENS = "/oauth2/access_token"
ACCOUNT = "/api/v4/account"


def lost_again_and_again(sandbox: Sandbox) -> None:
    """Let amoCRM carry out the next grant, and lose all its responses."""
    sandbox.inject("lost_after", path=TOKENS)
    sandbox.inject("lost_before", path=TOKENS, times=4)


# Three causes by one name ------------------------------------------------------------------------


def test_a_switched_off_integration_is_named_as_the_cause(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY - 60)
    sandbox.uninstall()
    with pytest.raises(GrantError, match="switched off") as refusal:
        connected.request.get(ACCOUNT)
    assert refusal.value.finding == "withdrawn"


def test_a_refresh_token_used_elsewhere_is_named_as_the_cause_and_calls_go_on(
    connected: AmoCRM, make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    other = make()
    other.connection.set_token(connected.connection.get_token())
    other.connection.refresh_token()
    with pytest.raises(GrantError, match=r"already used.*share one store") as refusal:
        connected.connection.refresh_token()
    assert refusal.value.finding == "used"
    clock.advance(DAY - 1)
    assert connected.request.get(ACCOUNT).info.status_code == 200
    assert sandbox.counters["grants.refused"] == 1, "a revoked refresh token is not sent again"
    clock.advance(1)
    with pytest.raises(Exception, match="refused the refresh token earlier"):
        connected.request.get(ACCOUNT)


def test_a_lost_response_is_named_as_the_cause_when_the_next_refresh_is_refused(
    connected: AmoCRM, sandbox: Sandbox
) -> None:
    lost_again_and_again(sandbox)
    with pytest.raises(TransportError):
        connected.connection.refresh_token()
    with pytest.raises(GrantError, match="response was lost") as refusal:
        connected.connection.refresh_token()
    assert refusal.value.finding == "lost"


def test_a_killed_process_is_named_as_the_cause_by_the_next_process(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    first = make({"code": sandbox.issue_code()}, store=store)
    first.connect()
    lost_again_and_again(sandbox)
    with pytest.raises(TransportError):
        first.connection.refresh_token()
    with pytest.raises(GrantError) as refusal:
        make(store=store).connection.refresh_token()
    assert refusal.value.finding == "lost"


def test_the_cause_is_unknown_if_the_access_token_has_expired_too(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DAY)
    sandbox.uninstall()
    with pytest.raises(GrantError, match="already used, or access was withdrawn") as refusal:
        connected.request.get(ACCOUNT)
    assert refusal.value.finding is None
    assert ACCOUNT not in [request.path for request in sandbox.log]


def test_a_granted_pair_has_no_note_of_a_lost_response(make: Make, sandbox: Sandbox) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    crm.connection.refresh_token()
    assert "asked_at" not in str(
        store.load(Key(sandbox.integration.client_id, str(sandbox.account().id)))
    )


# The ledger --------------------------------------------------------------------------------------


@pytest.fixture
def endpoint(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "amocrm.grants")
    return caplog


def grant_entries(endpoint: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["grant"] for record in endpoint.records if "grant" in record.__dict__]


def test_each_grant_is_one_log_line_with_fingerprints_that_lead_to_the_next(
    make: Make, sandbox: Sandbox, clock: ManualClock, endpoint: pytest.LogCaptureFixture
) -> None:
    code = sandbox.issue_code()
    crm = make({"code": code})
    crm.connect()
    clock.advance(DAY)
    crm.request.get(ACCOUNT)
    crm.connection.refresh_token()
    one, two, three = grant_entries(endpoint)
    assert [one["kind"], one["why"], one["spent"]] == ["code", "code", fingerprint(code)]
    assert [two["kind"], two["why"], two["spent"]] == ["refresh", "expired", one["granted"]]
    assert [three["why"], three["spent"]] == ["asked", two["granted"]]
    token = crm.connection.get_token() or {}
    assert three["granted"] == fingerprint(token["refresh_token"])
    assert {entry["account"] for entry in (one, two, three)} == {"example.amocrm.ru"}
    assert {entry["outcome"] for entry in (one, two, three)} == {"granted"}
    assert {entry["tries"] for entry in (one, two, three)} == {1}


@pytest.mark.parametrize(
    ("age", "why"), [(DAY - 900, "stale"), (DAY - 300, "due"), (DAY, "expired")]
)
def test_the_log_line_names_the_reason_of_the_refresh(
    connected: AmoCRM, clock: ManualClock, endpoint: pytest.LogCaptureFixture, age: int, why: str
) -> None:
    endpoint.clear()
    clock.advance(age)
    connected.request.get(ACCOUNT)
    assert [entry["why"] for entry in grant_entries(endpoint)] == [why]


def test_the_log_line_of_a_refresh_after_a_401_says_so(
    make: Make, sandbox: Sandbox, endpoint: pytest.LogCaptureFixture
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    sandbox.move("example", "renamed")
    crm.request.get(ACCOUNT)
    entry = grant_entries(endpoint)[-1]
    assert (entry["why"], entry["account"]) == ("401", "renamed.amocrm.ru")


def test_tries_and_seconds_are_counted(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, endpoint: pytest.LogCaptureFixture
) -> None:
    sandbox.inject("server_error", path=TOKENS, times=2)
    began = clock.monotonic()
    connected.connection.refresh_token()
    entry = grant_entries(endpoint)[-1]
    assert entry["tries"] == 3
    assert entry["seconds"] == pytest.approx(clock.monotonic() - began, abs=0.01)
    assert entry["seconds"] > 0


def test_a_token_that_another_process_stored_is_logged_as_adopted(
    make: Make, sandbox: Sandbox, endpoint: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    one = make({"code": sandbox.issue_code()}, store=store)
    two = make(store=store)
    one.connect()
    two.connect()
    one.connection.refresh_token()
    two.connection.refresh_token()
    granted, adopted = grant_entries(endpoint)[-2:]
    assert (granted["outcome"], adopted["outcome"]) == ("granted", "adopted")
    assert granted["granted"] == adopted["granted"]
    assert granted["spent"] == adopted["spent"]


@pytest.mark.parametrize(("fault", "outcome"), [(None, "refused"), ("lost_before", "failed")])
def test_a_refused_or_failed_grant_is_logged_as_a_warning_with_its_cause(
    connected: AmoCRM, sandbox: Sandbox, endpoint: pytest.LogCaptureFixture, fault: str | None,
    outcome: str,
) -> None:  # fmt: skip
    if fault is None:
        sandbox.uninstall()
    else:
        sandbox.inject(fault, path=TOKENS, times=9)
    with pytest.raises((GrantError, TransportError)) as failure:
        connected.connection.refresh_token()
    record = endpoint.records[-1]
    assert record.levelno == logging.WARNING
    entry = grant_entries(endpoint)[-1]
    assert (entry["outcome"], entry["cause"]) == (outcome, str(failure.value))
    assert entry["granted"] == ""


def test_no_secret_is_in_the_log(
    make: Make, sandbox: Sandbox, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = sandbox.issue_code()
    crm = make({"code": code})
    secrets = [code, sandbox.integration.client_secret]
    crm.on("connection:newToken", lambda response: secrets.append(response.data["access_token"]))
    crm.on("connection:newToken", lambda response: secrets.append(response.data["refresh_token"]))
    crm.connect()
    clock.advance(DAY)
    crm.request.get(ACCOUNT)
    sandbox.uninstall()
    with pytest.raises(GrantError):
        crm.connection.refresh_token()
    shown = caplog.text + json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert len(secrets) == 6
    assert not [secret for secret in secrets if secret in shown]
    assert not re.search(r"def502|eyJ", shown)


# What is held ------------------------------------------------------------------------------------


def test_the_status_has_the_expiry_of_both_tokens(connected: AmoCRM, clock: ManualClock) -> None:
    granted_at = clock.time()
    status = connected.connection.status()
    assert status.account == status.host == "example.amocrm.ru"
    assert status.freshness == "fresh"
    assert status.expires_at == granted_at + DAY
    assert status.refresh_expires_at == granted_at + MONTHS_3
    assert status.renewable
    assert not status.unsaved
    clock.advance(DAY)
    assert connected.connection.status().freshness == "expired"


def test_the_status_without_a_token(make: Make, sandbox: Sandbox) -> None:
    status = make().connection.status()
    assert status == (
        "example.amocrm.ru", "example.amocrm.ru", None, None, None, False, None, False, None,
    )  # fmt: skip
    assert sandbox.log == []


def test_the_status_reads_the_store_and_changes_nothing(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    make({"code": sandbox.issue_code()}, store=store).connect()
    fresh = make(store=store)
    assert fresh.connection.status().freshness == "fresh"
    assert not fresh.connection.connected
    assert fresh.connection.get_token() is None


def test_a_long_lived_token_has_no_expiry_of_a_refresh_token(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived(days=2)})
    status = crm.connection.status()
    assert (status.renewable, status.refresh_expires_at) == (False, None)
    assert status.expires_at == clock.time() + 2 * DAY


# A code that several hold ------------------------------------------------------------------------


def test_processes_with_the_same_code_and_store_exchange_it_once(
    make: Make, sandbox: Sandbox, endpoint: pytest.LogCaptureFixture
) -> None:
    store, code = MemoryStore(), sandbox.issue_code()
    first, second = (make({"code": code}, store=store) for _ in range(2))
    first.connection.set_code(code)
    assert second.connection.set_code(code) == first.connection.get_token()
    assert sandbox.counters["grants.code"] == 1
    assert sandbox.counters["grants.refused"] == 0
    assert [entry["outcome"] for entry in grant_entries(endpoint)] == ["granted", "adopted"]


def test_a_used_code_leads_to_the_stored_pair_even_after_refreshes(
    make: Make, sandbox: Sandbox
) -> None:
    store, code = MemoryStore(), sandbox.issue_code()
    first = make(store=store)
    first.connection.set_code(code)
    for _ in range(3):
        first.connection.refresh_token()
    late = make(store=store)
    assert late.connection.set_code(code) == first.connection.get_token()
    assert late.request.get(ACCOUNT).info.status_code == 200


def test_a_new_code_is_always_exchanged(make: Make, sandbox: Sandbox) -> None:
    store = MemoryStore()
    crm = make(store=store)
    crm.connection.set_code(sandbox.issue_code())
    crm.connection.set_code(sandbox.issue_code())
    assert sandbox.counters["grants.code"] == 2


def test_the_code_of_a_revoked_pair_is_sent_and_refused(make: Make, sandbox: Sandbox) -> None:
    crm, code = make(), sandbox.issue_code()
    crm.connection.set_code(code)
    sandbox.uninstall()
    with pytest.raises(GrantError, match="switched off"):
        crm.connection.refresh_token()
    with pytest.raises(GrantError, match="code was already used"):
        crm.connection.set_code(code)


def test_a_token_that_a_user_sets_has_no_code(
    connected: AmoCRM, make: Make, sandbox: Sandbox
) -> None:
    code = sandbox.issue_code()
    crm = make()
    crm.connection.set_code(code)
    crm.connection.set_token(connected.connection.get_token())
    with pytest.raises(GrantError, match="code was already used"):
        crm.connection.set_code(code)


# A renamed account -------------------------------------------------------------------------------


def test_the_new_host_of_a_renamed_account_is_announced_and_stored(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    events: list[tuple[str, bool]] = []
    crm.on("connection:moved", lambda host, one: events.append((host, one is crm.connection)))
    crm.connect()
    sandbox.move("example", "renamed")
    clock.advance(DAY)
    crm.request.get(ACCOUNT)
    assert events == [("renamed.amocrm.ru", True)]
    status = crm.connection.status()
    assert (status.account, status.host) == ("example.amocrm.ru", "renamed.amocrm.ru")
    sandbox_calls = len(sandbox.log)
    again = make(store=store)
    again.request.get(ACCOUNT)
    assert [request.host for request in sandbox.log[sandbox_calls:]] == ["renamed.amocrm.ru"]
    assert again.connection.status().host == "renamed.amocrm.ru"


def test_the_new_host_leads_to_the_same_token(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    old = make({"code": sandbox.issue_code()}, store=store)
    old.connect()
    for name in ("second", "third"):
        sandbox.move(None, name)
        clock.advance(DAY)
        old.request.get(ACCOUNT)
    by_name = {name: make(domain=name, store=store) for name in ("example", "second", "third")}
    for crm in by_name.values():
        crm.connect()
        assert crm.connection.get_token() == old.connection.get_token()
    clock.advance(DAY)
    for crm in by_name.values():
        assert crm.request.get(ACCOUNT).data["subdomain"] == "third"
    assert sandbox.counters["grants.refresh"] == 3
    assert store.accounts(sandbox.integration.client_id) == [str(sandbox.account().id)]


# Acting as another user --------------------------------------------------------------------------


def test_calls_as_another_user_send_the_user_s_id(connected: AmoCRM, sandbox: Sandbox) -> None:
    user = next(one for one in sandbox.account().users.values() if not one.is_admin)
    other = connected.as_user(user.id)
    assert other.request.get(ACCOUNT).data["current_user_id"] == user.id
    created = other.request.post("/api/v4/leads", [{"name": "His"}])
    lead = created.data["_embedded"]["leads"][0]["id"]
    assert sandbox.leads()[0]["created_by"] == user.id
    assert connected.request.get(f"/api/v4/leads/{lead}").info.status_code == 200
    assert connected.request.get(ACCOUNT).data["current_user_id"] == sandbox.account().admin.id


def test_bulk_calls_as_another_user_send_the_user_s_id(connected: AmoCRM, sandbox: Sandbox) -> None:
    user = next(one for one in sandbox.account().users.values() if not one.is_admin)
    other = connected.as_user(user.id)
    outcomes = list(other.create_many("/api/v4/leads", [{"name": "His"}, {"name": "His, too"}]))
    assert len(outcomes) == len(list(other.listing("/api/v4/leads"))) == 2
    assert {lead["created_by"] for lead in sandbox.leads()} == {user.id}
    assert sandbox.log[-1].headers["x-context-user-id"] == str(user.id)


def test_a_client_of_another_user_shares_token_and_events(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    other = connected.as_user(sandbox.account().admin.id)
    events: list[object] = []
    other.on("connection:newToken", events.append)
    clock.advance(DAY)
    connected.request.get(ACCOUNT)
    other.request.get(ACCOUNT)
    assert len(events) == 1
    assert sandbox.counters["grants.refresh"] == 1


def test_closing_a_client_of_another_user_closes_nothing(
    sandbox: Sandbox, credentials: AuthSettings, clock: ManualClock
) -> None:
    with sandbox.serve() as served, AmoCRM(
        "example", {**credentials, "code": sandbox.issue_code()}, base_url=served.url, clock=clock
    ) as crm:  # fmt: skip
        with crm.as_user(sandbox.account().admin.id) as other:
            other.request.get(ACCOUNT)
        assert crm.request.get(ACCOUNT).info.status_code == 200


def test_an_unknown_user_gets_an_error_after_one_refresh(
    connected: AmoCRM, sandbox: Sandbox
) -> None:
    for _ in range(3):
        with pytest.raises(UnauthorizedError, match="the user given to as_user is active"):
            connected.as_user(999_999).request.get(ACCOUNT)
    assert sandbox.counters["grants.refresh"] == 1
    assert connected.request.get(ACCOUNT).info.status_code == 200


@pytest.mark.parametrize("user_id", [0, -1, True, "5", None, 1.5])
def test_a_user_s_id_is_a_positive_number(connected: AmoCRM, user_id: Any) -> None:
    with pytest.raises(ValueError, match="positive whole number"):
        connected.as_user(user_id)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_uses_no_connection_of_its_parent(
    sandbox: Sandbox, credentials: AuthSettings, clock: ManualClock
) -> None:
    """Through a client of another user too, after the first client was deleted."""

    class Session(requests.Session):
        closed = False

        def close(self) -> None:
            type(self).closed = True
            super().close()

    session = sandbox.mount(Session())
    other = AmoCRM("example", credentials, session=session, clock=clock).as_user(1)
    assert in_child(lambda: Session.closed)
    assert not Session.closed
    del other


@pytest.mark.parametrize("logger", ["amocrm.grants", "amocrm"])
def test_a_log_filter_that_raises_loses_no_pair(
    make: Make, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, logger: str
) -> None:
    caplog.set_level(logging.DEBUG, logger)
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    before = crm.connection.get_token()

    def broken(record: logging.LogRecord) -> bool:
        raise LookupError(record.name)

    log = logging.getLogger(logger)
    log.addFilter(broken)
    try:
        with contextlib.suppress(LookupError):
            crm.connection.refresh_token()
    finally:
        log.removeFilter(broken)
    assert crm.connection.get_token() != before
    crm.connection.refresh_token()
    assert sandbox.counters["grants.refused"] == 0


# A refresh that has ended is not one that got lost -----------------------------------------------


def test_the_next_process_names_a_use_elsewhere_as_the_cause_too(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    thief = make()
    thief.connection.set_token(crm.connection.get_token())
    thief.connection.refresh_token()
    for one in (crm, make(store=store), make(store=store)):
        with pytest.raises(GrantError) as refusal:
            one.connection.refresh_token()
        assert refusal.value.finding == "used"


def test_the_next_process_names_a_lost_response_as_the_cause_too(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.inject("lost_after", path=TOKENS)
    for one in (crm, make(store=store)):
        with pytest.raises(GrantError) as refusal:
            one.connection.refresh_token()
        assert refusal.value.finding == "lost"


def test_a_refresh_that_was_not_sent_leaves_no_note_of_a_lost_response(
    sandbox: Sandbox, credentials: AuthSettings, clock: ManualClock, free_port: int
) -> None:
    store = MemoryStore()
    with sandbox.serve() as served:
        with AmoCRM("example", credentials, base_url=served.url, store=store, clock=clock) as crm:
            crm.connection.set_code(sandbox.issue_code())
        nowhere = f"http://127.0.0.1:{free_port}"
        with AmoCRM("example", credentials, base_url=nowhere, store=store, clock=clock) as crm:
            with pytest.raises(TransportError) as loss:
                crm.connection.refresh_token()
    assert not loss.value.sent
    assert "asked_at" not in str(
        store.load(Key(sandbox.integration.client_id, str(sandbox.account().id)))
    )


@pytest.mark.parametrize("path", [ACCOUNT, "/oauth2/account/current/subdomain"])
def test_a_failed_probe_does_not_hide_the_refusal(
    make: Make, sandbox: Sandbox, clock: ManualClock, path: str
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    sandbox.uninstall()
    sandbox.inject("too_many", path=path, times=9, retry_after=500)
    with pytest.raises(GrantError):
        crm.connection.refresh_token()
