"""Refresh after a 401: once for each pair, and a failure changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from amocrm import (
    AmoCRM,
    BlockedError,
    GrantError,
    MemoryStore,
    RateLimitedError,
    ReplyError,
    ServerError,
    TokenStoreError,
    TransportError,
    UnauthorizedError,
)
from amocrm.auth.cooldowns import AFTER_401_COOLDOWN
from amocrm.http.request import REFRESHES_AFTER_401
from amocrm.rate_limit.local import LocalRateLimiter
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.auth.test_refresh_safety import AtGrants, Broken
from tests.auth.test_refresh_timing import Fragile
from tests.conftest import Make

DAY = 86_400
TOKENS = "/oauth2/access_token"
ACCOUNT = "/api/v4/account"


def status(crm: AmoCRM) -> int:
    return crm.request.get(ACCOUNT).info.status_code


def refused(sandbox: Sandbox, crm: AmoCRM) -> UnauthorizedError:
    """Make a call whose every response is 401."""
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(UnauthorizedError) as refusal:
        status(crm)
    return refusal.value


def count_requests(sandbox: Sandbox) -> int:
    return sum(request.path == TOKENS for request in sandbox.log)


def stored(sandbox: Sandbox, store: MemoryStore) -> str | None:
    return store.load(Key(sandbox.integration.client_id, str(sandbox.account().id)))


# Once for each pair ------------------------------------------------------------------------------


def test_a_newer_pair_is_refreshed_after_a_401_at_once(make: Make, sandbox: Sandbox) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "refreshed a moment ago"
    make(store=store).connection.refresh_token()
    sandbox.move("renamed", "again")
    assert crm.request.get(ACCOUNT).data["subdomain"] == "again"
    assert sandbox.counters["grants.refresh"] == 3


@pytest.mark.parametrize(
    ("pause", "renewals"), [(AFTER_401_COOLDOWN - 1, 1), (AFTER_401_COOLDOWN, 2)]
)
def test_processes_that_share_a_store_refresh_once_after_a_401(
    make: Make, sandbox: Sandbox, clock: ManualClock, pause: float, renewals: int
) -> None:
    store = MemoryStore()
    clients = [make({"code": sandbox.issue_code()}, store=store)]
    clients[0].connect()
    clients += [make(store=store) for _ in range(3)]
    for crm in clients:
        crm.connect()

    def all_call() -> None:
        for crm in clients:
            with pytest.raises(UnauthorizedError):
                crm.as_user(999_999).request.get(ACCOUNT)

    began = clock.monotonic()
    all_call()
    seen_last = clock.monotonic()
    all_call()
    assert sandbox.counters["grants.refresh"] == 1
    # Each counts from the moment when it first loaded the pair.
    start = began if renewals == 1 else seen_last
    clock.advance(start + pause - clock.monotonic())
    all_call()
    assert sandbox.counters["grants.refresh"] == renewals


def test_threads_of_a_client_share_a_refresh_after_a_401(make: Make, sandbox: Sandbox) -> None:
    session = AtGrants(lambda: None)
    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(session))
    crm.connect()
    sandbox.move("example", "renamed")

    def another_call() -> None:
        session.what = lambda: None
        sandbox.inject("server_error", path=ACCOUNT, status=401)

    session.what = another_call
    with pytest.raises(UnauthorizedError):
        status(crm)
    assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] == 1


# A cure that fails -------------------------------------------------------------------------------

TRIES = 5
"""Requests of a grant until the retry budget ends."""


@pytest.mark.parametrize("fault", ["lost_before", "server_error", "too_many", "html"])
def test_a_failed_refresh_after_a_401_is_in_the_error_and_not_repeated_by_each_call(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, fault: str
) -> None:
    sandbox.inject(fault, path=TOKENS, times=TRIES)
    first = refused(sandbox, connected)
    failed_at, tries = clock.monotonic(), count_requests(sandbox)
    assert "the token could not be refreshed: " in str(first)
    assert "\n" not in str(first)
    assert refused(sandbox, connected).hint == first.hint
    clock.advance(failed_at + AFTER_401_COOLDOWN - 1 - clock.monotonic())
    assert refused(sandbox, connected).hint == first.hint
    assert count_requests(sandbox) == tries == 1 + TRIES
    clock.advance(1.001)
    sandbox.inject("server_error", path="/api/", status=401)
    assert status(connected) == 200
    assert count_requests(sandbox) == tries + 1


def test_a_401_is_raised_if_the_store_fails(make: Make, sandbox: Sandbox) -> None:
    store = Fragile()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    store.broken = True
    assert "could not lock (" in str(refused(sandbox, crm))
    assert sandbox.counters["grants.refresh"] == 0
    store.broken = False
    make(store=store).connection.refresh_token()
    assert status(crm) == 200
    sandbox.inject("server_error", path="/api/", status=401)
    assert status(crm) == 200, "a stored pair is used even during the cooldown of a failed refresh"
    assert sandbox.counters["grants.refresh"] == 1


def test_a_401_is_raised_if_the_store_cannot_be_read_for_another_pair(
    make: Make, sandbox: Sandbox
) -> None:
    store = Fragile()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "refreshed a moment ago"
    store.broken = True
    assert "could not" not in str(refused(sandbox, crm))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("lost_before", TransportError),
        ("server_error", ServerError),
        ("too_many", RateLimitedError),
    ],
)
def test_the_error_of_the_refresh_is_raised_if_the_token_has_expired_meanwhile(
    make: Make, sandbox: Sandbox, clock: ManualClock, fault: str, error: type[Exception]
) -> None:
    session = sandbox.session()
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()

    def a_day_goes_by(*_: object, **__: object) -> None:
        session.hooks["response"].clear()
        clock.advance(DAY)

    session.hooks["response"].append(a_day_goes_by)
    sandbox.inject("server_error", path=ACCOUNT, status=401)
    sandbox.inject(fault, path=TOKENS, times=TRIES)
    with pytest.raises(error):
        status(crm)


def test_a_failed_save_is_raised_after_a_401_too(make: Make, sandbox: Sandbox) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    store.trouble = OSError("full")
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(TokenStoreError, match="stays usable"):
        status(crm)
    assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_a_refusal_because_of_the_settings_is_not_requested_by_each_call(
    make: Make, sandbox: Sandbox
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    wrong = make({"client_secret": "another"})
    wrong.connection.set_token(crm.connection.get_token())
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(GrantError, match="do not belong together"):
        status(wrong)
    tries = count_requests(sandbox)
    assert "do not belong together" in str(refused(sandbox, wrong))
    assert count_requests(sandbox) == tries


# What has ended is not in doubt -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "finding"),
    [
        (["forbidden"] * TRIES, "used"),
        (["too_many"] * TRIES, "used"),
        (["lost_before"] + ["too_many"] * (TRIES - 1), "lost"),
        (["too_many"] + ["server_error"] * (TRIES - 1), "lost"),
    ],
)
def test_a_refresh_that_was_not_carried_out_leaves_no_note(
    make: Make, sandbox: Sandbox, faults: list[str], finding: str
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    for fault in faults:
        sandbox.inject(fault, path=TOKENS)
    with pytest.raises((TransportError, ReplyError)):
        crm.connection.refresh_token()
    assert ("asked_at" in str(stored(sandbox, store))) is (finding == "lost")
    thief = make()
    thief.connection.set_token(crm.connection.get_token())
    thief.connection.refresh_token()
    for one in (crm, make(store=store)):
        with pytest.raises(GrantError) as refusal:
            one.connection.refresh_token()
        assert refusal.value.finding == finding


def test_a_refresh_that_the_rate_limit_refused_leaves_no_note(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store, rate_limiter = MemoryStore(), LocalRateLimiter(7)
    crm = make({"code": sandbox.issue_code()}, store=store, rate_limiter=rate_limiter)
    crm.connect()
    rate_limiter.block(clock, 600)
    with pytest.raises(BlockedError, match="was not sent"):
        crm.connection.refresh_token()
    assert "asked_at" not in str(stored(sandbox, store))


def test_the_note_of_an_earlier_refresh_stays_after_a_refresh_that_was_not_sent(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.inject("lost_before", path=TOKENS, times=TRIES)
    sandbox.inject("too_many", path=TOKENS, times=TRIES)
    for _ in range(2):
        with pytest.raises((TransportError, ReplyError)):
            crm.connection.refresh_token()
        assert "asked_at" in str(stored(sandbox, store))


def test_the_end_of_a_refresh_does_not_restore_a_removed_record(
    make: Make, sandbox: Sandbox
) -> None:
    store, key = MemoryStore(), Key(sandbox.integration.client_id, str(sandbox.account().id))
    session = AtGrants(lambda: None)
    crm = make({"code": sandbox.issue_code()}, store=store, session=sandbox.mount(session))
    crm.connect()
    session.what = lambda: store.forget(key)
    sandbox.inject("forbidden", path=TOKENS, times=TRIES)
    with pytest.raises(ReplyError):
        crm.connection.refresh_token()
    assert store.load(key) is None


def test_the_code_digest_stays_in_the_record_after_a_refresh_by_another_process(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store, code = MemoryStore(), sandbox.issue_code()
    first = make({"code": sandbox.issue_code()}, store=store)
    first.connect()
    make(store=store).connection.set_code(code)
    clock.advance(DAY)
    assert status(first) == 200, "it refreshes the pair of the second code"
    assert make(store=store).connection.set_code(code) == first.connection.get_token()


class Slow(requests.Session):
    """Takes so long for each call that a cooldown has ended."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        answer = super().send(request, **settings)
        self.clock.advance(AFTER_401_COOLDOWN)
        return answer


def test_one_call_refreshes_twice_at_most_even_if_it_is_slow(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()}, session=sandbox.mount(Slow(clock)))
    crm.connect()
    sandbox.inject("server_error", path="/api/", status=401, times=9)
    with pytest.raises(UnauthorizedError):
        status(crm)
    assert sandbox.counters["grants.refresh"] == REFRESHES_AFTER_401


@pytest.mark.parametrize(
    ("age", "works"), [(AFTER_401_COOLDOWN - 1, False), (AFTER_401_COOLDOWN, True)]
)
def test_the_cooldown_after_a_401_counts_from_the_grant_even_in_another_process(
    make: Make, sandbox: Sandbox, clock: ManualClock, age: float, works: bool
) -> None:
    store = MemoryStore()
    first = make({"code": sandbox.issue_code()}, store=store)
    first.connect()
    second = make(store=store)
    assert status(second) == 200
    sandbox.move("example", "renamed")
    assert status(first) == 200, "cured"
    clock.advance(age)
    sandbox.move("renamed", "again")
    if works:
        assert status(second) == 200
    else:
        with pytest.raises(UnauthorizedError):
            status(second)
