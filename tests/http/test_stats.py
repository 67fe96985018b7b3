from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from amocrm import (
    AmoCRM,
    AmoCRMError,
    BlockedError,
    Done,
    JournalError,
    OutcomeUnknownError,
    RateLimitedError,
    Stats,
)
from amocrm.http.request import send
from amocrm.http.sender import QUEUE_PATIENCE
from amocrm.http.stats import StatsCounter, Waits
from amocrm.sandbox import FaultPlan, ManualClock, Sandbox
from tests.conftest import Make

ACCOUNT = "/api/v4/account"


@pytest.fixture
def crm(make: Make, sandbox: Sandbox) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()})


def test_nothing_was_done_yet(crm: AmoCRM) -> None:
    assert crm.stats == Stats()


def test_bytes_and_calls(crm: AmoCRM, sandbox: Sandbox) -> None:
    answer = crm.request.post("/api/v4/leads", [{"name": "x"}])
    stats = crm.stats
    assert (stats.calls, stats.retries, stats.errors) == (1, 0, 0)
    assert stats.sent == len(b'[{"name":"x"}]')
    assert stats.received == len(answer.info.content)
    assert stats.waits == Waits()


def test_waits_are_told_apart(crm: AmoCRM, sandbox: Sandbox, clock: ManualClock) -> None:
    for _ in range(8):
        crm.request.get(ACCOUNT)
    assert crm.stats.waits == Waits(rate_limiter=pytest.approx(1.05))  # type: ignore[arg-type]
    sandbox.inject("server_error", times=1)
    crm.request.get(ACCOUNT)
    assert 0.25 <= crm.stats.waits.backoff <= 0.5
    sandbox.inject("too_many", retry_after=20)
    crm.request.get(ACCOUNT)
    assert crm.stats.waits.limit == pytest.approx(20)
    assert (crm.stats.limited, crm.stats.retries, crm.stats.errors) == (1, 2, 0)
    total = sum(crm.stats.waits)
    assert total == pytest.approx(clock.monotonic())


def test_others_wait_for_a_429_as_well(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    one, two = (make({"access_token": sandbox.issue_long_lived()}) for _ in range(2))
    sandbox.inject("too_many", retry_after=QUEUE_PATIENCE)
    with pytest.raises(RateLimitedError):
        one.request.get(ACCOUNT)
    two.request.get(ACCOUNT)
    assert two.stats.waits.limit == pytest.approx(QUEUE_PATIENCE)
    assert two.stats.waits.rate_limiter == 0


def test_errors_and_refusals(crm: AmoCRM, sandbox: Sandbox) -> None:
    with pytest.raises(AmoCRMError):
        crm.request.get("/api/v4/nowhere")
    sandbox.inject("too_many", retry_after=QUEUE_PATIENCE + 1)
    for _ in range(2):
        with pytest.raises(RateLimitedError):
            crm.request.get(ACCOUNT)
    assert (crm.stats.calls, crm.stats.errors, crm.stats.refused) == (2, 2, 1)


def test_a_snapshot_is_of_one_moment_and_no_count_is_lost() -> None:
    counter = StatsCounter()

    def work(_: int) -> None:
        for _ in range(500):
            counter.count(1, 2, True, True, 3.0, 1.0)
            counter.count_backoff(1.0, after_429=False)
            counter.count_backoff(1.0, after_429=True)
            counter.count_refused()
            counter.count_error()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert counter.snapshot() == Stats(
        2000, 2000, 2000, 2000, 2000, 2000, 4000, Waits(4000.0, 4000.0, 2000.0)
    )


def test_every_attempt_is_reported(crm: AmoCRM, sandbox: Sandbox, clock: ManualClock) -> None:
    told: list[Done] = []
    crm.on("request:done", told.append)
    sandbox.faults = FaultPlan(latency=0.25)
    sandbox.inject("lost_after", times=1)
    crm.request.get(ACCOUNT, {"with": "users_groups"})
    lost, done = told
    assert lost[:3] == ("GET", ACCOUNT, None)
    assert (lost.account, done.account) == ("example.amocrm.ru", "example.amocrm.ru")
    assert (lost.attempt, lost.wait, lost.request_id) == (1, 0, None)
    assert (done.status, done.attempt, done.request_id) == (200, 2, f"{2:032x}")
    assert 0.25 <= done.wait <= 0.5
    assert done.duration == pytest.approx(0.25)
    assert clock.monotonic() == pytest.approx(sum(one.duration + one.wait for one in told))


def test_an_unknown_outcome_is_reported_and_its_id_is_the_error_s(
    crm: AmoCRM, sandbox: Sandbox
) -> None:
    told: list[Done] = []
    crm.once("request:done", told.append)
    sandbox.inject("server_error", status=500)
    with pytest.raises(OutcomeUnknownError) as unknown:
        crm.request.post("/api/v4/leads", [{"name": "x"}])
    assert told[0].request_id == unknown.value.request_id == f"{1:032x}"
    assert unknown.value.data == [{"name": "x"}]
    crm.request.get(ACCOUNT)
    assert len(told) == 1


def test_no_handler_stands_between_a_grant_and_its_keeping(make: Make, sandbox: Sandbox) -> None:
    crm = make({"code": sandbox.issue_code()})

    def handle(done: Done) -> None:
        raise LookupError(done.path)

    crm.on("request:done", handle)
    crm.connect()
    crm.connection.refresh_token()
    assert crm.stats.calls == 2
    with pytest.raises(LookupError, match=ACCOUNT):
        crm.request.get(ACCOUNT)
    assert sandbox.counters["grants.refused"] == 0


def test_a_handler_may_call_and_is_not_told_of_its_own_call(crm: AmoCRM) -> None:
    told: list[Done] = []

    def handle(done: Done) -> None:
        told.append(done)
        crm.request.get("/api/v4/leads")

    crm.on("request:done", handle)
    crm.request.get(ACCOUNT)
    crm.request.get(ACCOUNT)
    assert [one.path for one in told] == [ACCOUNT, ACCOUNT]
    assert crm.stats.calls == 4


@pytest.mark.parametrize("method", ["post", "patch", "put", "delete"])
def test_a_write_is_repeated_when_the_caller_says_so(
    crm: AmoCRM, sandbox: Sandbox, method: str
) -> None:
    write = getattr(crm.request, method)
    sandbox.inject("lost_after", times=3)
    with pytest.raises(OutcomeUnknownError):
        write(ACCOUNT, [])
    with pytest.raises(OutcomeUnknownError):
        write(ACCOUNT, [], retry="never")
    assert crm.stats.calls == 2
    with pytest.raises(AmoCRMError, match="40"):
        write(ACCOUNT, [], retry="always")
    assert crm.stats.calls == 4


def test_a_read_is_not_repeated_when_the_caller_says_so(crm: AmoCRM, sandbox: Sandbox) -> None:
    sandbox.inject("lost_before", times=1)
    with pytest.raises(AmoCRMError):
        crm.request.get(ACCOUNT, retry="never")
    sandbox.inject("too_many", times=1)
    with pytest.raises(RateLimitedError):
        crm.request("GET", ACCOUNT, retry="never")
    assert (crm.stats.calls, crm.stats.errors) == (2, 2)


def test_before_send_is_called_before_each_attempt(crm: AmoCRM, sandbox: Sandbox) -> None:
    told: list[int] = []
    sandbox.inject("too_many", times=2)

    def tell() -> None:
        told.append(sandbox.counters["requests"])

    send(crm.request, "GET", ACCOUNT, None, retry="auto", before_send=tell)
    assert told == [0, 1, 2]


def test_and_may_keep_it_here(crm: AmoCRM, sandbox: Sandbox) -> None:
    def stay() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send(crm.request, "GET", ACCOUNT, None, retry="auto", before_send=stay)
    assert sandbox.counters["requests"] == crm.stats.calls == 0


def test_a_write_that_may_have_been_done_is_not_told_as_refused(
    crm: AmoCRM, sandbox: Sandbox
) -> None:
    sandbox.inject("lost_after", times=1)
    sandbox.inject("forbidden", times=1)
    with pytest.raises(OutcomeUnknownError) as doubt:
        crm.request("POST", "/api/v4/leads", [{"name": "x"}], retry="always")
    assert isinstance(doubt.value.__cause__, BlockedError)
    assert len(sandbox.leads()) == 1
    # And now nothing is sent, which says nothing about the one before.
    with pytest.raises(BlockedError):
        crm.request("POST", "/api/v4/leads", [{"name": "y"}], retry="always")


@pytest.mark.parametrize(
    ("attempt", "kind"), [(1, JournalError), (2, OutcomeUnknownError), (3, OutcomeUnknownError)]
)
def test_a_write_whose_next_attempt_stays_here_may_have_been_done_before(
    crm: AmoCRM, sandbox: Sandbox, attempt: int, kind: type[AmoCRMError]
) -> None:
    sandbox.inject("lost_after", times=2)
    left: list[int] = []

    def before_send() -> None:
        left.append(1)
        if len(left) == attempt:
            raise JournalError("the journal is full")

    with pytest.raises(kind, match="is full") as told:
        send(
            crm.request, "POST", "/api/v4/leads", [{}], retry="always", before_send=before_send
        )  # fmt: skip
    assert isinstance(told.value.__cause__ or told.value, JournalError)
    assert len(sandbox.leads()) == attempt - 1


def test_a_retry_that_does_not_exist_is_reported_before_anything_is_sent(crm: AmoCRM) -> None:
    with pytest.raises(AmoCRMError, match="'auto', 'always' or 'never', not 'often'"):
        crm.request.get(ACCOUNT, retry="often")  # type: ignore[arg-type]
    assert crm.stats.calls == 0
