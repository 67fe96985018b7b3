"""When a token is refreshed: early by one thread, later all threads wait, and no call fails."""

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


class DelayedGrants(requests.Session):
    """Delays the response to a grant until `go`."""

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
def session(sandbox: Sandbox) -> DelayedGrants:
    session = DelayedGrants()
    sandbox.mount(session)
    return session


@pytest.fixture
def slow(make: Make, sandbox: Sandbox, session: DelayedGrants) -> AmoCRM:
    """A connected client whose next grant gets its response after `session.go`."""
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


def test_the_refresh_margin_is_longer_than_the_rate_limit_queue() -> None:
    assert QUEUE_PATIENCE < REFRESH_MARGIN < REFRESH_EARLY


@pytest.mark.parametrize(("age", "renewed"), [(EARLY - 1, 0), (EARLY, 1), (DUE, 1), (DAY, 1)])
def test_a_token_is_refreshed_when_it_is_old_enough(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock, age: float, renewed: int
) -> None:
    clock.advance(age)
    for _ in range(3):
        assert status(connected) == 200
    assert sandbox.counters["grants.refresh"] == renewed


def test_a_stale_token_is_refreshed_by_one_thread_while_the_others_use_it(
    slow: AmoCRM, session: DelayedGrants, sandbox: Sandbox, clock: ManualClock
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


def test_all_threads_wait_for_the_refresh_of_a_due_token(
    slow: AmoCRM, session: DelayedGrants, sandbox: Sandbox, clock: ManualClock
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
def test_a_failed_early_refresh_fails_no_call_and_is_repeated_later(
    connected: AmoCRM, clock: ManualClock, sandbox: Sandbox, fault: str
) -> None:
    clock.advance(EARLY)
    sandbox.inject(fault, path=TOKENS)
    assert status(connected) == 200
    tries = sum(request.path == TOKENS for request in sandbox.log)
    assert status(connected) == 200
    assert sum(request.path == TOKENS for request in sandbox.log) == tries == 2, (
        "one try, then a cooldown"
    )


@pytest.mark.parametrize(("rested", "tries"), [(REFRESH_COOLDOWN - 1, 1), (REFRESH_COOLDOWN, 2)])
def test_the_cooldown_after_a_failed_refresh(
    connected: AmoCRM, clock: ManualClock, sandbox: Sandbox, rested: float, tries: int
) -> None:
    clock.advance(EARLY)
    sandbox.inject("server_error", path=TOKENS)
    began = clock.monotonic()
    status(connected)
    clock.advance(began + rested - clock.monotonic())
    status(connected)
    assert sum(request.path == TOKENS for request in sandbox.log) == 1 + tries


def test_a_due_token_is_refreshed_with_retries(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(DUE)
    sandbox.inject("server_error", path=TOKENS, times=3)
    assert status(connected) == 200
    assert sandbox.counters["grants.refresh"] == 1


def test_calls_work_until_the_token_expires_and_fail_afterwards(
    connected: AmoCRM, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.inject("server_error", path=TOKENS, times=1000)
    clock.advance(DUE)
    assert status(connected) == 200
    clock.advance(REFRESH_MARGIN)
    with pytest.raises(ServerError, match="502"):
        status(connected)


class Fragile(MemoryStore):
    """Fails on demand."""

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
def test_calls_work_without_the_store_until_the_token_expires(
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
    assert sandbox.counters["grants.refresh"] == 0, (
        "no refresh token is used if the store cannot save"
    )
    store.broken = False
    assert status(crm) == 200


def test_calls_with_a_stale_token_do_not_wait_for_another_process(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    clock.advance(EARLY)
    with store.lock(Key(sandbox.integration.client_id, str(sandbox.account().id)), 1):
        assert status(crm) == 200
    assert sandbox.counters["grants.refresh"] == 0


def test_a_failed_save_of_a_new_pair_is_raised_even_if_the_old_one_still_works(
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
def test_a_refused_refresh_calls_the_handlers_at_once(
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
    """A machine's clock that may differ from the portal's."""

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
def test_a_step_of_the_clock_causes_one_grant_at_most_and_fails_no_call(
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
def test_two_machines_with_different_clocks_share_a_token_without_extra_refreshes(
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
def test_a_wrong_clock_is_logged(
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
def test_a_response_without_a_token_is_requested_again(
    connected: AmoCRM, sandbox: Sandbox, fault: str
) -> None:
    sandbox.inject(fault, path=TOKENS, effect=False)
    assert connected.connection.refresh_token()
    assert sandbox.counters["grants.refresh"] == 1


def test_a_code_is_exchanged_at_the_stored_host(
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


def test_a_pair_of_another_process_that_is_answered_401_too_is_refreshed(
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


def test_after_a_401_a_pair_of_another_process_is_used_even_during_the_cooldown(
    make: Make, sandbox: Sandbox
) -> None:
    store = MemoryStore()
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    sandbox.move("example", "renamed")
    assert status(crm) == 200, "refreshed after a 401"
    sandbox.uninstall()
    make(store=store).connection.set_code(sandbox.issue_code())
    assert status(crm) == 200
    assert sandbox.counters["grants.refused"] == 1, "the move"


@pytest.mark.parametrize(
    ("pause", "renewals"), [(AFTER_401_COOLDOWN - 1, 1), (AFTER_401_COOLDOWN, 2)]
)
def test_a_401_with_another_cause_causes_one_refresh_a_minute(
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
def test_a_restored_backup_does_not_replace_the_newer_pair_in_memory(
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


def test_a_newer_pair_of_a_machine_with_a_slow_clock_is_used(
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


def test_an_outdated_token_does_not_replace_the_stored_pair(
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


def test_a_pair_that_is_saved_late_does_not_replace_the_pair_of_a_later_code(
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
def test_the_error_of_a_damaged_record_does_not_show_its_text(
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
