"""Changes: none missed, none twice in the same state, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
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
from tests.processes import kills

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
    """Read changes in a block, and return their ids."""
    with changes as changed:
        return [one["id"] for one in changed]


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
    numbers(crm.changes("leads", checkpoint=tmp_path / "kept"))
    auth: Any = {"access_token": "x"}
    other = AmoCRM("other", auth, session=portal.session(), clock=clock)
    with pytest.raises(
        ConfigurationError, match=r"was saved for example\.amocrm\.ru/api/v4/leads$"
    ):
        numbers(other.changes("leads", checkpoint=tmp_path / "kept"))


def test_a_checkpoint_is_one_query_s(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    kept, params = tmp_path / "kept", {"filter": {"name": "Lead"}, "with": "contacts"}
    added = add(portal, 2, START)
    assert numbers(crm.changes("leads", params, checkpoint=kept)) == added
    before = kept.read_bytes()
    with pytest.raises(ConfigurationError, match="saved with another filter and with"):
        numbers(crm.changes("leads", checkpoint=kept))
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
    numbers(crm.changes("leads", checkpoint=tmp_path / "kept"))
    add(portal, 1, START - 5)
    again = crm.changes("leads", checkpoint=tmp_path / "kept", overlap=overlap)
    assert len(numbers(again)) == seen


def process(crm: AmoCRM, kept: Path, write: Callable[[list[Any]], object]) -> None:
    with crm.changes("leads", checkpoint=kept) as changed:
        write(list(changed))


def test_a_block_that_fails_saves_nothing(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    # The loop ends, the write to the database fails: the next run gets the same items.
    kept = tmp_path / "kept"
    added = add(portal, 300, START)
    with pytest.raises(ZeroDivisionError):
        process(crm, kept, lambda rows: len(rows) // 0)
    assert not kept.exists()
    assert numbers(crm.changes("leads", checkpoint=kept)) == added
    more = add(portal, 2, START + 70)
    with pytest.raises(ZeroDivisionError):
        process(crm, kept, lambda rows: [1 // (one["id"] - more[1]) for one in rows])
    assert numbers(crm.changes("leads", checkpoint=kept)) == more
    assert numbers(crm.changes("leads", checkpoint=kept)) == []


def test_a_block_that_ends_early_saves_what_it_was_given(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    added = add(portal, 10, START)
    for at in range(10):
        with crm.changes("leads", checkpoint=tmp_path / "kept") as changed:
            for one in changed:
                assert one["id"] == added[at]
                break
    assert numbers(crm.changes("leads", checkpoint=tmp_path / "kept")) == []


def test_commit_saves_portions(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    added = add(portal, 200, START) + add(portal, 400, START + 1)

    def run() -> None:
        with crm.changes("leads", checkpoint=tmp_path / "kept") as changed:
            for count, one in enumerate(changed, 1):
                if count in (3, 300):
                    changed.commit()
                assert one["id"] != added[400]

    with pytest.raises(AssertionError):
        run()
    assert numbers(crm.changes("leads", checkpoint=tmp_path / "kept")) == added[300:]


def test_a_second_loop_in_a_block_goes_on_after_the_first(
    portal: Sandbox, crm: AmoCRM, tmp_path: Path
) -> None:
    added = add(portal, 5, START)
    for kept in (tmp_path / "kept", None):
        with crm.changes("leads", checkpoint=kept) as changed:
            assert next(iter(changed))["id"] == added[0]
            assert [one["id"] for one in changed] == added[1:]
            assert list(changed) == []


def test_a_checkpoint_needs_a_block(portal: Sandbox, crm: AmoCRM, tmp_path: Path) -> None:
    added = add(portal, 2, START)
    changes = crm.changes("leads", checkpoint=tmp_path / "kept")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="read in a with block"):
            iter(changes)
        with pytest.raises(ConfigurationError, match="into the block"):
            changes.commit()
        assert portal.log == []
    with changes, pytest.raises(ConfigurationError, match="in a block already"):
        changes.__enter__()
    assert numbers(changes) == added
    with pytest.raises(ConfigurationError, match="read in a with block"):
        iter(changes)
    # Without a checkpoint nothing can be lost: each iteration begins anew.
    plain = crm.changes("leads")
    assert [one["id"] for one in plain] == [one["id"] for one in plain] == added
    with plain as changed:
        changed.commit()
    assert not list(tmp_path.glob("*.new"))


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


def test_a_second_of_several_pages_is_read_until_nothing_moves(
    portal: Sandbox, crm: AmoCRM
) -> None:
    # Its pages have to be read by number, and twenty of the second page leave it meanwhile.
    added = add(portal, 1000, START)
    seen: list[int] = []
    for one in crm.changes("leads"):
        seen.append(one["id"])
        if len(seen) == 490:
            for number in added[300:320]:
                edit(portal, number, START + 100)
    assert sorted(set(seen)) == added
    assert len(seen) == 1020


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
        with crm.changes("leads", limit=7, checkpoint=Path(folder, "kept")) as changed:
            for count, one in enumerate(changed):
                assert one["updated_at"] not in seen.setdefault(one["id"], [])
                seen[one["id"]].append(one["updated_at"])
                if count in edits and edits[count][0] < len(added):
                    edit(portal, added[edits[count][0]], START + edits[count][1])
        # What was edited after the last page was read.
        with crm.changes("leads", limit=7, checkpoint=Path(folder, "kept")) as changed:
            for one in changed:
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
        (
            [{"id": 1, "updated_at": START - 1}],
            r"from outside of filter\[updated_at\].*is_api_filter",
        ),
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
import sqlite3
import sys
import tempfile
from amocrm import AmoCRM
url, token, folder, portion = sys.argv[1:]
crm = AmoCRM("example", {"access_token": token}, base_url=url, rate_limiter=None)
database = sqlite3.connect(f"{folder}/leads.db")
database.execute("CREATE TABLE IF NOT EXISTS leads (id INTEGER PRIMARY KEY, name TEXT)")
with crm.changes("leads", checkpoint=f"{folder}/kept") as changed:
    for count, one in enumerate(changed, 1):
        database.execute("INSERT OR REPLACE INTO leads VALUES (?, ?)", (one["id"], one["name"]))
        print(one["id"], flush=True)
        if portion != "0" and count % int(portion) == 0:
            database.commit()
            changed.commit()
    print("written", flush=True)
    database.commit()
"""


@pytest.mark.parametrize("portion", [0, 1, 50])
@pytest.mark.parametrize("after", [250, *kills(1, 444, 601)])
def test_killed_at_any_moment_the_database_misses_nothing(
    tmp_path: Path, after: int, portion: int
) -> None:
    portal = Sandbox(rps=None)
    added = add(portal, 200, START) + add(portal, 200, START + 1) + add(portal, 200, START + 2)
    run: Callable[..., Any] = subprocess.Popen
    with portal.serve() as served:
        command = [sys.executable, "-c", KILLED, served.url, portal.issue_long_lived()]
        command += [str(tmp_path), str(portion)]
        settings: Any = {
            "stdout": subprocess.PIPE, "text": True, "env": {**os.environ, "NO_PROXY": "*"},
            "cwd": Path(__file__).parents[2],
        }  # fmt: skip
        with run(command, **settings) as process:
            for _ in range(after):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            process.stdout.read()
        with run(command, **settings) as process:
            rest = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0
    assert rest[-1] == "written"
    with closing(sqlite3.connect(tmp_path / "leads.db")) as database:
        stored = [number for (number,) in database.execute("SELECT id FROM leads ORDER BY id")]
    assert stored == added
    if portion and after < 600:
        assert len(rest) - 1 <= 600 - after + 2 * portion, "what was committed does not come again"
