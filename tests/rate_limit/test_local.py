from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm import AmoCRM, BlockedError, ConfigurationError, LocalRateLimiter, RateLimitedError
from amocrm._support.clock import Clock, SystemClock
from amocrm.http.retry import BLOCK_PAUSE
from amocrm.http.sender import QUEUE_PATIENCE
from amocrm.rate_limit.base import LATE, TakenSlot
from amocrm.rate_limit.jitter import LEAST_MARGIN, MARGIN, NEWCOMER
from amocrm.rate_limit.limiter import Refusal
from amocrm.rate_limit.local import shared_rate_limiter
from amocrm.rate_limit.window import LOOK, OPENING
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make
from tests.rate_limit.test_contract import Moment, moment, too_many


def take(rate_limiter: LocalRateLimiter, clock: Clock, patience: float = 0) -> float:
    """Take a turn and return how long it was waited for."""
    slot = rate_limiter.wait(clock, patience)
    assert not isinstance(slot, Refusal)
    return slot.waited


def refused(rate_limiter: LocalRateLimiter, clock: Clock, patience: float) -> float:
    """Be refused a turn and return how far away it is."""
    refusal = rate_limiter.wait(clock, patience)
    assert isinstance(refusal, Refusal)
    assert not refusal.blocked
    return refusal.away


def test_seven_at_once_and_then_a_pause(clock: ManualClock) -> None:
    rate_limiter = LocalRateLimiter()
    moments = []
    for _ in range(8):
        take(rate_limiter, clock, 60)
        moments.append(clock.monotonic())
    assert moments == pytest.approx([0.0] * 7 + [1.05])


def opened(rate_limiter: LocalRateLimiter, clock: ManualClock) -> TakenSlot:
    """Take a turn whose call has to open a connection, which takes half a second."""
    slot = rate_limiter.wait(clock, 0)
    assert isinstance(slot, TakenSlot)
    slot.opening()
    clock.advance(0.5)
    return slot


def test_a_second_counts_from_where_the_call_was_sent_after_the_handshake(
    clock: ManualClock,
) -> None:
    rate_limiter = LocalRateLimiter(1)
    slot = opened(rate_limiter, clock)
    slot.sent()
    # It does not wait for the answer much longer.
    take(rate_limiter, clock, 60)
    assert clock.monotonic() == pytest.approx(0.5 + 1 + NEWCOMER)


@pytest.mark.parametrize(("took", "later"), [(0.25, LEAST_MARGIN), (0.4, 0.15 + LEAST_MARGIN)])
def test_the_response_sets_the_margin(clock: ManualClock, took: float, later: float) -> None:
    rate_limiter = LocalRateLimiter(1)
    for _ in range(60):
        slot = rate_limiter.wait(clock, 60)
        assert isinstance(slot, TakenSlot)
        clock.advance(0.25)
        slot.done(clock.monotonic())
        clock.advance(2)
    slot = opened(rate_limiter, clock)
    slot.sent()
    sent = clock.monotonic()
    clock.advance(took)
    slot.done(clock.monotonic())
    take(rate_limiter, clock, 60)
    assert clock.monotonic() == pytest.approx(sent + 1 + later)


def slot_of(limiter: LocalRateLimiter, clock: ManualClock, patience: float = 0.0) -> TakenSlot:
    slot = limiter.wait(clock, patience)
    assert isinstance(slot, TakenSlot)
    return slot


def test_a_call_that_leaves_late_takes_its_slot_again(clock: ManualClock) -> None:
    limiter = LocalRateLimiter(2)
    late, _ = slot_of(limiter, clock), slot_of(limiter, clock)
    clock.advance(LATE)
    late.leaving()
    assert (late.left, late.waited) == (0, 0), "it is late, but not very"
    clock.advance(0.5)
    late.leaving()
    assert (late.left, late.waited) == (0.5 + LATE, 0), "nobody had its slot yet"
    slot_of(limiter, clock, 10)
    assert clock.monotonic() == pytest.approx(1.5 + LATE + MARGIN), "counted from when it left"


def test_a_call_that_leaves_after_its_successor_waits_for_another_slot(clock: ManualClock) -> None:
    limiter = LocalRateLimiter(1)
    late = slot_of(limiter, clock)
    clock.advance(1.5)
    slot_of(limiter, clock)
    late.leaving()
    assert late.left == clock.monotonic() == pytest.approx(2.5 + MARGIN)
    assert late.waited == pytest.approx(1 + MARGIN)


def test_a_call_that_was_sent_late_counts_from_then_on(clock: ManualClock) -> None:
    """Between the last look at its slot and its sending; its response may be read late as well."""
    limiter = LocalRateLimiter(1)
    late = slot_of(limiter, clock)
    late.leaving()
    clock.advance(0.5)
    late.sent()
    slot_of(limiter, clock, 10)
    assert clock.monotonic() == pytest.approx(1.5 + MARGIN)


def test_a_late_call_does_not_wait_for_long(clock: ManualClock) -> None:
    limiter = LocalRateLimiter(1)
    late = slot_of(limiter, clock)
    clock.advance(1.5)
    limiter.hold(clock, 300)
    late.leaving()
    assert (clock.monotonic(), late.left) == (1.5, 0)


def test_a_late_call_over_a_new_connection_has_its_slot_still(clock: ManualClock) -> None:
    limiter = LocalRateLimiter(1)
    late = slot_of(limiter, clock)
    late.opening()
    clock.advance(1.5)
    assert isinstance(limiter.wait(clock, 0), Refusal)
    late.leaving()
    assert late.left == 0


def test_of_a_session_that_does_not_tell_it_the_answer_is_waited_for(clock: ManualClock) -> None:
    rate_limiter = LocalRateLimiter(1)
    opened(rate_limiter, clock)
    take(rate_limiter, clock, 60)
    assert clock.monotonic() == pytest.approx(OPENING, abs=LOOK)
    clock.advance(60)
    slot, begun = opened(rate_limiter, clock), clock.monotonic() - 0.5
    slot.done(clock.monotonic())
    take(rate_limiter, clock, 60)
    assert clock.monotonic() == pytest.approx(begun + 1 + 0.5 + LEAST_MARGIN)


def test_two_clients_share_one_pace(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    rate_limiter = LocalRateLimiter()
    one, two = (
        make({"access_token": sandbox.issue_long_lived()}, rate_limiter=rate_limiter)
        for _ in range(2)
    )
    for _ in range(10):
        one.request.get("/api/v4/account")
        two.request.get("/api/v4/account")
    assert sandbox.busiest_second() == 7
    # Two bursts later; the later, the less the answers leave in doubt.
    assert 2.0 < clock.monotonic() < 2.1


def test_without_a_pace_the_portal_has_to_say_no(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=None)
    for _ in range(8):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["429"] == 1


def test_an_own_rate(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()}, rate_limiter=2)
    for _ in range(3):
        crm.request.get("/api/v4/account")
    assert clock.monotonic() == pytest.approx(1.05)


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan"), True, "7"])
def test_a_rate_is_a_number_of_calls_per_second(rate: Any) -> None:
    with pytest.raises(ConfigurationError, match="calls per second"):
        LocalRateLimiter(rate)


@pytest.mark.parametrize("rate", [0.001, 1000])
def test_rates_on_the_border_are_rates(rate: float, clock: ManualClock) -> None:
    assert take(LocalRateLimiter(rate), clock) == 0.0


def test_a_slot_beyond_patience_is_not_reserved(clock: ManualClock) -> None:
    rate_limiter = LocalRateLimiter(1)
    assert take(rate_limiter, clock) == 0.0
    early = 1 + LEAST_MARGIN
    assert refused(rate_limiter, clock, early - 0.001) == pytest.approx(early)
    assert clock.monotonic() == 0.0
    # It may look when the answer can have come, and has no patience left when it has not.
    assert refused(rate_limiter, clock, early) == pytest.approx(0.045)
    assert take(rate_limiter, clock, 5) > 0


def test_a_pause_is_for_all_who_share_the_pace(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.inject("too_many", path="/api/", retry_after=QUEUE_PATIENCE + 1)
    with pytest.raises(RateLimitedError) as refusal:
        crm.request.get("/api/v4/account")
    assert refusal.value.retry_after == QUEUE_PATIENCE + 1
    calls = len(sandbox.log)
    with pytest.raises(
        RateLimitedError, match="was not sent: the rate limit would delay it by 121 s"
    ):
        crm.request.get("/api/v4/account")
    assert len(sandbox.log) == calls
    clock.advance(1)
    assert crm.request.get("/api/v4/account").info.status_code == 200


def test_a_short_pause_is_waited_out(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    crm = make({"access_token": sandbox.issue_long_lived()})
    sandbox.inject("too_many", "POST", "/api/", retry_after=20)
    assert crm.request.post("/api/v4/leads", [{"name": "x"}]).info.status_code == 200
    assert clock.monotonic() == pytest.approx(20)
    assert len(sandbox.leads()) == 1


def test_a_block_of_an_account_refuses_its_calls_until_one_comes_through(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    rate_limiter = LocalRateLimiter()
    one, two = (
        make({"access_token": sandbox.issue_long_lived()}, rate_limiter=rate_limiter)
        for _ in range(2)
    )
    sandbox.inject("forbidden", path="/api/", times=2)
    with pytest.raises(BlockedError, match=r"blocks this account.* support to unblock it") as block:
        one.request.get("/api/v4/account")
    assert block.value.retry_after == BLOCK_PAUSE
    clock.advance(10)
    with pytest.raises(
        BlockedError, match=r"was not sent: .* the account example.amocrm.ru .* in 50 s .*support"
    ) as refusal:
        two.request.get("/api/v4/account")
    assert refusal.value.retry_after == pytest.approx(50)
    assert refusal.value.retryable
    assert len(sandbox.log) == 1
    clock.advance(50)
    with pytest.raises(BlockedError, match="the id of the request") as block:
        two.request.get("/api/v4/account")
    assert block.value.retry_after == 5 * BLOCK_PAUSE
    clock.advance(5 * BLOCK_PAUSE)
    assert one.request.get("/api/v4/account").info.status_code == 200
    assert two.request.get("/api/v4/account").info.status_code == 200
    assert (one.stats.refused, two.stats.refused) == (0, 1)


def test_a_block_of_an_account_stops_no_other_account(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    one, other = (
        make({"access_token": sandbox.issue_long_lived(name)}, name)
        for name in ("example", "other")
    )
    sandbox.inject("forbidden", path="/api/")
    with pytest.raises(BlockedError):
        one.request.get("/api/v4/account")
    with pytest.raises(BlockedError, match="was not sent"):
        one.request.get("/api/v4/account")
    assert other.request.get("/api/v4/account").info.status_code == 200


def test_a_block_of_the_address_at_kommo_stops_all_accounts(clock: ManualClock) -> None:
    sandbox = Sandbox(("a.kommo.com", "b.kommo.com"), clock=clock)
    one, other = (
        AmoCRM(
            f"{name}.kommo.com", {"access_token": sandbox.issue_long_lived(name)},
            session=sandbox.session(), clock=clock,
        )
        for name in ("a", "b")
    )  # fmt: skip
    sandbox.inject("forbidden", path="/api/")
    with pytest.raises(BlockedError, match=r"blocks this IP address.* send fewer"):
        one.request.get("/api/v4/account")
    with pytest.raises(BlockedError, match="was not sent: amoCRM blocks this IP address"):
        other.request.get("/api/v4/account")


def test_accounts_of_amocrm_ru_have_limits_of_their_own_and_those_of_kommo_share_one(
    clock: ManualClock,
) -> None:
    for zone, seconds in (("amocrm.ru", 0.0), ("kommo.com", 1.05)):
        sandbox = Sandbox((f"a.{zone}", f"b.{zone}"), clock=clock)
        clients = [
            AmoCRM(
                f"{name}.{zone}", {"access_token": sandbox.issue_long_lived(name)},
                session=sandbox.session(), clock=clock,
            )
            for name in ("a", "b")
        ]  # fmt: skip
        began = clock.monotonic()
        for _ in range(7):
            for crm in clients:
                crm.request.get("/api/v4/account")
        assert clock.monotonic() - began == pytest.approx(seconds)
        assert sandbox.counters["429"] == 0
        assert sandbox.rate_limiter.scopes["account:a"].passed == 7


def test_a_429_holds_its_account_alone(make: Make, sandbox: Sandbox, clock: ManualClock) -> None:
    one, other = (
        make({"access_token": sandbox.issue_long_lived(name)}, name)
        for name in ("example", "other")
    )
    sandbox.inject("too_many", path="/api/", retry_after=QUEUE_PATIENCE + 1)
    with pytest.raises(RateLimitedError):
        one.request.get("/api/v4/account")
    assert other.request.get("/api/v4/account").info.status_code == 200
    with pytest.raises(RateLimitedError, match="was not sent"):
        one.request.get("/api/v4/account")


def test_a_turn_whose_owner_was_interrupted_stops_nobody(clock: ManualClock) -> None:
    class Interrupted(ManualClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    rate_limiter = LocalRateLimiter(1)
    impatient = Interrupted()
    take(rate_limiter, impatient)
    with pytest.raises(KeyboardInterrupt):
        rate_limiter.wait(impatient, 9)
    assert take(rate_limiter, clock, 9) == pytest.approx(2 + 2 * LEAST_MARGIN)


def test_threads_never_exceed_the_rate_on_the_real_clock() -> None:
    rate_limiter, clock = LocalRateLimiter(7), SystemClock()
    gate, moments = threading.Barrier(15), list[Moment]()

    def work(_: int) -> None:
        gate.wait()
        slot = rate_limiter.wait(clock, 60)
        assert isinstance(slot, TakenSlot)
        moments.append(moment(slot))

    with ThreadPoolExecutor(15) as pool:
        list(pool.map(work, range(15)))
    assert too_many(moments, 7, slack=0.0) == []


def test_the_facade_s_pace_is_the_documented_limit(
    sandbox: Sandbox, make: Make, clock: ManualClock
) -> None:
    crm: AmoCRM = make({"access_token": sandbox.issue_long_lived()})
    for _ in range(8):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["429"] == 0
    assert clock.monotonic() == pytest.approx(1.05)


def test_clients_of_one_process_share_one_pace(
    sandbox: Sandbox, make: Make, clock: ManualClock
) -> None:
    clients = [make({"access_token": sandbox.issue_long_lived()}) for _ in range(4)]
    for _ in range(4):
        for crm in clients:
            crm.request.get("/api/v4/account")
    assert sandbox.busiest_second() == 7
    assert sandbox.counters["429"] == 0


def test_a_test_server_and_a_time_of_ones_own_have_a_pace_of_their_own() -> None:
    clock, other = ManualClock(), ManualClock()
    zone = shared_rate_limiter("amocrm.ru", None)
    assert shared_rate_limiter("amocrm.ru", None) is zone
    assert shared_rate_limiter("kommo.com", None) is not zone
    assert shared_rate_limiter("http://127.0.0.1:1", None) is not zone
    ours = shared_rate_limiter("amocrm.ru", clock)
    assert ours is not zone
    assert shared_rate_limiter("amocrm.ru", clock) is ours
    assert shared_rate_limiter("amocrm.ru", other) is not ours


def test_only_the_pace_of_a_platform_outlives_its_clients() -> None:
    kept = weakref.ref(shared_rate_limiter("amocrm.com", None))
    gone = weakref.ref(shared_rate_limiter("http://127.0.0.1:2", None))
    own = weakref.ref(shared_rate_limiter("amocrm.com", ManualClock()))
    gc.collect()
    assert kept() is not None
    assert gone() is None
    assert own() is None


def test_a_client_made_for_each_call_does_not_begin_the_second_anew() -> None:
    """Not of one rate limiter's life, but of the process's: `with AmoCRM(...)` in a loop is
    common."""
    first = AmoCRM("a", {"access_token": "x"})
    rate_limiter = shared_rate_limiter("amocrm.ru", None)
    assert not isinstance(rate_limiter.wait(SystemClock(), 60), Refusal)
    del first
    gc.collect()
    assert shared_rate_limiter("amocrm.ru", None) is rate_limiter


@pytest.mark.parametrize(
    "settings", [{"rate_limiter": 7}, {"rate_limiter": None}, {"base_url": "http://a.test"}]
)
def test_what_is_set_is_not_shared_with_the_process(settings: dict[str, Any]) -> None:
    crm = AmoCRM("a", {"access_token": "x"}, **settings)
    assert crm._rate_limiter is not shared_rate_limiter("amocrm.ru", None)
