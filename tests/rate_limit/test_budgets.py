"""Many accounts share a rate limiter: none waits for another, and no budget is exceeded."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from amocrm import AmoCRM, ConfigurationError, LocalRateLimiter, RateLimits
from amocrm.rate_limit.budget import AMOCRM, KOMMO, Budget, budgets_of, limits_of
from amocrm.rate_limit.local import SWEEP_AT
from amocrm.rate_limit.window import Action, Window, check, reserve
from amocrm.sandbox import ManualClock
from amocrm.sandbox.http.rate_limit import RateLimits as Counted
from tests.rate_limit.crowd import Caller, Crowd

NOW, MARGIN = 100.0, 0.05


def counted(limits: RateLimits) -> Counted:
    """Return the same limits as the sandbox writes them."""
    return Counted(*(None if limit is None else int(limit) for limit in limits))


def callers(
    limits: RateLimits, accounts: int = 50, integrations: int = 1, each: int = 8
) -> list[tuple[Caller, tuple[Budget, ...]]]:
    """Return some callers of every integration in every account, with their budgets."""
    everybody = [
        Caller(f"account{account}", f"integration{integration}")
        for account in range(accounts)
        for integration in range(integrations)
    ]
    return [
        (one, budgets_of(limits, one.integration, one.account, "amocrm.ru"))
        for one in everybody
        for _ in range(each)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("limits", "integrations"),
    [
        (RateLimits(7, None, None), 1),
        (RateLimits(7, 50, None), 10),
        (RateLimits(None, 50, None), 2),
        (RateLimits(None, None, 7), 1),
        (RateLimits(7, 10, 20), 3),
    ],
)
def test_no_budget_is_ever_exceeded_as_the_server_counts(
    limits: RateLimits, integrations: int, seed: int
) -> None:
    everybody = callers(limits, 50 if integrations == 1 else 5, integrations)
    # Calls that one budget counts are about equally long under way, but for the jitter.
    latency = (0.25, 0.25) if limits.per_address else (0.05, 0.6)
    crowd = Crowd(counted(limits), everybody, latency, seed)
    crowd.run(6.0)
    assert crowd.refused() == []
    most = dict(zip(("integration", "account", "address"), limits, strict=True))
    busiest = {"integration": 0, "account": 0, "address": 0}
    for name, scope in crowd.server.scopes.items():
        kind = name.partition(":")[0]
        busiest[kind] = max(busiest[kind], scope.busiest)
    for kind, limit in most.items():
        assert limit is None or busiest[kind] <= limit
    # And it is used: the narrowest limit is reached.
    assert any(busiest[kind] == limit for kind, limit in most.items() if limit)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("late", [0.5, 3.0])
def test_calls_that_leave_late_exceed_no_budget(late: float, seed: int) -> None:
    """As when the process has more to do than its core can."""
    limits = RateLimits(7, 50, None)
    crowd = Crowd(counted(limits), callers(limits, 20, each=10), (0.25, 0.25), seed, late)
    crowd.run(20.0)
    assert crowd.refused() == []
    assert len(crowd.sent) > 20 * 20 * 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limits", [RateLimits(7, None, None), RateLimits(7, 50, None)])
def test_no_call_of_an_account_waits_because_of_another_account(
    limits: RateLimits, seed: int
) -> None:
    everybody = callers(limits)
    alone = Crowd(Counted(), everybody[:8], (0.25, 0.25), seed)
    among = Crowd(Counted(), everybody, (0.25, 0.25), seed)
    for crowd in (alone, among):
        crowd.run(8.0)
    expected, seen = alone.of("account0"), among.of("account0")
    assert [one.at for one in seen] == [one.at for one in expected]


def test_accounts_that_are_held_or_blocked_or_queue_delay_no_other(clock: ManualClock) -> None:
    limiter = LocalRateLimiter()
    held, blocked, crowded, free = (
        limiter.scoped(lambda name=name: budgets_of(AMOCRM, "one", name, "amocrm.ru"))  # type: ignore[misc]
        for name in ("held", "blocked", "crowded", "free")
    )
    held.hold(clock, 300)
    blocked.block(clock, 300)
    for _ in range(100):
        crowded.reserve(clock, 60, crowded.budgets)
    turns = [free.reserve(clock, 0, free.budgets).action for _ in range(7)]
    assert turns == [Action.GO] * 7
    assert held.reserve(clock, 60, held.budgets).action is Action.TOO_FAR
    assert blocked.reserve(clock, 1e3, blocked.budgets).action is Action.BLOCKED


def test_who_waits_in_the_narrow_window_holds_no_slot_of_the_wide_one() -> None:
    narrow, other, wide = Window(1), Window(1), Window(2)
    assert reserve([narrow, wide], NOW, 60, MARGIN).action is Action.GO
    waiting = reserve([narrow, wide], NOW, 60, MARGIN)
    assert (waiting.action, waiting.numbers) == (Action.WAIT, (1, -1))
    assert reserve([other, wide], NOW, 60, MARGIN).action is Action.GO


def test_who_waits_in_the_wide_window_takes_the_narrow_slot_along() -> None:
    narrow, wide = Window(1), Window(1)
    assert reserve([wide], NOW, 60, MARGIN).action is Action.GO
    first = reserve([narrow, wide], NOW, 60, MARGIN)
    second = reserve([narrow, wide], NOW, 60, MARGIN)
    assert first.action is second.action is Action.WAIT
    assert second.numbers[1] == -1
    assert check([narrow, wide], first.numbers, NOW + 1.05, MARGIN).action is Action.GO
    # The narrow second begins where the first one was sent.
    assert check([narrow, wide], second.numbers, NOW + 2.09, MARGIN).action is Action.WAIT
    assert check([narrow, wide], second.numbers, NOW + 2.1, MARGIN).action is Action.GO


def test_a_refusal_in_the_wide_window_gives_the_narrow_slot_back() -> None:
    narrow, wide = Window(1), Window(1)
    reserve([wide], NOW, 60, MARGIN)
    assert reserve([narrow, wide], NOW, 0.5, MARGIN).action is Action.TOO_FAR
    wide.block(NOW, 60)
    assert reserve([narrow, wide], NOW, 60, MARGIN).action is Action.BLOCKED
    assert reserve([narrow], NOW, 0, MARGIN).action is Action.GO


def test_a_blocked_or_held_wide_window_refuses_at_once_whoever_waits_in_the_narrow_one() -> None:
    narrow, wide = Window(1), Window(7)
    reserve([narrow, wide], NOW, 60, MARGIN)
    wide.block(NOW, 30)
    assert reserve([narrow, wide], NOW, 60, MARGIN).action is Action.BLOCKED
    wide.unblock()
    wide.hold(NOW + 100)
    refused = reserve([narrow, wide], NOW, 60, MARGIN)
    assert (refused.action, refused.away) == (Action.TOO_FAR, 100.0)


def test_a_hold_of_the_narrow_window_frees_the_wide_slot() -> None:
    narrow, other, wide = Window(1), Window(1), Window(1)
    reserve([wide], NOW, 60, MARGIN)
    waiting = reserve([narrow, wide], NOW, 60, MARGIN)
    narrow.hold(NOW + 30)
    held = check([narrow, wide], waiting.numbers, NOW + 1.05, MARGIN)
    assert (held.action, held.held, held.numbers[1]) == (Action.WAIT, True, -1)
    assert reserve([other, wide], NOW + 1.05, 0, MARGIN).action is Action.GO


def known(limiter: LocalRateLimiter) -> dict[str, Window]:
    return limiter._windows.by_key


def test_windows_that_are_idle_are_dropped_and_the_others_kept(clock: ManualClock) -> None:
    limiter = LocalRateLimiter()

    def call(number: int) -> None:
        budgets = (Budget(f"account:{number}", 7),)
        assert limiter.reserve(clock, 0, budgets).action is Action.GO

    limiter.scoped(lambda: (Budget("blocked", 7),)).block(clock, 1)
    limiter.scoped(lambda: (Budget("held", 7),)).hold(clock, 1e5)
    for number in range(10_000):
        call(number)
        clock.advance(0.1)
    assert len(known(limiter)) <= 2 * SWEEP_AT
    assert {"blocked", "held"} <= set(known(limiter))


def test_a_call_whose_windows_are_new_is_counted_in_each(clock: ManualClock) -> None:
    """Also if the second one makes the limiter drop what is idle: the first is not used yet."""
    limiter = LocalRateLimiter()
    limiter.reserve(clock, 0, (Budget("address:amocrm.ru", 7),))
    for number in range(3 * SWEEP_AT):
        budgets = budgets_of(AMOCRM, "one", f"account{number}", "amocrm.ru")
        turns = [limiter.reserve(clock, 0, budgets) for _ in range(8)]
        assert [one.action for one in turns] == [Action.GO] * 7 + [Action.TOO_FAR]


def test_a_window_is_at_most_a_kilobyte(clock: ManualClock) -> None:
    limiter = LocalRateLimiter()
    for _ in range(500):
        limiter.reserve(clock, 0, (Budget("account:example.amocrm.ru", 7),))
        clock.advance(0.1)
    ((key, window),) = known(limiter).items()
    assert sys.getsizeof(window) + sys.getsizeof(window.ring) + sys.getsizeof(key) <= 1024 - 100


def test_a_late_response_changes_no_slot_of_a_later_window(clock: ManualClock) -> None:
    limiter = LocalRateLimiter()
    budgets = (Budget("account:a", 1),)
    late = limiter.reserve(clock, 0, budgets)
    clock.advance(10)
    for number in range(2 * SWEEP_AT):
        limiter.reserve(clock, 0, (Budget(f"account:{number}", 1),))
        clock.advance(10)
    assert limiter.reserve(clock, 0, budgets).action is Action.GO
    limiter.note_margin(clock, late.numbers, 100.0, budgets)
    clock.advance(1.2)
    assert limiter.reserve(clock, 0, budgets).action is Action.GO


def test_each_platform_counts_as_documented() -> None:
    assert limits_of("amocrm.ru") == AMOCRM == RateLimits() == (7, 50, None)
    assert limits_of("kommo.com") == limits_of("amocrm.com") == KOMMO == (None, None, 7)


@pytest.mark.parametrize(
    ("domain", "auth", "settings", "budgets"),
    [
        (
            "a", {"client_id": "id", "client_secret": "s", "redirect_uri": "https://x.test/"}, {},
            [
                ("integration:id:a.amocrm.ru", 7, False), ("account:a.amocrm.ru", 50, False),
                ("address:amocrm.ru", 7, True),
            ],
        ),
        ("a.kommo.com", {"access_token": "t"}, {}, [("address:kommo.com", 7, False)]),
        ("a.amocrm.com", {"access_token": "t"}, {}, [("address:amocrm.com", 7, False)]),
        (
            "a", {"access_token": "t"}, {"rate_limits": RateLimits(None, 20)},
            [("account:a.amocrm.ru", 20, False)],
        ),
        ("a", {"access_token": "t"}, {"rate_limiter": 5}, [("", 5, False)]),
        ("a", {"access_token": "t"}, {"rate_limiter": LocalRateLimiter(3)}, [("", 3, False)]),
    ],
)  # fmt: skip
def test_the_budgets_of_a_client(
    domain: str, auth: Any, settings: dict[str, Any], budgets: list[tuple[str, float, bool]]
) -> None:
    limiter: Any = AmoCRM(domain, auth, **settings)._rate_limiter
    assert list(limiter.budgets) == budgets


def test_a_token_of_an_integration_has_the_budget_of_its_client_id(sandbox: Any) -> None:
    client_id = sandbox.integration.client_id
    crm: Any = AmoCRM("a", {"access_token": sandbox.issue_long_lived()})
    assert crm._rate_limiter.budgets[0].key == f"integration:{client_id}:a.amocrm.ru"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate_limits": 7}, "RateLimits"),
        ({"rate_limits": RateLimits(0)}, "calls per second"),
        ({"rate_limits": RateLimits(None, None, None)}, "counts nothing"),
        ({"rate_limits": RateLimits(), "rate_limiter": 7}, "rate of its own"),
        ({"rate_limits": RateLimits(), "rate_limiter": None}, "rate of its own"),
        ({"rate_limits": RateLimits(), "rate_limiter": LocalRateLimiter(7)}, "rate of its own"),
    ],
)
def test_wrong_limits_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        AmoCRM("a", {"access_token": "t"}, **settings)
