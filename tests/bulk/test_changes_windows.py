"""Changes of listings that have no order by the time of the change: read in windows of time."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm import AmoCRM, ConfigurationError, UnexpectedReplyError
from amocrm.sandbox import ManualClock, Sandbox
from tests.bulk.test_changes import START, canned, client, numbers


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock, rps=None)


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    return client(portal, clock)


def add(crm: AmoCRM, times: list[int]) -> list[int]:
    tasks: Any = [{"text": "T", "complete_till": START, "updated_at": at} for at in times]
    return [int(one.unwrap() or 0) for one in crm.tasks.create_many(tasks)]


def edit(portal: Sandbox, number: int, at: int) -> None:
    portal.account().shelf("tasks")[number] |= {"text": "edited", "updated_at": at}


@pytest.mark.parametrize(
    "seconds",
    [
        [], [1], [250], [251], [3, 500, 3], [1000], [100] * 9, [0, 251, 0, 251], [1] * 600,
        [1, *[0] * 100_000, 300], [300, *[0] * 100_000, 1],
    ],
)  # fmt: skip
def test_all_of_them_once_oldest_change_first(
    portal: Sandbox, crm: AmoCRM, seconds: list[int]
) -> None:
    times = [START + at for at, count in enumerate(seconds) for _ in range(count)]
    newest = add(crm, times[::-1])[::-1]  # The ids are in another order than the changes.
    calls = len(portal.log)
    found = list(crm.changes("tasks"))
    assert [one["updated_at"] for one in found] == times
    assert sorted(one["id"] for one in found) == sorted(newest)
    parts = [count for count in seconds if count > 250]  # A second of several pages stands alone.
    parts.append(len(times) - sum(parts))
    pages = sum(-(-count // 250) for count in parts)
    assert len(portal.log) - calls <= (1 if pages <= 1 else 4 * pages + 1)


def test_a_checkpoint_goes_on_and_a_run_without_changes_costs_one_call(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    added = add(crm, [START + at for at in range(600)])
    assert numbers(crm.changes("tasks", checkpoint=kept)) == added
    calls = len(portal.log)
    assert numbers(crm.changes("tasks", checkpoint=kept)) == []
    assert len(portal.log) == calls + 1
    edit(portal, added[3], START + 599)
    late = add(crm, [START + 540])
    add(crm, [START + 538])
    assert numbers(crm.changes("tasks", checkpoint=kept)) == [*late, added[3]]


def test_customers_are_read_in_windows_too(portal: Sandbox, crm: AmoCRM) -> None:
    portal.account().customers_mode = "segments"
    added = [
        portal.add("customers", {"name": "C", "updated_at": START + at % 7}) for at in range(600)
    ]
    found = list(crm.changes("customers"))
    assert sorted(one["id"] for one in found) == added
    times = [one["updated_at"] for one in found]
    assert times == sorted(times)


def test_a_second_of_several_pages_is_read_until_nothing_moves(
    portal: Sandbox, crm: AmoCRM
) -> None:
    added = sorted(add(crm, [START] * 1000))  # Calls may arrive in another order.
    seen: list[int] = []
    for one in crm.changes("tasks"):
        seen.append(one["id"])
        if len(seen) == 490:
            for number in added[300:320]:
                edit(portal, number, START + 100)
    assert sorted(set(seen)) == added
    assert len(seen) == 1020


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=60),
    st.dictionaries(st.integers(0, 80), st.tuples(st.integers(0, 59), st.integers(13, 15))),
)
def test_whatever_is_edited_meanwhile_everything_is_seen_in_its_last_state(
    seconds: list[int], edits: dict[int, tuple[int, int]]
) -> None:
    clock = ManualClock()
    portal = Sandbox(clock=clock, rps=None)
    crm = client(portal, clock)
    added = add(crm, [START + at for at in seconds])
    seen: dict[int, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):  # The second run sees what was edited after the last page was read.
            with crm.changes("tasks", limit=7, checkpoint=Path(folder, "kept")) as changed:
                for count, one in enumerate(changed):
                    assert one["updated_at"] not in seen.setdefault(one["id"], [])
                    seen[one["id"]].append(one["updated_at"])
                    if count in edits and edits[count][0] < len(added):
                        edit(portal, added[edits[count][0]], START + edits[count][1])
            edits = {}
    tasks = portal.account().shelf("tasks")
    assert {number: states[-1] for number, states in seen.items()} == {
        number: task["updated_at"] for number, task in tasks.items()
    }


@pytest.mark.parametrize(("kind", "spread"), [("leads", 1), ("leads", 300), ("tasks", 7)])
def test_a_filter_of_many_ids_takes_several_calls(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path, kind: str, spread: int
) -> None:
    """Also where a second holds several pages, and with a checkpoint."""
    times = [START + at % spread for at in range(600)]
    if kind == "tasks":
        other, *added = sorted(add(crm, [START, *times]))
    else:
        other, *added = (
            portal.add(kind, {"name": "A", "updated_at": at}) for at in [START, *times]
        )
    resource: Any = getattr(crm, kind)

    def run(numbers: list[int]) -> list[Any]:
        with resource.changes(filter={"id": numbers}, checkpoint=tmp_path / "kept") as changed:
            return list(changed)

    found = run(added[::-1])
    assert sorted(one["id"] for one in found) == added
    assert [one["updated_at"] for one in found] == sorted(one["updated_at"] for one in found)
    assert max(len(one.query) for one in portal.log) < 4_200
    assert run(added[::-1]) == []
    for number in (added[5], other):
        portal.account().shelf(kind)[number]["updated_at"] = START + 10_000
    assert [one["id"] for one in run(added[::-1])] == [added[5]]
    same = crm.changes(kind, {"filter": {"id": added}}, since=START)
    assert sorted(one["id"] for one in same) == added


def test_a_listing_that_ignores_the_window_is_not_read(clock: ManualClock) -> None:
    items = [{"id": 1, "updated_at": START - 1}]
    with pytest.raises(UnexpectedReplyError, match="is_api_filter_enabled"):
        list(canned(items, clock).changes("tasks", since=START))


def trash(portal: Sandbox, clock: ManualClock, kind: str, *ids: int) -> None:
    clock.advance(100)
    for number in ids:
        portal.trash(kind, number)


def test_deleted_leads_are_those_of_the_recycle_bin(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    added = [portal.add("leads", {"name": "L"}) for _ in range(5)]
    with crm.changes("leads", deleted=True, checkpoint=kept) as deleted:
        assert list(deleted) == []
    trash(portal, clock, "leads", added[3], added[1])
    with crm.changes("leads", deleted=True, checkpoint=kept) as deleted:
        found = list(deleted)
    assert sorted(one["id"] for one in found) == [added[1], added[3]]
    for one in found:
        assert set(one) - {"_links"} == {"id", "updated_at", "updated_by", "is_deleted"}
        assert one["is_deleted"] is True
    assert numbers(crm.changes("leads", deleted=True, checkpoint=kept)) == []
    with pytest.raises(ConfigurationError, match=r"saved for .*leads \(deleted\)"):
        numbers(crm.changes("leads", checkpoint=kept))


@pytest.mark.parametrize(("path", "kind"), [("contacts", "contact"), ("companies", "company")])
def test_deletions_of_others_are_events(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock, tmp_path: Path, path: str, kind: str
) -> None:
    kept = tmp_path / "kept"
    added = [portal.add(path, {"name": "C"}) for _ in range(250)]
    other = portal.add("contacts" if path == "companies" else "companies", {"name": "D"})
    trash(portal, clock, "contacts" if path == "companies" else "companies", other)
    trash(portal, clock, path, *added[:240])
    with crm.changes(path, deleted=True, checkpoint=kept) as deleted:
        found = list(deleted)
    assert [one["entity_id"] for one in found] == added[:240]
    assert {one["type"] for one in found} == {f"{kind}_deleted"}
    trash(portal, clock, path, added[240])
    with crm.changes(path, deleted=True, checkpoint=kept) as deleted:
        assert [one["entity_id"] for one in deleted] == [added[240]]
    assert numbers(crm.changes(path, deleted=True, checkpoint=kept)) == []


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("contacts", "contact_deleted,contact_restored,entity_merged"),
        ("companies", "company_deleted,company_restored,entity_merged"),
        ("customers", "customer_deleted,entity_merged"), ("tasks", "task_deleted"),
    ],
)  # fmt: skip
def test_deletions_are_told_by_these_events(
    portal: Sandbox, crm: AmoCRM, path: str, types: str
) -> None:
    list(crm.changes(path, deleted=True, since=START))
    (seen,) = portal.log
    assert seen.path == "/api/v4/events"
    entity = {"companies": "company"}.get(path, path[:-1])
    for part in (f"entity={entity}", f"type={types}", f"from={START}", "limit=100"):
        assert part in seen.query.replace("%5B", "[").replace("%5D", "]").replace(
            "%2C", ","
        ).replace("filter[", "").replace("created_at][", "").replace("]", ""), seen.query
