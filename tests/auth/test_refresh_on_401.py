"""A 401 is cured by another token: once for each pair, and at no cost where that fails."""

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
    """Make a call whose every answer is 401."""
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(UnauthorizedError) as refusal:
        status(crm)
    return refusal.value


def asked(sandbox: Sandbox) -> int:
    return sum(seen.path == TOKENS for seen in sandbox.log)


def stored(sandbox: Sandbox, store: MemoryStore) -> str | None:
    return store.load(Key(sandbox.integration.client_id, str(sandbox.account().id)))


# Once for each pair ------------------------------------------------------------------------------


def test_a_newer_pair_is_renewed_for_a_401_at_once(make: Make, sandbox: Sandbox) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "cured a moment ago"
    make(store=store).connection.refresh_token()
    sandbox.move("renamed", "again")
    assert crm.request.get(ACCOUNT).data["subdomain"] == "again"
    assert sandbox.counters["grants.refresh"] == 3


@pytest.mark.parametrize(
    ("pause", "renewals"), [(AFTER_401_COOLDOWN - 1, 1), (AFTER_401_COOLDOWN, 2)]
)
def test_those_who_share_a_store_do_not_spend_one_another_s_cures(
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
    # Each counts from when it first saw the pair.
    start = began if renewals == 1 else seen_last
    clock.advance(start + pause - clock.monotonic())
    all_call()
    assert sandbox.counters["grants.refresh"] == renewals


def test_the_threads_of_a_client_share_a_cure(make: Make, sandbox: Sandbox) -> None:
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
"""How often a grant is tried before it is given up."""


@pytest.mark.parametrize("fault", ["lost_before", "server_error", "too_many", "html"])
def test_a_cure_that_fails_leaves_the_401_with_the_reason_and_is_not_tried_on_each_call(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, fault: str
) -> None:
    sandbox.inject(fault, path=TOKENS, times=TRIES)
    first = refused(sandbox, connected)
    failed_at, tries = clock.monotonic(), asked(sandbox)
    assert "the token could not be refreshed: " in str(first)
    assert "\n" not in str(first)
    assert refused(sandbox, connected).hint == first.hint
    clock.advance(failed_at + AFTER_401_COOLDOWN - 1 - clock.monotonic())
    assert refused(sandbox, connected).hint == first.hint
    assert asked(sandbox) == tries == 1 + TRIES
    clock.advance(1.001)
    sandbox.inject("server_error", path="/api/", status=401)
    assert status(connected) == 200
    assert asked(sandbox) == tries + 1


def test_a_store_that_is_out_of_order_leaves_the_401(make: Make, sandbox: Sandbox) -> None:
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
    assert status(crm) == 200, "what others were granted is taken, however lately a cure failed"
    assert sandbox.counters["grants.refresh"] == 1


def test_looking_for_another_s_pair_in_a_store_that_is_out_of_order_leaves_the_401(
    make: Make, sandbox: Sandbox
) -> None:
    store = Fragile()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "cured a moment ago"
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
def test_when_the_token_has_died_meanwhile_the_renewal_s_end_is_told(
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


def test_a_new_pair_that_could_not_be_saved_is_told_after_a_401_too(
    make: Make, sandbox: Sandbox
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    store.trouble = OSError("full")
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(TokenStoreError, match="stays usable"):
        status(crm)
    assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_a_refusal_for_another_reason_than_the_token_is_not_asked_for_on_each_call(
    make: Make, sandbox: Sandbox
) -> None:
    crm = make({"code": sandbox.issue_code()})
    crm.connect()
    wrong = make({"client_secret": "another"})
    wrong.connection.set_token(crm.connection.get_token())
    sandbox.inject("server_error", path="/api/", status=401)
    with pytest.raises(GrantError, match="do not belong together"):
        status(wrong)
    tries = asked(sandbox)
    assert "do not belong together" in str(refused(sandbox, wrong))
    assert asked(sandbox) == tries


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
def test_a_refresh_that_was_surely_not_done_is_not_under_suspicion(
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


def test_a_refresh_that_the_pace_did_not_let_through_is_not_under_suspicion(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store, rate_limiter = MemoryStore(), LocalRateLimiter(7)
    crm = make({"code": sandbox.issue_code()}, store=store, rate_limiter=rate_limiter)
    crm.connect()
    rate_limiter.block(clock, 600)
    with pytest.raises(BlockedError, match="was not sent"):
        crm.connection.refresh_token()
    assert "asked_at" not in str(stored(sandbox, store))


def test_an_old_doubt_outlives_a_refresh_that_was_not_done(make: Make, sandbox: Sandbox) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.inject("lost_before", path=TOKENS, times=TRIES)
    sandbox.inject("too_many", path=TOKENS, times=TRIES)
    for _ in range(2):
        with pytest.raises((TransportError, ReplyError)):
            crm.connection.refresh_token()
        assert "asked_at" in str(stored(sandbox, store))


def test_the_end_of_a_refresh_does_not_bring_back_what_was_forgotten(
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


def test_the_code_of_a_pair_stays_with_it_whoever_renews_it(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store, code = MemoryStore(), sandbox.issue_code()
    first = make({"code": sandbox.issue_code()}, store=store)
    first.connect()
    make(store=store).connection.set_code(code)
    clock.advance(DAY)
    assert status(first) == 200, "it renews the pair of the second code"
    assert make(store=store).connection.set_code(code) == first.connection.get_token()


class Slow(requests.Session):
    """Takes so long for each call that a pause is over when it ends."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        answer = super().send(request, **settings)
        self.clock.advance(AFTER_401_COOLDOWN)
        return answer


def test_one_call_is_cured_twice_at_most_however_long_it_takes(
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
def test_a_cured_pair_that_is_seen_late_has_its_cure(
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
