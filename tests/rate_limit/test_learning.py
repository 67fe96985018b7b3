"""Whether the server counts the address: the rule, and what it costs to find out."""

from __future__ import annotations

import logging

import pytest

from amocrm import RateLimits
from amocrm.rate_limit.budget import Budget, budgets_of
from amocrm.rate_limit.learning import (
    COUNTED_SECONDS,
    NOTHING_KNOWN,
    SAME_SECOND,
    TEST_PAUSE,
    TEST_SPAN,
    Counting,
    Knowledge,
    after_refusal,
    after_responses,
    free,
)
from amocrm.sandbox.http.rate_limit import RateLimits as Counted
from tests.rate_limit.crowd import Caller, Crowd

NOW = 100.0
COUNTED = Knowledge(Counting.COUNTED, NOW + COUNTED_SECONDS, 2)


@pytest.mark.parametrize(
    ("before", "account", "after"),
    [
        (NOTHING_KNOWN, 1.0, Knowledge(Counting.UNKNOWN, NOW + TEST_PAUSE, 1, NOW, 1.0)),
        (
            Knowledge(Counting.UNKNOWN, 0.0, 1, NOW - 50, 1.0), 1.0,
            Knowledge(Counting.UNKNOWN, NOW + TEST_PAUSE, 2, NOW, 1.0),
        ),
        (Knowledge(Counting.UNKNOWN, 0.0, 2, NOW - 50, 1.0), 1.0, COUNTED),
        (Knowledge(Counting.UNKNOWN, 0.0, 1, NOW - 50, 2.0), 1.0, COUNTED),
        (Knowledge(Counting.FREE), 1.0, Knowledge(Counting.FREE, 0.0, 0, NOW, 1.0)),
        (
            Knowledge(Counting.FREE, 0.0, 0, NOW - 0.1, 1.0), 1.0,
            Knowledge(Counting.FREE, 0.0, 0, NOW, 1.0),
        ),
        (Knowledge(Counting.FREE, 0.0, 0, NOW - SAME_SECOND, 2.0), 1.0, COUNTED),
        (
            Knowledge(Counting.FREE, 0.0, 0, NOW - SAME_SECOND - 0.01, 2.0), 1.0,
            Knowledge(Counting.FREE, 0.0, 0, NOW, 1.0),
        ),
        (COUNTED, 1.0, COUNTED),
        (Knowledge(Counting.COUNTED, NOW, 2), 1.0, COUNTED),
    ],
)  # fmt: skip
def test_what_a_refusal_teaches(before: Knowledge, account: float, after: Knowledge) -> None:
    assert after_refusal(before, NOW, account) == after


def test_refusals_of_two_accounts_while_others_are_answered_are_of_late_calls() -> None:
    before = Knowledge(Counting.FREE, 0.0, 0, NOW, 2.0)
    assert after_refusal(before, NOW, 1.0, is_flowing=True).known is Counting.FREE
    assert after_refusal(before, NOW, 1.0, is_flowing=False).known is Counting.COUNTED
    other = Knowledge(refused=2.0)
    assert after_refusal(other, NOW, 1.0, is_flowing=True).known is Counting.COUNTED


@pytest.mark.parametrize(
    ("before", "now", "rate"),
    [
        (NOTHING_KNOWN, NOW, 10),
        (Knowledge(Counting.UNKNOWN, NOW + 10, 1), NOW, 7),
        (Knowledge(Counting.UNKNOWN, NOW + 10, 1), NOW + 10, 9),
        (Knowledge(Counting.UNKNOWN, NOW + 10, 2), NOW + 10, 8),
        (Knowledge(Counting.FREE), NOW, None),
        (COUNTED, NOW, 7),
        (COUNTED, NOW + COUNTED_SECONDS, 8),
    ],
)
def test_how_many_calls_are_sent(before: Knowledge, now: float, rate: float | None) -> None:
    assert before.rate(now) == rate


@pytest.mark.parametrize(
    ("sent", "is_free"),
    [
        ([0.0] * 8, True),
        ([0.0] * 7, False),
        ([], False),
        ([*[0.0] * 7, TEST_SPAN], True),
        ([TEST_SPAN + 3, *[3.0] * 7, -5.0, 9.0], True),
        ([*[0.0] * 7, TEST_SPAN + 0.01], False),
    ],
)
def test_eight_answered_calls_in_a_second_show_a_free_address(
    sent: list[float], is_free: bool
) -> None:
    assert after_responses(sent) is is_free


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NOTHING_KNOWN, Counting.FREE),
        (Knowledge(Counting.UNKNOWN, NOW + 1, 1), Counting.UNKNOWN),
        (COUNTED, Counting.COUNTED),
        (Knowledge(Counting.FREE, 0.0, 0, NOW, 1.0), Counting.FREE),
    ],
)
def test_when_a_free_address_is_believed(before: Knowledge, after: Counting) -> None:
    assert free(before, NOW).known is after


def crowd(counted: Counted, accounts: int, seed: int, each: int = 4) -> Crowd:
    everybody: list[tuple[Caller, tuple[Budget, ...]]] = [
        (
            Caller(f"account{number}"),
            budgets_of(RateLimits(), "one", f"account{number}", "amocrm.ru", is_learning=True),
        )
        for number in range(accounts)
        for _ in range(each)
    ]
    return Crowd(counted, everybody, (0.25, 0.25), seed)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("accounts", [2, 3, 8])
@pytest.mark.parametrize(
    "counted",
    [Counted(7), Counted(None, 50), Counted(None, None, 7), Counted(7, 50, 7)],
    ids=["integration", "account", "address", "all"],
)
def test_three_refusals_at_most_until_it_has_found_out(
    counted: Counted, accounts: int, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "amocrm")
    calls = crowd(counted, accounts, seed)
    calls.run(40.0)
    assert len(calls.refused()) <= 3
    assert all(scope.blocked == 0 for scope in calls.server.scopes.values())
    early = [one.at for one in calls.refused()]
    calls.run(60.0)
    assert [one.at for one in calls.refused()] == early, "none after it has found out"
    is_counted = counted.per_address is not None
    assert calls.limiter.is_address_limited is is_counted
    assert caplog.text.count("amoCRM counts the calls of this IP address") == is_counted


def test_a_free_address_is_found_out_within_a_second_or_two() -> None:
    calls = crowd(Counted(7), 20, 0, each=8)
    calls.run(12.0)
    assert calls.refused() == []
    assert len([one for one in calls.sent if 2 < one.at <= 12]) >= 0.9 * 20 * 7 * 10


def test_refusals_of_one_account_limit_that_account_alone() -> None:
    calls = crowd(Counted(7), 10, 0, each=8)
    calls.run(5.0)
    # Somebody else uses the account's budget as well.
    for tenth in range(50, 80):
        calls.run(tenth / 10)
        calls.server.admit(calls.clock.monotonic(), "amocrm.ru", "account0", "one")
    calls.run(10.0)
    assert {one.caller.account for one in calls.refused()} == {"account0"}
    assert not calls.limiter.is_address_limited
    others = [one for one in calls.sent if one.at > 5 and one.caller.account != "account0"]
    assert len(others) >= 0.9 * 9 * 7 * 5


def test_calls_that_a_busy_process_sends_late_limit_no_address() -> None:
    calls = crowd(Counted(7), 10, 0, each=8)
    calls.run(5.0)
    for tenth in range(50, 90):
        calls.run(tenth / 10)
        for account in ("account0", "account1", "account2"):
            calls.server.admit(calls.clock.monotonic(), "amocrm.ru", account, "one")
    calls.run(12.0)
    assert len({one.caller.account for one in calls.refused()}) > 1
    assert not calls.limiter.is_address_limited


def test_a_counted_address_is_tested_again_with_one_call_after_an_hour() -> None:
    calls = crowd(Counted(None, None, 7), 3, 0)
    calls.run(40.0)
    before = len(calls.refused())
    assert calls.limiter.is_address_limited
    calls.pause(COUNTED_SECONDS)
    calls.run(COUNTED_SECONDS + 80.0)
    assert len(calls.refused()) == before + 1


def test_the_constants_are_those_the_manual_names() -> None:
    assert (TEST_SPAN, TEST_PAUSE, COUNTED_SECONDS, SAME_SECOND) == (0.9, 10, 3600, 1)
