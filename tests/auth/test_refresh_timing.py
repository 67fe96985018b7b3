"""A token is renewed in time: early by one caller, when due by all, and at no call's cost."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from amocrm import (
    AmoCRM,
    GrantError,
    MemoryStore,
    NotAuthorizedError,
    ServerError,
    TokenStoreError,
    UnauthorizedError,
)
from amocrm.auth.cooldowns import AFTER_401_COOLDOWN, REFRESH_COOLDOWN, SAVE_COOLDOWN
from amocrm.auth.token import REFRESH_EARLY, REFRESH_MARGIN
from amocrm.http.sender import QUEUE_PATIENCE
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.store import Key
from tests.auth.test_refresh_safety import Broken
from tests.conftest import Make

DAY = 86_400
TOKENS = "/oauth2/access_token"
ACCOUNT = "/api/v4/account"

EARLY = DAY - REFRESH_EARLY
DUE = DAY - REFRESH_MARGIN


class Held(requests.Session):
    """Holds the answer to a grant back until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.go = threading.Event(), threading.Event()
        self.go.set()

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        answer = super().send(request, **settings)
        if str(request.url).endswith(TOKENS):
            self.waiting.set()
            assert self.go.wait(30)
        return answer


@pytest.fixture
def session(sandbox: Sandbox) -> Held:
    held = Held()
    sandbox.mount(held)
    return held


@pytest.fixture
def slow(make: Make, sandbox: Sandbox, session: Held) -> AmoCRM:
    """A connected client whose next grant is answered when the session is let go."""
    crm = make({"code": sandbox.issue_code()}, session=session)
    crm.connect()
    session.waiting.clear()
    session.go.clear()
    return crm


def status(crm: AmoCRM) -> int:
    return crm.request.get(ACCOUNT).info.status_code


def in_thread(crm: AmoCRM, done: list[int]) -> threading.Thread:
    thread = threading.Thread(target=lambda: done.append(status(crm)))
    thread.start()
    return thread


def test_no_token_dies_in_the_queue() -> None:
    assert QUEUE_PATIENCE < REFRESH_MARGIN < REFRESH_EARLY


@pytest.mark.parametrize(("age", "renewed"), [(EARLY - 1, 0), (EARLY, 1), (DUE, 1), (DAY, 1)])
def test_a_token_is_renewed_once_it_is_old_enough(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, age: float, renewed: int
) -> None:
    clock.advance(age)
    for _ in range(3):
        assert status(connected) == 200
    assert sandbox.counters["grants.refresh"] == renewed


def test_early_one_caller_renews_and_the_others_go_on(
    slow: AmoCRM, session: Held, sandbox: Sandbox, clock: ManualClock
) -> None:
    old = slow.connection.get_token()
    clock.advance(EARLY)
    done: list[int] = []
    first = in_thread(slow, done)
    assert session.waiting.wait(30)
    for _ in range(5):
        assert status(slow) == 200
    assert slow.connection.get_token() == old
    assert done == []
    session.go.set()
    first.join(30)
    assert done == [200]
    assert slow.connection.get_token() != old
    assert sandbox.counters["grants.refresh"] == 1


def test_when_it_is_due_all_wait_for_the_new_one(
    slow: AmoCRM, session: Held, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DUE)
    done: list[int] = []
    threads = [in_thread(slow, done)]
    assert session.waiting.wait(30)
    threads += [in_thread(slow, done) for _ in range(5)]
    assert done == []
    session.go.set()
    for thread in threads:
        thread.join(30)
    assert done == [200] * 6
    assert sandbox.counters["grants.refresh"] == 1


@pytest.mark.parametrize(
    "fault", ["lost_before", "lost_after", "server_error", "html", "forbidden"]
)
def test_a_renewal_that_fails_early_costs_no_call_and_is_tried_again_later(
    connected: AmoCRM, clock: ManualClock, sandbox: Sandbox, fault: str
) -> None:
    clock.advance(EARLY)
    sandbox.inject(fault, path=TOKENS)
    assert status(connected) == 200
    tries = sum(seen.path == TOKENS for seen in sandbox.log)
    assert status(connected) == 200
    assert sum(seen.path == TOKENS for seen in sandbox.log) == tries == 2, "one try, then a rest"


@pytest.mark.parametrize(("rested", "tries"), [(REFRESH_COOLDOWN - 1, 1), (REFRESH_COOLDOWN, 2)])
def test_the_rest_after_a_failed_renewal(
    connected: AmoCRM, clock: ManualClock, sandbox: Sandbox, rested: float, tries: int
) -> None:
    clock.advance(EARLY)
    sandbox.inject("server_error", path=TOKENS)
    began = clock.monotonic()
    status(connected)
    clock.advance(began + rested - clock.monotonic())
    status(connected)
    assert sum(seen.path == TOKENS for seen in sandbox.log) == 1 + tries


def test_a_token_that_is_due_is_renewed_with_patience(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DUE)
    sandbox.inject("server_error", path=TOKENS, times=3)
    assert status(connected) == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_calls_go_on_while_the_token_lives_and_fail_when_it_is_dead(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.inject("server_error", path=TOKENS, times=1000)
    clock.advance(DUE)
    assert status(connected) == 200
    clock.advance(REFRESH_MARGIN)
    with pytest.raises(ServerError, match="502"):
        status(connected)


class Fragile(MemoryStore):
    """Is out of order when told to be."""

    broken = False

    def load(self, key: Key) -> str | None:
        if self.broken:
            raise ConnectionError("the server is gone")
        return super().load(key)

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        if self.broken:
            raise ConnectionError("the server is gone")
        with super().lock(key, timeout):
            yield


@pytest.mark.parametrize("age", [EARLY, DUE])
def test_calls_go_on_without_the_store_while_the_token_lives(
    make: Make, sandbox: Sandbox, clock: ManualClock, age: float
) -> None:
    store = Fragile()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    store.broken = True
    clock.advance(age)
    assert status(crm) == 200
    clock.advance(DAY - age)
    with pytest.raises(TokenStoreError):
        status(crm)
    assert sandbox.counters["grants.refresh"] == 0, "nothing is spent that could not be saved"
    store.broken = False
    assert status(crm) == 200


def test_early_nobody_waits_for_another_process_that_renews(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(EARLY)
    with store.lock(Key(sandbox.integration.client_id, str(sandbox.account().id)), 1):
        assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] == 0


def test_a_new_pair_that_could_not_be_saved_is_told_even_if_the_old_one_lives(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    store.trouble = OSError("no space left")
    clock.advance(EARLY)
    with pytest.raises(TokenStoreError, match="stays usable"):
        status(crm)
    assert crm.connection.status().unsaved
    assert status(crm) == 200
    store.trouble = None
    clock.advance(SAVE_COOLDOWN)
    assert status(crm) == 200
    assert not crm.connection.status().unsaved


@pytest.mark.parametrize("age", [EARLY, DUE])
def test_a_refused_renewal_is_told_at_once(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, age: float
) -> None:
    clock.advance(age)
    sandbox.uninstall()
    with pytest.raises(GrantError):
        status(connected)
    with pytest.raises(NotAuthorizedError):
        status(connected)


# A clock that is wrong, or steps -----------------------------------------------------------------


class Stepping(ManualClock):
    """A machine's clock beside the portal's: it may be wrong."""

    def __init__(self, true: ManualClock) -> None:
        super().__init__()
        self.true, self.wrong_by = true, 0.0

    def time(self) -> float:
        return self.true.time() + self.wrong_by

    def monotonic(self) -> float:
        return self.true.monotonic()

    def sleep(self, seconds: float) -> None:
        self.true.sleep(seconds)


@pytest.mark.parametrize("step", [-400 * DAY, -2 * DAY, -DAY, DAY, 2 * DAY, 400 * DAY])
def test_a_clock_that_steps_costs_one_grant_at_most_and_no_call(
    make: Make, sandbox: Sandbox, clock: ManualClock, step: float
) -> None:
    machine = Stepping(clock)
    crm = make({"code": sandbox.issue_code()}, clock=machine, store=MemoryStore())
    crm.connect()
    machine.wrong_by = step
    for _ in range(10):
        assert status(crm) == 200
        clock.advance(60)
    assert sandbox.counters["grants.refresh"] <= 1
    for _ in range(72):
        clock.advance(3600)
        assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] <= 1 + 3 + 1, "one a day, and one for the step"
    assert sandbox.counters["grants.refused"] == 0


@pytest.mark.parametrize("wrong_by", [-2 * DAY, 2 * DAY])
def test_two_machines_whose_clocks_differ_share_a_token_without_a_storm(
    make: Make, sandbox: Sandbox, clock: ManualClock, wrong_by: float
) -> None:
    store, machine = MemoryStore(), Stepping(clock)
    right = make({"code": sandbox.issue_code()}, store=store)
    wrong = make(store=store, clock=machine)
    machine.wrong_by = wrong_by
    for _ in range(96):
        assert status(right) == 200
        assert status(wrong) == 200
        clock.advance(3600)
    days = 4
    assert sandbox.counters["grants.refresh"] <= 2 * (days + 1)
    assert sandbox.counters["grants.refused"] == 0


@pytest.mark.parametrize(
    ("wrong_by", "said"), [(0, False), (300, False), (301, True), (-300, False), (-301, True)]
)
def test_a_wrong_clock_is_told(
    make: Make,
    sandbox: Sandbox,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    wrong_by: float,
    said: bool,
) -> None:
    machine = Stepping(clock)
    machine.wrong_by = wrong_by
    make({"code": sandbox.issue_code()}, clock=machine).connect()
    assert ("clock differs from amoCRM's" in caplog.text) is said


# What a long life has taught ---------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["html", "empty", "broken_json"])
def test_an_answer_that_is_no_token_is_asked_for_again(
    connected: AmoCRM, sandbox: Sandbox, fault: str
) -> None:
    sandbox.inject(fault, path=TOKENS, effect=False)
    assert connected.connection.refresh_token()
    assert sandbox.counters["grants.refresh"] == 1


def test_a_code_is_exchanged_where_the_store_says_the_account_is(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    clock.advance(DAY)
    status(crm)
    make(store=store).connection.set_code(sandbox.issue_code())
    assert sandbox.counters["grants.code"] == 2


def test_a_pair_that_was_adopted_after_a_401_is_renewed_if_it_is_answered_401_too(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    one = make({"code": sandbox.issue_code()}, store=store)
    two = make(store=store)
    one.connect()
    two.connect()
    one.connection.refresh_token()
    sandbox.move("example", "renamed")
    assert two.request.get(ACCOUNT).data["subdomain"] == "renamed"


def test_after_a_401_the_pair_of_somebody_else_is_taken_however_lately_one_was_renewed(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "renewed for a 401"
    sandbox.uninstall()
    make(store=store).connection.set_code(sandbox.issue_code())
    assert status(crm) == 200
    assert sandbox.counters["grants.refused"] == 1, "the move"


@pytest.mark.parametrize(
    ("pause", "renewals"), [(AFTER_401_COOLDOWN - 1, 1), (AFTER_401_COOLDOWN, 2)]
)
def test_a_401_with_another_cause_costs_one_renewal_a_minute(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, pause: float, renewals: int
) -> None:
    began = None
    for _ in range(2):
        with pytest.raises(UnauthorizedError):
            connected.as_user(999_999).request.get(ACCOUNT)
        began = clock.monotonic() if began is None else began
        clock.advance(max(0.0, began + pause - clock.monotonic()))
    assert sandbox.counters["grants.refresh"] == renewals


@pytest.mark.parametrize("age", [60, DAY])
def test_a_backup_that_is_put_back_does_not_cost_the_newer_pair_in_memory(
    make: Make, sandbox: Sandbox, clock: ManualClock, age: int
) -> None:
    store, key = MemoryStore(), Key(sandbox.integration.client_id, str(sandbox.account().id))
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    backup = store.load(key)
    clock.advance(60)
    crm.connection.refresh_token()
    assert store.save(key, str(backup), store.load(key))
    clock.advance(age)
    crm.connection.refresh_token()
    assert status(make(store=store)) == 200
    assert sandbox.counters["grants.refused"] == 0


def test_a_newer_pair_is_taken_from_a_machine_whose_clock_is_behind(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store, machine = MemoryStore(), Stepping(clock)
    right = make({"code": sandbox.issue_code()}, store=store)
    right.connect()
    behind = make(store=store, clock=machine)
    machine.wrong_by = -2 * DAY
    clock.advance(60)
    behind.connection.refresh_token()
    right.connection.refresh_token()
    assert sandbox.counters["grants.refused"] == 0


def test_a_file_that_was_not_kept_up_does_not_cost_the_others_their_pair(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    old = crm.connection.get_token()
    for _ in range(2):
        clock.advance(DAY)
        status(crm)
    late = make(store=store)
    late.connection.set_token(old)
    assert late.connection.get_token() == crm.connection.get_token()
    assert status(late) == 200
    assert status(make(store=store)) == 200
    assert sandbox.counters["grants.refused"] == 0


def test_a_code_s_pair_that_is_saved_late_does_not_replace_a_later_code_s(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = Broken()
    store.trouble = OSError("no space left")
    first = make(store=store)
    with pytest.raises(TokenStoreError):
        first.connection.set_code(sandbox.issue_code())
    store.trouble = None
    clock.advance(60)
    second = make(store=store)
    second.connection.set_code(sandbox.issue_code())
    assert status(first) == 200
    assert first.connection.get_token() == second.connection.get_token()


def test_a_refresh_token_that_has_expired_is_not_sent_again(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(100 * DAY)
    with pytest.raises(GrantError):
        status(connected)
    for _ in range(3):
        with pytest.raises(NotAuthorizedError, match="refused the refresh token earlier"):
            status(connected)
    assert sandbox.counters["grants.refused"] == 1


@pytest.mark.parametrize("text", ["", "{", '{"token": "SECRET'])
def test_what_is_damaged_in_the_store_is_told_without_what_it_holds(
    make: Make, sandbox: Sandbox, text: str
) -> None:
    store, key = MemoryStore(), Key(sandbox.integration.client_id, "example.amocrm.ru")
    assert store.save(key, text, None)
    with pytest.raises(TokenStoreError, match="cannot be read") as failure:
        make(store=store).connect()
    error: BaseException | None = failure.value
    while error is not None:
        assert "SECRET" not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    make(store=store).connection.set_token({"access_token": "a", "refresh_token": "r"})
