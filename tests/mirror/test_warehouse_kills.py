"""A load into a warehouse is killed at random moments while the account is edited."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from amocrm.sandbox.clock import SystemClock
from tests.mirror.conftest import Runs
from tests.mirror.histories import History
from tests.mirror.places import new_place
from tests.mirror.test_kills import editing
from tests.mirror.warehouses import KINDS, WarehousePlace, in_warehouse, new_warehouse
from tests.processes import APART

# After those, which skip the module where dlt is not installed.
from amocrm.mirror.dlt import load  # isort: skip

KILLS = int(os.environ.get("AMOCRM_TEST_KILLS", "12"))
LEADS = 600
LONGEST = 3.0
"""Seconds of a life at most, after its first call: a load takes about as long."""

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]


def run_load(url: str, token: str, warehouse: WarehousePlace, began: Any) -> None:
    """Load again and again, in a process of its own."""
    with AmoCRM("example", {"access_token": token}, base_url=url, rate_limiter=None) as crm:
        began.set()
        while True:
            load(warehouse.pipeline(), crm)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_load_ends_as_the_account(kind: str, tmp_path: Path, record_property: Any) -> None:
    clock = SystemClock()
    portal = Sandbox(clock=clock, rps=None, seed=0)
    portal.add_shop()
    for number in range(LEADS):
        portal.add("leads", {"name": str(number)})
    token, chance, left = portal.issue_long_lived(), random.Random(1), Counter[str]()
    with (
        portal.serve() as served,
        new_warehouse(kind, tmp_path) as warehouse,
        AmoCRM("example", {"access_token": token}, session=portal.session(), clock=clock,
               rate_limiter=None) as crm,
    ):  # fmt: skip
        history = History(portal, crm, clock)
        with editing(history, seed=0):
            for _ in range(KILLS):
                began = APART.Event()
                process = APART.Process(target=run_load, args=(served.url, token, warehouse, began))
                process.start()
                assert began.wait(60)
                process.join(chance.uniform(0.05, LONGEST))
                assert process.is_alive(), "it ends only by being killed"
                process.kill()
                process.join()
                left["a package"] += warehouse.pipeline().has_pending_data
        load(warehouse.pipeline(), crm, clock=clock)
        clock.advance(700)
        load(warehouse.pipeline("another host"), crm, clock=clock)
        with new_place("sqlite", tmp_path) as fresh:
            Runs(crm, clock, tmp_path)(fresh)
            expected = fresh.alive()
        for name, rows in warehouse.alive().items():
            assert rows == in_warehouse(name, expected[name]), name
    record_property("left", dict(left))
