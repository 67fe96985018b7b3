"""Changes: none missed, none twice in the same state, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm import AmoCRM, ConfigurationError, UnexpectedReplyError
from amocrm.progress import Progress
from amocrm.sandbox import ManualClock, Sandbox
from tests.canned import Canned, listing

LEADS = "/api/v4/leads"
START = 1_700_000_000


@pytest.fixture
def portal(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock, rps=None)


def client(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    auth: Any = {"access_token": portal.issue_long_lived()}
    return AmoCRM("example", auth, session=portal.session(), clock=clock, rate_limiter=None)


@pytest.fixture
def crm(portal: Sandbox, clock: ManualClock) -> AmoCRM:
    return client(portal, clock)


def add(portal: Sandbox, count: int, at: int) -> list[int]:
    return [portal.add("leads", {"name": "Lead", "updated_at": at}) for _ in range(count)]


def edit(portal: Sandbox, number: int, at: int) -> None:
    portal.account().entities["leads"][number] |= {"name": "edited", "updated_at": at}


def numbers(changes: Any) -> list[int]:
    return [one["id"] for one in changes]


@pytest.mark.parametrize(
    "seconds",
    [[], [1], [249], [250], [251], [250, 250], [3, 500, 3], [1000], [100] * 9, [0, 251, 0, 251]],
)
def test_all_of_them_once_oldest_change_first(
    portal: Sandbox, crm: AmoCRM, seconds: list[int]
) -> None:
    added = [one for at, count in enumerate(seconds) for one in add(portal, count, START + at)]
    assert numbers(crm.changes("leads")) == added
    assert numbers(crm.changes(LEADS)) == added


def test_since_is_the_first_second(portal: Sandbox, crm: AmoCRM) -> None:
    add(portal, 1, START - 1)
    wanted = add(portal, 1, START) + add(portal, 1, START + 1)
    changes = crm.changes("leads", since=START)
    assert repr(changes) == "<Changes of /api/v4/leads>"
    assert numbers(changes) == wanted


def test_one_page_costs_one_call(portal: Sandbox, crm: AmoCRM) -> None:
    add(portal, 250, START)
    list(crm.changes("leads"))
    assert len(portal.log) == 1


def test_a_checkpoint_goes_on_where_it_ended(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    first = add(portal, 300, START)
    assert numbers(crm.changes("leads", checkpoint=kept)) == first
    assert numbers(crm.changes("leads", checkpoint=kept)) == []
    late = add(portal, 1, START - 60)  # appears late, but within the overlap
    add(portal, 1, START - 61)  # too late
    second = add(portal, 1, START) + add(portal, 1, START + 5)
    assert numbers(client(portal, clock).changes("leads", checkpoint=kept)) == late + second
    edit(portal, first[7], START + 9)
    assert numbers(crm.changes("leads", checkpoint=kept)) == [first[7]]


def test_a_checkpoint_is_one_account_s(
    portal: Sandbox, crm: AmoCRM, clock: ManualClock, tmp_path: Path
) -> None:
    list(crm.changes("leads", checkpoint=tmp_path / "kept"))
    auth: Any = {"access_token": "x"}
    other = AmoCRM("other", auth, session=portal.session(), clock=clock)
    with pytest.raises(
        ConfigurationError, match=r"a walk through example\.amocrm\.ru/api/v4/leads"
    ):
        list(other.changes("leads", checkpoint=tmp_path / "kept"))


def test_a_checkpoint_is_one_query_s(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    kept, params = tmp_path / "kept", {"filter": {"name": "Lead"}, "with": "contacts"}
    added = add(portal, 2, START)
    assert numbers(crm.changes("leads", params, checkpoint=kept)) == added
    before = kept.read_bytes()
    with pytest.raises(ConfigurationError, match="saved with another filter and with"):
        list(crm.changes("leads", checkpoint=kept))
    assert kept.read_bytes() == before
    assert numbers(crm.changes("leads", params, limit=1, overlap=5, checkpoint=kept)) == []


def test_a_query_in_the_path_is_refused_and_not_left_out(crm: AmoCRM) -> None:
    with pytest.raises(ConfigurationError, match="without a query"):
        crm.changes("leads?with=contacts")
    with pytest.raises(ConfigurationError, match="without a query"):
        crm.create_many(f"{LEADS}?with=contacts", [])


@pytest.mark.parametrize(("overlap", "seen"), [(4, 0), (5, 1)])
def test_the_overlap_is_the_caller_s(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path, overlap: float, seen: int
) -> None:
    add(portal, 1, START)
    list(crm.changes("leads", checkpoint=tmp_path / "kept"))
    add(portal, 1, START - 5)
    again = crm.changes("leads", checkpoint=tmp_path / "kept", overlap=overlap)
    assert len(list(again)) == seen


def test_the_item_at_which_it_ended_comes_again(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    added = add(portal, 10, START)
    for at, one in enumerate(crm.changes("leads", checkpoint=tmp_path / "kept")):
        assert one["id"] == added[at]
        if at == 3:
            break
    with pytest.raises(ZeroDivisionError):
        [1 // (one["id"] - added[6]) for one in crm.changes("leads", checkpoint=tmp_path / "kept")]
    assert numbers(crm.changes("leads", checkpoint=tmp_path / "kept")) == added[6:]


def test_what_is_edited_meanwhile_comes_again_and_hides_nobody(
    portal: Sandbox, crm: AmoCRM
) -> None:
    # Twenty of the first page leave it while it is read: by page numbers twenty would be missed.
    added = add(portal, 600, START)
    seen: list[int] = []
    for one in crm.changes("leads"):
        seen.append(one["id"])
        if len(seen) == 240:
            for number in added[:20]:
                edit(portal, number, START + 100)
    assert seen == added + added[:20]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=60),
    st.dictionaries(st.integers(0, 80), st.tuples(st.integers(0, 59), st.integers(7, 9))),
)
def test_whatever_is_edited_meanwhile_everything_is_seen_in_its_last_state(
    seconds: list[int], edits: dict[int, tuple[int, int]]
) -> None:
    clock = ManualClock()
    portal = Sandbox(clock=clock, rps=None)
    crm = client(portal, clock)
    added = [add(portal, 1, START + at)[0] for at in sorted(seconds)]
    seen: dict[int, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        changes = crm.changes("leads", limit=7, checkpoint=Path(folder, "kept"))
        for count, one in enumerate(changes):
            assert one["updated_at"] not in seen.setdefault(one["id"], [])
            seen[one["id"]].append(one["updated_at"])
            if count in edits and edits[count][0] < len(added):
                edit(portal, added[edits[count][0]], START + edits[count][1])
        for one in changes:  # what was edited while the last page was dealt with
            assert one["updated_at"] not in seen[one["id"]]
            seen[one["id"]].append(one["updated_at"])
    assert {number: states[-1] for number, states in seen.items()} == {
        lead["id"]: lead["updated_at"] for lead in portal.leads()
    }


def test_more_of_the_query_is_the_caller_s(portal: Sandbox, crm: AmoCRM) -> None:
    wanted = add(portal, 2, START)
    number = portal.add("leads", {"name": "Other", "updated_at": START})
    portal.trash("leads", wanted[1])
    assert numbers(crm.changes("leads", {"filter": {"name": "Other"}})) == [number]
    assert numbers(crm.changes("leads", {"with": "only_deleted"})) == [wanted[1]]


@pytest.mark.parametrize(
    "params",
    [
        {"order": {"id": "asc"}}, {"page": 2}, {"limit": 5}, {"filter": {"updated_at": 5}},
        {"filter": "x"},
    ],
)  # fmt: skip
def test_what_it_needs_for_itself_is_refused(crm: AmoCRM, params: Any) -> None:
    with pytest.raises(ConfigurationError):
        crm.changes("leads", params)


@pytest.mark.parametrize("name", ["since", "overlap"])
@pytest.mark.parametrize("value", [-1, True, "x", 1e12, datetime.now(timezone.utc)])
def test_seconds_are_numbers(crm: AmoCRM, name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a number of seconds"):
        crm.changes("leads", None, **{name: value})
    assert list(crm.changes("leads", since=0, overlap=0)) == []


def canned(items: list[Any], clock: ManualClock) -> AmoCRM:
    server = Canned(lambda path, query: listing(path, query, items, more=False))
    return AmoCRM("example", {"access_token": "x"}, session=server.session(), clock=clock)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"id": 1, "updated_at": START - 1}], "is_api_filter_enabled"),
        ([{"id": 1, "updated_at": START + 1}, {"id": 2, "updated_at": START}], "not in the order"),
        ([{"id": 1}], "without id or updated_at"),
        ([{"updated_at": START}], "without id or updated_at"),
        ([5], "without id or updated_at"),
    ],
)
def test_a_listing_that_cannot_be_walked_is_not_walked(
    clock: ManualClock, items: list[Any], words: str
) -> None:
    with pytest.raises(UnexpectedReplyError, match=words):
        list(canned(items, clock).changes("leads", since=START))


def test_pages_that_are_all_the_same_are_noticed(clock: ManualClock) -> None:
    item = {"id": 1, "updated_at": START}
    server = Canned(lambda path, query: listing(path, query, [item], more=True))
    crm = AmoCRM("example", {"access_token": "x"}, session=server.session(), clock=clock)
    with pytest.raises(UnexpectedReplyError, match="the page before it"):
        list(crm.changes("leads", since=START))
    assert server.pages == [1, 2]


def test_no_listing_at_all(clock: ManualClock) -> None:
    session = Canned(lambda path, query: {"id": 1}).session()
    crm = AmoCRM("example", {"access_token": "x"}, session=session, clock=clock)
    with pytest.raises(UnexpectedReplyError, match="not a listing"):
        list(crm.changes("leads"))


def test_progress(portal: Sandbox, crm: AmoCRM) -> None:
    add(portal, 300, START)
    told: list[Progress] = []
    list(crm.changes("leads", progress=told.append))
    assert told[0].waiting_for == "changes from 0 on"
    assert told[-1].done == 300


KILLED = """
import sys
import tempfile
from amocrm import AmoCRM
crm = AmoCRM("example", {"access_token": sys.argv[2]}, base_url=sys.argv[1], rate_limiter=None)
for one in crm.changes("leads", checkpoint=sys.argv[3]):
    print(one["id"], flush=True)
"""


@pytest.mark.parametrize("after", [1, 250, 444])
def test_killed_at_any_moment_it_misses_nothing(tmp_path: Path, after: int) -> None:
    portal = Sandbox(rps=None)
    added = add(portal, 200, START) + add(portal, 200, START + 1) + add(portal, 200, START + 2)
    run: Callable[..., Any] = subprocess.Popen
    with portal.serve() as served:
        command = [sys.executable, "-c", KILLED, served.url, portal.issue_long_lived()]
        command.append(str(tmp_path / "kept"))
        settings: Any = {
            "stdout": subprocess.PIPE, "text": True, "env": {**os.environ, "NO_PROXY": "*"},
            "cwd": Path(__file__).parents[2],
        }  # fmt: skip
        with run(command, **settings) as process:
            before = [int(process.stdout.readline()) for _ in range(after)]
            os.kill(process.pid, signal.SIGKILL)
            # It went on until the signal came, and its checkpoint with it.
            before += [int(line) for line in process.stdout.read().split()]
        with run(command, **settings) as process:
            rest = [int(line) for line in process.communicate(timeout=60)[0].split()]
    assert process.returncode == 0
    assert set(before) | set(rest) == set(added)
    assert rest == sorted(rest)
