"""What happens to one lead in a year: when it comes, moves on, and is won or lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from amocrm.sandbox.data.stages import is_ordinary
from amocrm.sandbox.data.state import LOST, WON, Account

HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
_OPENS, _CLOSES = 6, 16
"""Hours of an office in Moscow, by UTC."""

_STEP_DAYS = 6.0
_LOST, _STUCK, _WON_AT_END = 0.11, 0.03, 0.75
"""Chances: to be lost at any step, to stay where it is, to be won behind the last stage."""


@dataclass(frozen=True)
class Move:
    """A lead enters a stage."""

    at: int
    status_id: int


@dataclass(frozen=True)
class Story:
    """The way of one lead through its pipeline; its first move creates it."""

    pipeline_id: int
    moves: tuple[Move, ...]

    @property
    def begins(self) -> int:
        """When the lead comes."""
        return self.moves[0].at

    @property
    def ends(self) -> int:
        """When it moves for the last time."""
        return self.moves[-1].at

    @property
    def is_open(self) -> bool:
        """Whether it is neither won nor lost."""
        return self.moves[-1].status_id not in (WON, LOST)


def beginnings(count: int, now: int, rnd: random.Random) -> list[int]:
    """Return when leads come in the year before `now`, in order; there are more and more."""
    found = (now - int(YEAR * rnd.random() ** 1.3) for _ in range(count))
    return sorted(in_office(one, now, rnd) for one in found)


def in_office(moment: float, now: int, rnd: random.Random) -> int:
    """Move a moment into the working hours of its day, not behind `now`."""
    day = int(moment) - int(moment) % DAY
    return min(now, day + int((_OPENS + (_CLOSES - _OPENS) * rnd.random()) * HOUR))


def pipelines_of(account: Account) -> list[tuple[int, list[int]]]:
    """Return the pipelines that take leads, each with its ordinary stages in order."""
    found = [
        (int(number), [int(one["id"]) for one in account.statuses(number) if is_ordinary(one)])
        for number, pipeline in account.pipelines.items()
        if not pipeline["is_archive"]
    ]
    return [(number, stages) for number, stages in found if stages]


def draw_story(
    pipeline_id: int, stages: list[int], begins: int, now: int, rnd: random.Random
) -> Story:
    """Draw the way of one lead."""
    return Story(pipeline_id, tuple(_moves(stages, begins, now, rnd)))


def _moves(stages: list[int], at: int, now: int, rnd: random.Random) -> Iterator[Move]:
    yield Move(at, stages[0])
    for place in range(1, len(stages) + 1):
        if rnd.random() < _STUCK:
            return
        after = in_office(at + DAY * (0.1 + rnd.expovariate(1 / _STEP_DAYS)), now, rnd)
        at = max(at + 60, after)
        if at >= now:
            return
        if rnd.random() < _LOST:
            yield Move(at, LOST)
            return
        if place < len(stages):
            yield Move(at, stages[place])
        else:
            yield Move(at, WON if rnd.random() < _WON_AT_END else LOST)
