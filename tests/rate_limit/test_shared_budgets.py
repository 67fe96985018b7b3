"""Budgets in a file and in Redis behave as those of threads do."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from amocrm import LocalRateLimiter, RateLimiterError
from amocrm.rate_limit.budget import AMOCRM, Budget, budgets_of
from amocrm.rate_limit.file import SET_RECORDS, SETS, FileRateLimiter
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.rate_limit.window import Action, Turn
from amocrm.sandbox import ManualClock
from tests.rate_limit.test_contract import CLOCK, REDIS, MakePace, make, redis_name

__all__ = ["make"]


def account(name: str, *, learned: bool = False) -> tuple[Budget, ...]:
    return budgets_of(AMOCRM, "one", name, "amocrm.ru", is_learning=learned)


def told(turn: Turn) -> tuple[Any, ...]:
    """All of a turn but its numbers, which begin where each kind begins."""
    reserved = tuple(number >= 0 for number in turn.numbers)
    return turn.action, round(turn.away, 6), turn.held, turn.probe, reserved


@pytest.mark.parametrize("seed", range(6))
def test_a_file_does_what_threads_do(tmp_path: Path, seed: int) -> None:
    """The same steps, at random, on both: 3 accounts, holds, blocks, what is learned, late ones."""
    dice, clock = random.Random(seed), ManualClock()
    clock.advance(1000)
    pair: tuple[Any, Any] = (LocalRateLimiter(), FileRateLimiter(tmp_path / "limits"))
    waiting: list[tuple[tuple[Budget, ...], list[Turn]]] = []
    gone: list[tuple[tuple[Budget, ...], list[Turn]]] = []
    for _ in range(400):
        budgets = account(f"a{dice.randrange(3)}", learned=dice.random() < 0.3)
        act = dice.choice(
            ["reserve"] * 8 + ["check"] * 8 + ["note"] * 4 + ["hold", "block", "free"]
        )
        if act == "reserve":
            turns = [one.reserve(clock, 30, budgets) for one in pair]
        elif act == "check" and waiting:
            budgets, before = waiting.pop(dice.randrange(len(waiting)))
            turns = [
                one.check(clock, turn.numbers, budgets)
                for one, turn in zip(pair, before, strict=True)
            ]
        elif act == "note" and gone:
            budgets, before = gone.pop(dice.randrange(len(gone)))
            margin = dice.choice([0.005, 0.05, 0.3])
            for one, turn in zip(pair, before, strict=True):
                one.note_margin(clock, turn.numbers, margin, budgets)
            continue
        elif act in ("hold", "block"):
            seconds = dice.choice([0.1, 2.0])
            for one in pair:
                getattr(one, f"note_{act}")(clock, seconds, budgets)
            continue
        else:
            for one in pair:
                one.note_unblock(clock, budgets)
                if budgets[-1].learned and act == "free":
                    one.note_free(clock, budgets)
            clock.advance(dice.choice([0.01, 0.2, 1.1]))
            continue
        assert told(turns[0]) == told(turns[1])
        if turns[0].action is Action.WAIT:
            waiting.append((budgets, turns))
        elif turns[0].action is Action.GO:
            gone.append((budgets, turns))


def test_calls_of_an_account_share_its_budgets_and_delay_no_other(make: MakePace) -> None:
    one, two = make(None), make(None)
    for limiter in (one, two, one, two, one, two, one):
        assert limiter.reserve(CLOCK, 0, account("a")).action is Action.GO
    full = two.reserve(CLOCK, 60, account("a"))
    assert (full.action, full.numbers[1]) == (Action.WAIT, -1)
    assert two.reserve(CLOCK, 0, account("b")).action is Action.GO
    assert two.check(CLOCK, full.numbers, account("a")).action is Action.WAIT


def test_the_wide_budget_is_shared_and_takes_the_narrow_slot_along(make: MakePace) -> None:
    one, two = make(None), make(None)
    wide = Budget("account:a", 1)
    assert one.reserve(CLOCK, 0, (Budget("x", 7), wide)).action is Action.GO
    waiting = two.reserve(CLOCK, 60, (Budget("y", 1), wide))
    assert waiting.action is Action.WAIT
    assert min(waiting.numbers) >= 0
    assert 0.9 < waiting.away <= 1.005
    behind = one.reserve(CLOCK, 60, (Budget("y", 1), wide))
    assert (behind.action, behind.numbers[1]) == (Action.WAIT, -1)
    assert behind.away > 1.9


def test_holds_and_blocks_are_the_account_s(make: MakePace) -> None:
    one, two = make(None), make(None)
    one.note_hold(CLOCK, 30, account("held"))
    one.note_block(CLOCK, 30, account("blocked"))
    assert two.reserve(CLOCK, 5, account("held")).action is Action.TOO_FAR
    assert two.reserve(CLOCK, 60, account("blocked")).action is Action.BLOCKED
    assert two.reserve(CLOCK, 0, account("free")).action is Action.GO
    # Another integration in the held account is not held, and in the blocked one it is blocked.
    other = budgets_of(AMOCRM, "two", "held", "amocrm.ru")
    assert two.reserve(CLOCK, 0, other).action is Action.GO
    other = budgets_of(AMOCRM, "two", "blocked", "amocrm.ru")
    assert two.reserve(CLOCK, 0, other).action is Action.BLOCKED
    one.note_unblock(CLOCK, account("blocked"))
    assert two.reserve(CLOCK, 0, account("blocked")).action is Action.GO


def test_what_is_learned_is_shared(make: MakePace) -> None:
    one, two = make(None), make(None)
    accounts = [account(f"a{number}", learned=True) for number in range(11)]
    assert [two.reserve(CLOCK, 0, each).action for each in accounts[:10]] == [Action.GO] * 10
    waiting = two.reserve(CLOCK, 0, accounts[10])
    assert waiting.action is Action.WAIT
    assert waiting.away == pytest.approx(0.4)
    one.note_free(CLOCK, accounts[0])
    others = [account(f"b{number}", learned=True) for number in range(20)]
    assert [two.reserve(CLOCK, 0, each).action for each in others] == [Action.GO] * 20
    assert two.note_hold(CLOCK, 0.001, accounts[0]) is False
    assert one.note_hold(CLOCK, 0.001, accounts[1]) is True
    assert two.reserve(CLOCK, 60, account("c", learned=True)).action is Action.WAIT


def test_a_file_holds_thousands_of_accounts_and_reuses_what_is_idle(tmp_path: Path) -> None:
    clock, limiter = ManualClock(), FileRateLimiter(tmp_path / "limits")
    for number in range(SETS * SET_RECORDS + 500):
        if number % 1000 == 0:
            clock.advance(2)
        assert limiter.reserve(clock, 0, (Budget(f"account:{number}", 7),)).action is Action.GO
    assert os.stat(tmp_path / "limits").st_size <= 4096 + SETS * SET_RECORDS * 256


def test_a_file_without_room_says_so(tmp_path: Path) -> None:
    clock, limiter = ManualClock(), FileRateLimiter(tmp_path / "limits")
    for number in range(SETS * SET_RECORDS):
        limiter.reserve(clock, 0, (Budget(f"account:{number}", 7),))
    with pytest.raises(RateLimiterError, match="no room for another account"):
        limiter.reserve(clock, 0, (Budget("account:one more", 7),))


def test_a_window_larger_than_a_record_is_kept_behind_the_table(tmp_path: Path) -> None:
    clock, budgets = ManualClock(), (Budget("account:a", 50),)
    one, two = FileRateLimiter(tmp_path / "limits"), FileRateLimiter(tmp_path / "limits")
    for number in range(50):
        limiter = (one, two)[number % 2]
        assert limiter.reserve(clock, 0, budgets).action is Action.GO
    assert two.reserve(clock, 0, budgets).action is Action.TOO_FAR
    clock.advance(1.05)
    assert [one.reserve(clock, 0, budgets).action for _ in range(50)] == [Action.GO] * 50
    assert two.reserve(clock, 0, budgets).action is Action.TOO_FAR


def test_redis_has_two_keys_for_each_budget() -> None:
    import redis

    name, client = redis_name(), redis.Redis.from_url(REDIS)
    limiter = RedisRateLimiter(client, name)
    budgets = (Budget("account:a", 1000),)
    for _ in range(50):
        limiter.reserve(CLOCK, 0, budgets)
    keys = client.keys(f"*{name}*")
    expected = [f"{{{name}}}:pace:account:a", f"{{{name}}}:turns:account:a"]
    assert sorted(keys) == [key.encode() for key in expected]
    client.delete(*keys)
