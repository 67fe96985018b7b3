"""The mirror is killed at random moments while the account is edited, deleted and restored."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.errors import MirrorError
from amocrm.mirror import mirror
from amocrm.sandbox import Sandbox
from amocrm.sandbox.clock import SystemClock
from tests.mirror.conftest import Runs
from tests.mirror.histories import ENTITIES, History
from tests.mirror.places import KINDS, Place, new_place
from tests.processes import APART

KILLS = int(os.environ.get("AMOCRM_TEST_KILLS", "40"))
LEADS = 1200
"""Five pages."""
LONGEST = 1.2
"""Seconds of a life at most: the first copies of several families take about as long."""

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]


def run_mirror(url: str, token: str, place: Place) -> None:
    """Mirror again and again, in a process of its own."""
    with AmoCRM("example", {"access_token": token}, base_url=url, rate_limiter=None) as crm:
        while True:
            try:
                mirror(crm, place.url, prefix=place.prefix)
            except MirrorError as error:
                # The one that was killed may still hold its lock.
                if "another run" not in str(error):
                    raise


@contextmanager
def editing(history: History, seed: int) -> Iterator[None]:
    """Do random steps in a thread."""
    stop, chance = threading.Event(), random.Random(seed)
    failures: list[BaseException] = []

    def step() -> tuple[Any, ...]:
        kind, which = chance.choice(ENTITIES), chance.randrange(LEADS)
        return chance.choice([
            ("create", kind), ("edit", kind, which), ("edit", kind, which), ("move", which),
            ("link", which, chance.randrange(50)), ("unlink", which, chance.randrange(50)),
            ("trash", kind, which), ("restore", kind, which), ("merge", kind, which),
            ("pass", chance.choice([0, 0, 0, 1, 90])),
        ])  # fmt: skip

    def edit() -> None:
        try:
            while not stop.wait(0.02):
                history.do(step())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=edit, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failures


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_mirror_ends_as_the_account(kind: str, tmp_path: Path) -> None:
    clock = SystemClock()
    portal = Sandbox(clock=clock, rps=None, seed=0)
    portal.add_shop()
    for number in range(LEADS):
        portal.add("leads", {"name": str(number)})
    token, chance = portal.issue_long_lived(), random.Random(1)
    kills = whole = 0
    with (
        portal.serve() as served,
        AmoCRM("example", {"access_token": token}, session=portal.session(), clock=clock,
               rate_limiter=None) as crm,
    ):  # fmt: skip
        history, run = History(portal, crm, clock), Runs(crm, clock, tmp_path)
        while kills < KILLS:
            with new_place(kind, tmp_path) as place:
                with editing(history, seed=kills):
                    # The first copy is killed several times, and then some runs after it.
                    for _ in range(min(KILLS - kills, 20)):
                        process = APART.Process(target=run_mirror, args=(served.url, token, place))
                        process.start()
                        process.join(chance.uniform(0.05, LONGEST))
                        assert process.is_alive(), "it ends only by being killed"
                        process.kill()
                        process.join()
                        kills += 1
                run(place)
                whole += bool(place.rows("leads"))
                clock.advance(700)
                run(place)
                run.check(place)
                assert {
                    one["id"] for one in place.rows("leads") if one["deleted_at"] is None
                } == set(history.alive("leads"))
    assert whole
