"""Budgets in a file and in Redis behave as those of threads do."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from amocrm import LocalRateLimiter, RateLimiterError
from amocrm.rate_limit.base import BaseRateLimiter
from amocrm.rate_limit.budget import AMOCRM, Budget, budgets_of
from amocrm.rate_limit.file import SET_RECORDS, SETS, FileRateLimiter
from amocrm.rate_limit.redis import RedisRateLimiter
from amocrm.rate_limit.redis_script import SCRIPT, TIME
from amocrm.rate_limit.window import Action, Turn
from amocrm.sandbox import ManualClock
from tests.rate_limit.test_contract import CLOCK, MakePace, make, redis_name

__all__ = ["make"]


def account(name: str, *, learned: bool = False) -> tuple[Budget, ...]:
    return budgets_of(AMOCRM, "one", name, "amocrm.ru", is_learning=learned)


def told(turn: Turn) -> tuple[Any, ...]:
    """All of a turn but its time, and its numbers, which begin where each kind begins."""
    reserved = tuple(number >= 0 for number in turn.numbers)
    return turn.action, turn.held, turn.probe, reserved


class Walk:
    """Random steps that two rate limiters take at the same instants, and what they answer.

    Args:
        local: the windows of this process.
        other: those in a file or in Redis.
        now: is called with each new instant.
    """

    def __init__(
        self,
        local: LocalRateLimiter,
        other: BaseRateLimiter,
        seed: int,
        now: Callable[[float], object] = float,
    ) -> None:
        self.local, self.pair = local, (local, other)
        self.dice, self.clock, self.tell = random.Random(seed), ManualClock(), now
        self.waiting: list[tuple[tuple[Budget, ...], list[Turn]]] = []
        self.gone: list[tuple[tuple[Budget, ...], list[Turn]]] = []
        self.actions = Counter[Action]()
        self.advance(1000)

    def advance(self, seconds: float) -> None:
        self.clock.advance(round(seconds, 6))  # The clock of Redis has microseconds.
        self.tell(round(self.clock.monotonic(), 6))

    def run(self, steps: int) -> None:
        acts = {self.reserve: 16, self.check: 9, self.respond: 5, self.margin: 2, self.opening: 1,
                self.stop: 1, self.free: 1, self.later: 4}  # fmt: skip
        for act in self.dice.choices([*acts], [*acts.values()], k=steps):
            act()

    def budgets(self) -> tuple[Budget, ...]:
        return account(f"a{self.dice.randrange(3)}", learned=self.dice.random() < 0.3)

    def reserve(self) -> None:
        budgets, patience = self.budgets(), self.dice.choice([0, 1, 30])
        self.expect(budgets, [one.reserve(self.clock, patience, budgets) for one in self.pair])

    def check(self) -> None:
        if self.waiting:
            budgets, before = self.waiting.pop(self.dice.randrange(len(self.waiting)))
            if not self.is_kept(budgets, before[0]):
                return  # Its caller is taken for dead, at once here and a little later in Redis.
            if self.dice.random() < 0.6:
                self.advance(min(before[0].away, 3.0) + 1e-4)
            turns = [
                one.check(self.clock, turn.numbers, budgets)
                for one, turn in zip(self.pair, before, strict=True)
            ]
            self.expect(budgets, turns)

    def expect(self, budgets: tuple[Budget, ...], turns: list[Turn]) -> None:
        local, other = turns
        assert told(local) == told(other)
        assert local.away == pytest.approx(other.away, abs=3e-6)
        self.actions[local.action] += 1
        if local.action is Action.WAIT:
            self.waiting.append((budgets, turns))
        elif local.action is Action.GO:
            self.gone.append((budgets, turns))

    def respond(self) -> None:
        if self.gone:
            budgets, before = self.gone.pop(self.dice.randrange(len(self.gone)))
            margin, accepted = self.dice.choice([0.02, 0.05, 0.3]), self.dice.random() < 0.95
            answers = [
                one.note_response(self.clock, turn.numbers, margin, budgets, accepted)
                for one, turn in zip(self.pair, before, strict=True)
            ]
            assert answers[0] == answers[1]

    def is_kept(self, budgets: tuple[Budget, ...], turn: Turn) -> bool:
        """Whether no slot of a call was dropped."""
        windows = self.local._windows.by_key
        pairs = zip(budgets, turn.numbers, strict=True)
        return all(number < 0 or number >= windows[one.key].first for one, number in pairs)

    def is_running(self, budgets: tuple[Budget, ...], turn: Turn) -> bool:
        """Whether the second of a call has not ended: Redis forgets ended ones earlier."""
        windows, now = self.local._windows.by_key, self.clock.monotonic()
        pairs = [(windows.get(one.key), at) for one, at in zip(budgets, turn.numbers, strict=True)]
        return self.is_kept(budgets, turn) and all(
            number < 0 or window is None or window.ring[(2 * number + 1) % len(window.ring)] > now
            for window, number in pairs
        )

    def margin(self) -> None:
        if self.gone:
            budgets, before = self.dice.choice(self.gone)
            if not self.is_running(budgets, before[0]):
                return
            margin = self.dice.choice([0.05, 1.0])
            for one, turn in zip(self.pair, before, strict=True):
                one.note_margin(self.clock, turn.numbers, margin, budgets)

    def opening(self) -> None:
        if self.gone:
            budgets, before = self.dice.choice(self.gone)
            if not self.is_running(budgets, before[0]):
                return
            for one, turn in zip(self.pair, before, strict=True):
                one.note_opening(self.clock, turn.numbers, budgets)

    def stop(self) -> None:
        budgets, act = self.budgets(), self.dice.choice(["hold"] * 5 + ["block"])
        seconds = self.dice.uniform(0.1, 2.0)
        answers = [getattr(one, f"note_{act}")(self.clock, seconds, budgets) for one in self.pair]
        assert answers[0] == pytest.approx(answers[1], abs=3e-6)

    def free(self) -> None:
        budgets = self.budgets()
        for one in self.pair:
            one.note_unblock(self.clock, budgets)
        if budgets[-1].learned and self.dice.random() < 0.3:
            assert len({one.note_free(self.clock, budgets) for one in self.pair}) == 1

    def later(self) -> None:
        self.advance(self.dice.uniform(*self.dice.choice([(0.0, 0.02), (0.1, 0.3), (0.9, 1.2)])))


STEPS = 400


@pytest.mark.parametrize("seed", range(6))
def test_a_file_does_what_threads_do(tmp_path: Path, seed: int) -> None:
    """The same steps, at random, on both: 3 accounts, holds, blocks, what is learned, late ones."""
    walk = Walk(LocalRateLimiter(), FileRateLimiter(tmp_path / "limits"), seed)
    walk.run(STEPS)
    assert {Action.GO, Action.WAIT, Action.TOO_FAR} <= set(walk.actions)


class TimedRedisRateLimiter(RedisRateLimiter):
    """A rate limiter in Redis whose script reads the time from a key."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        super().__init__(client, name)
        script = SCRIPT.replace(TIME, f"{{redis.call('GET', '{{{name}}}:now'), '0'}}")
        self._script = client.register_script(script)


def walk_in_redis(client: redis.Redis, seed: int, steps: int) -> Walk:
    name = redis_name()
    other = TimedRedisRateLimiter(client, name)
    walk = Walk(
        LocalRateLimiter(), other, seed, lambda now: client.set(f"{{{name}}}:now", repr(now), 60)
    )
    walk.run(steps)
    keys = list(client.scan_iter(f"{{{name}}}:*", 1000))
    assert all(client.ttl(key) > 0 for key in keys)
    client.delete(*keys)
    return walk


@pytest.mark.parametrize("seed", range(6))
def test_redis_does_what_threads_do(client: redis.Redis, seed: int) -> None:
    walk = walk_in_redis(client, seed, STEPS)
    assert {Action.GO, Action.WAIT, Action.TOO_FAR} <= set(walk.actions)


@pytest.mark.endurance
@pytest.mark.parametrize("seed", range(100, 120))
def test_redis_does_what_threads_do_for_long(client: redis.Redis, seed: int) -> None:
    walk_in_redis(client, seed, 5 * STEPS)


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


@pytest.mark.parametrize("refused", [0, 1])
def test_processes_learn_together_from_their_responses(make: MakePace, refused: int) -> None:
    """Each of them sees too few to know that nobody counts the address."""
    limiters = make(None), make(None), make(None)
    accounts = [account(f"a{number}", learned=True) for number in range(11)]
    turns = [limiters[at % 3].reserve(CLOCK, 0, accounts[at]) for at in range(10)]
    assert {one.action for one in turns} == {Action.GO}
    known = [
        limiters[at % 3].note_response(
            CLOCK, turns[at].numbers, 0.03, accounts[at], is_accepted=at >= refused
        )
        for at in range(8)
    ]
    assert known == [False] * 7 + [not refused]
    last = limiters[2].reserve(CLOCK, 0, accounts[10])
    assert last.action is (Action.WAIT if refused else Action.GO)
    if not refused:
        assert limiters[1].note_response(
            CLOCK, turns[8].numbers, 0.03, accounts[8], is_accepted=True
        )


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


def test_redis_has_two_keys_for_each_budget(client: redis.Redis) -> None:
    name = redis_name()
    limiter = RedisRateLimiter(client, name)
    budgets = (Budget("account:a", 1000),)
    for _ in range(50):
        limiter.reserve(CLOCK, 0, budgets)
    keys = client.keys(f"*{name}*")
    expected = [f"{{{name}}}:pace:account:a", f"{{{name}}}:turns:account:a"]
    assert sorted(keys) == [key.encode() for key in expected]
    client.delete(*keys)
