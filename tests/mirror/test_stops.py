"""The database is stopped hard, or its disk is full, while the account is edited.

Each time it is told in one line. The runs after it end as the account: nothing is lost, and
nothing comes back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from amocrm import AmoCRM, MirrorError
from amocrm.mirror.sql.sink import Sink
from amocrm.sandbox import Sandbox
from amocrm.sandbox.clock import SystemClock
from tests.mirror.conftest import Runs
from tests.mirror.histories import History
from tests.mirror.places import Place
from tests.mirror.test_kills import editing
from tests.own_servers import (
    PASSWORD,
    before_step,
    own_server,
    server_on_small_disk,
    small_disk,
)
from tests.servers import DATABASES

LEADS = 1200
"""Five pages."""
STOPS = 4
"""In later runs."""
STEPS_OF_TABLES, STEPS_OF_FIRST_COPY, STEPS_OF_RUN = 90, 250, 100
"""Fewer than the statements and commits that each of them has."""

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(600)]


class Shop(NamedTuple):
    """An account that is edited, and runs that mirror it."""

    history: History
    run: Runs

    @property
    def account_id(self) -> int:
        return self.history.portal.account().id

    def pass_time(self) -> None:
        """Let the time pass after which lists are read as a whole."""
        self.history.clock.advance(700)

    def check(self, place: Place) -> None:
        """Check that the next runs end as the account."""
        assert self.run(place).is_whole
        self.pass_time()
        self.run(place)
        self.run.check(place)
        there = {one["id"] for one in place.rows("leads") if one["deleted_at"] is None}
        assert there == set(self.history.alive("leads"))


@pytest.fixture
def busy(tmp_path: Path) -> Generator[Shop, None, None]:
    clock = SystemClock()
    portal = Sandbox(clock=clock, rps=None, seed=0)
    portal.add_shop()
    for number in range(LEADS):
        portal.add("leads", {"name": str(number)})
    token = portal.issue_long_lived()
    with AmoCRM(
        "example", {"access_token": token}, session=portal.session(), clock=clock, rate_limiter=None
    ) as crm:
        yield Shop(History(portal, crm, clock), Runs(crm, clock, tmp_path))


def is_copied(place: Place, account_id: int) -> bool:
    """Whether the first copy of the leads has ended."""
    with closing(Sink(place.url, place.prefix)) as sink:
        if not sink.exists():
            return False
        state = sink.load(account_id).get("leads")
    return isinstance(state, dict) and "since" in state


def told(run: Runs, place: Place) -> str | None:
    """Run a mirror; return the line that tells that the database could not be used."""
    hint = None
    try:
        # All may have been written but for the views.
        skipped = dict(run(place).skipped)
    except MirrorError as error:
        skipped, hint = {"everything": str(error)}, error.hint
    if not skipped:
        return None
    ((what, line),) = skipped.items()
    assert what in ("everything", "views")
    assert "\n" not in line
    assert PASSWORD not in line
    assert hint is None, "only the database can be helped"
    return line


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("kind", DATABASES)
def test_a_server_that_is_stopped_hard(kind: str, comes_back: bool, busy: Shop) -> None:
    chance = random.Random(1)
    with own_server(kind) as server:

        def stop(place: Place, most: int) -> bool:
            """Stop it within a run, and perhaps start it at once; return whether that happened."""
            do = server.restart if comes_back else server.stop
            with before_step(server, chance.randrange(3, most), do) as sent:
                line = told(busy.run, place)
            is_stopped = sent[-1].startswith("stopped")
            assert bool(line) == is_stopped or comes_back, sent[-1]
            server.restart()
            return is_stopped

        for is_edited in (False, True):
            place = Place(server.url, f"t{is_edited:d}_")
            # What was edited or deleted lately would be read again, with what a copy has lost.
            busy.pass_time()
            with editing(busy.history, seed=1) if is_edited else nullcontext():
                assert stop(place, STEPS_OF_TABLES)
                while not is_copied(place, busy.account_id):
                    stop(place, STEPS_OF_FIRST_COPY)
                busy.run(place)
            if not is_edited:
                busy.run.check(place)
            with editing(busy.history, seed=2):
                for _ in range(STOPS):
                    busy.pass_time()
                    assert stop(place, STEPS_OF_RUN)
            busy.check(place)


@pytest.mark.parametrize(
    ("kind", "size", "rooms", "reason"),
    [
        ("postgres", 24, [0, 300_000, 1_000_000], "DiskFull: .*(No space left|wrote only)"),
        ("postgres's log", 24, [0, 1_500_000], "DiskFull: .*No space left"),
        ("mysql", 120, [0, 300_000, 6_000_000], "is full|No space left|No more room"),
    ],
)
def test_a_server_whose_disk_is_full(
    kind: str, size: int, rooms: list[int], reason: str, busy: Shop
) -> None:
    with server_on_small_disk(kind, size) as (server, disk):
        place = Place(server.url)

        def run_full(room: int) -> str:
            disk.fill(room)
            line = run_until_told(busy, place)
            # A server that ends may tell nobody why.
            assert re.search(reason, line) or not server.answers()
            disk.clear()
            if not server.answers():
                server.restart()
            busy.pass_time()
            return line

        lines = []
        for room in rooms:
            assert not is_copied(place, busy.account_id)
            lines.append(run_full(room))
        assert "write a page" in lines[-1]
        busy.run(place)
        busy.run.check(place)
        with editing(busy.history, seed=0):
            lines += [run_full(0) for _ in range(3)]
            assert all("write a page" in line for line in lines[-3:])
            assert any(re.search(reason, line) for line in lines)
        busy.check(place)


def test_sqlite_on_a_full_disk(busy: Shop, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 32) as disk:
        place = Place(f"sqlite:///{disk.folder}/mirror.db")

        def run_full(room: int) -> None:
            disk.fill(room)
            # The latter, if there is no room for the index of its log.
            assert re.search("disk is full|disk I/O error", run_until_told(busy, place))
            disk.clear()
            busy.pass_time()

        for room in (0, 100_000, 1_000_000, 2_000_000):
            assert not is_copied(place, busy.account_id)
            run_full(room)
        busy.run(place)
        busy.run.check(place)
        with editing(busy.history, seed=0):
            for _ in range(3):
                run_full(0)
        busy.check(place)


def run_until_told(busy: Shop, place: Place) -> str:
    """Mirror an account that grows until the disk is full."""
    for _ in range(40):
        if line := told(busy.run, place):
            return line
        for _ in range(250):
            busy.history.portal.add("leads", {"name": "one more"})
    pytest.fail("the disk was never full")
