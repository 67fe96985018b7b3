"""How many items one call has: the rule, and what it does to a run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, ForbiddenError, Refused, Unknown
from amocrm.bulk.batch_size import (
    HEAVY_SECONDS,
    QUICK,
    SLOW,
    BatchSize,
    after_answer,
    after_timeout,
    first_size,
)
from amocrm.bulk.context import REMEMBERED, BatchSizes
from amocrm.sandbox import FaultPlan, ManualClock, Sandbox

LEADS = "/api/v4/leads"
NOW = 1000.0
LATER = NOW + 0.01


@pytest.mark.parametrize(
    ("limit", "size", "grows"), [(250, 50, True), (50, 50, False), (10, 10, False)]
)
def test_the_first_size_is_the_recommended_one(limit: int, size: int, grows: bool) -> None:
    assert first_size(limit) == BatchSize(size, limit, grows)


@pytest.mark.parametrize(
    ("size", "items", "seconds", "becomes", "grows"),
    [
        (50, 50, 0.2, 100, True),
        (50, 50, QUICK, 100, True),
        (50, 50, QUICK + 0.1, 50, False),
        (100, 50, 0.2, 100, True),  # The other calls of the same size.
        (100, 100, 0.2, 200, True),
        (200, 200, 0.2, 250, False),
        (250, 250, SLOW, 250, False),
        (250, 250, SLOW + 0.1, 125, False),
        (125, 250, SLOW + 0.1, 125, False),  # The others that were in flight.
        (125, 250, 0.2, 125, True),  # Too large by now, whatever this one says.
        (250, 9, 0.2, 250, True),  # The rest of a run tells nothing of large calls.
        (250, 9, QUICK + 0.1, 250, True),
        (250, 9, SLOW + 0.1, 4, False),
        (1, 1, SLOW + 0.1, 1, False),
        (1, 1, 0.2, 2, True),
    ],
)
def test_the_size_after_an_answer(
    size: int, items: int, seconds: float, becomes: int, grows: bool
) -> None:
    known = after_answer(BatchSize(size, 250, True), items, seconds, NOW)
    assert (known.size, known.is_growing) == (becomes, grows)


@pytest.mark.parametrize(
    ("size", "items", "becomes"), [(250, 250, 125), (125, 250, 125), (50, 50, 25), (1, 1, 1)]
)
def test_a_504_halves_the_size_and_keeps_it(size: int, items: int, becomes: int) -> None:
    known = after_timeout(BatchSize(size, 250, True), items, NOW)
    assert (known.size, known.is_growing) == (becomes, False)
    assert after_answer(known, becomes, 0.2, LATER).size == becomes
    much_later = after_answer(known, becomes, 0.2, NOW + HEAVY_SECONDS)
    assert (much_later.size, much_later.is_growing) == (2 * becomes, 2 * becomes < 250)


def test_of_several_504_the_smallest_call_counts() -> None:
    known = after_timeout(BatchSize(200, 250, True), 200, NOW)
    known = after_timeout(after_timeout(known, 100, LATER), 200, LATER)
    assert (known.size, known.most(LATER)) == (50, 50)
    assert known.most(LATER + HEAVY_SECONDS) == 250
    again = after_timeout(known, 240, LATER + HEAVY_SECONDS)
    assert again.most(LATER + HEAVY_SECONDS) == 120


def test_a_quick_answer_of_twice_the_items_is_never_slow() -> None:
    """Otherwise the size would go up and down, if the seconds grow with the items."""
    assert 2 * QUICK < SLOW


def test_sizes_are_known_by_method_and_resource() -> None:
    known = BatchSizes()
    notes = known.of("POST", "/api/v4/leads/1/notes", 250)
    assert known.of("POST", "/api/v4/leads/22/notes", 250) is notes
    others = [("PATCH", "/api/v4/leads/1/notes"), ("POST", "/api/v4/leads"), ("POST", "/api/v4/1x")]
    assert all(known.of(method, path, 250) is not notes for method, path in others)
    for number in range(REMEMBERED):
        known.of("POST", f"/api/v4/path{number}", 250)
    assert known.of("POST", "/api/v4/leads/1/notes", 250) is not notes


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(rps=None, clock=clock)


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


def leads(count: int) -> list[dict[str, Any]]:
    return [{"name": f"Lead {number}"} for number in range(count)]


def updates(portal: Sandbox, count: int) -> list[dict[str, Any]]:
    return [{"id": portal.add("leads", {"name": "x"}), "price": at} for at in range(count)]


def kinds(outcomes: list[Any]) -> Counter[str]:
    return Counter(type(one).__name__ for one in outcomes)


def sizes(journal: Path) -> list[int]:
    """Return how many items each call of a run had."""
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    return [len(one["sent"]) for one in records if "sent" in one]


def test_it_grows_while_answers_are_quick_and_the_client_remembers(
    crm: AmoCRM, tmp_path: Path
) -> None:
    run, again, other = tmp_path / "run", tmp_path / "again", tmp_path / "other"
    list(crm.create_many(LEADS, leads(850), ahead=1, journal=run))
    assert sizes(run) == [50, 100, 200, 250, 250]
    twin = crm.as_user(crm.request.get("/api/v4/account").data["current_user_id"])
    list(twin.create_many(LEADS, leads(500), ahead=1, journal=again))
    assert sizes(again) == [250, 250]
    list(crm.create_many("/api/v4/contacts", leads(120), ahead=1, journal=other))
    assert sizes(other) == [50, 70]


def test_a_given_size_stays(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    run = tmp_path / "run"
    portal.inject("server_error", method="POST", status=504)
    assert kinds(list(crm.create_many(LEADS, leads(300), size=100, journal=run))) == {
        "Unknown": 100, "Created": 200,
    }  # fmt: skip
    assert sizes(run) == [100, 100, 100]


def test_slow_answers_halve_it(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    list(crm.create_many(LEADS, leads(350)))
    portal.faults = FaultPlan(latency=SLOW + 1)
    list(crm.create_many(LEADS, leads(400), ahead=1, journal=first))
    assert sizes(first) == [250, 125, 25]
    portal.faults = FaultPlan(latency=SLOW - 1)
    list(crm.create_many(LEADS, leads(36), ahead=1, journal=second))
    assert sizes(second) == [12, 12, 12]


def test_a_lost_answer_of_a_slow_call_halves_it(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    portal.inject("lost_after", method="POST")  # At once: this has nothing to do with the size.
    list(crm.create_many(LEADS, leads(100), ahead=1, journal=run))
    assert sizes(run) == [50, 50]
    portal.inject("trickle", method="POST", seconds=SLOW, pad=100)  # Until the client gives up.
    outcomes = list(crm.create_many(LEADS, leads(150), ahead=1, journal=tmp_path / "slow"))
    assert kinds(outcomes) == {"Unknown": 100, "Created": 50}
    assert sizes(tmp_path / "slow") == [100, 50]


def test_a_504_leaves_its_items_unknown_and_smaller_calls_follow(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    portal.inject("server_error", method="POST", times=99, more_than=120, status=504, effect=True)
    outcomes = list(crm.create_many(LEADS, leads(700), ahead=1, journal=run))
    assert sizes(run) == [50, 100, 200, 100, 100, 100, 50]
    assert [type(one) for one in outcomes[150:350]] == [Unknown] * 200
    assert kinds(outcomes) == {"Created": 500, "Unknown": 200}
    assert Counter(lead["name"] for lead in portal.leads()) == {
        f"Lead {at}": 1 for at in range(700)
    }
    resumed = list(crm.create_many(LEADS, leads(700), ahead=1, journal=run))
    assert [type(one) for one in resumed] == [type(one) for one in outcomes]
    assert len(sizes(run)) == 7, "nothing was sent again, in chunks of another size"


def test_what_is_too_heavy_is_divided_if_it_may_be_repeated(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    run, items = tmp_path / "run", updates(portal, 400)
    portal.inject("server_error", method="PATCH", times=99, more_than=60, status=504, effect=True)
    outcomes = list(crm.update_many(LEADS, items, retry="always", ahead=1, journal=run))
    assert kinds(outcomes) == {"Updated": 400}
    assert sizes(run) == [50, 100, 50, 50, *[50] * 5]
    assert sorted(lead["price"] for lead in portal.leads()) == list(range(400))


def test_parts_of_what_was_too_heavy_stay_unknown_until_they_are_answered(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    run, items = tmp_path / "run", updates(portal, 100)
    items[10]["price"] = "a lot"
    portal.inject("server_error", method="PATCH", more_than=50, status=504)
    portal.inject("forbidden", method="PATCH", path=LEADS, more_than=49)
    first = crm.update_many(LEADS, items, size=100, retry="always", journal=run)
    outcomes: list[Any] = []
    with pytest.raises(ForbiddenError):
        outcomes.extend(first)
    assert kinds(outcomes) == {"Unknown": 100}
    # Without the permission to repeat, a resumed run leaves them alone.
    assert kinds(list(crm.update_many(LEADS, items, journal=run))) == {"Unknown": 100}
    last = list(crm.update_many(LEADS, items, retry="always", journal=run))
    assert [at for at, one in enumerate(last) if isinstance(one, Refused)] == [10]
    assert kinds(last) == {"Updated": 99, "Refused": 1}
