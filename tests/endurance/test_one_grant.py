"""One grant per expiry: 8 processes of 16 threads, one store, one token that keeps expiring.

    AMOCRM_TEST_ROUNDS=1000 pytest -m endurance tests/endurance/test_one_grant.py --junitxml=x.xml

Every round the token expires for everybody at once, and all 128 threads call at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox, SystemClock
from tests.endurance.conftest import ROUNDS, auth_of, open_as_users_do
from tests.processes import APART
from tests.servers import EVERYWHERE, new_place, open_store

PROCESSES = 8
THREADS = 16
DAY = 86_400
PATIENCE = 120.0

pytestmark = pytest.mark.endurance


class Shifted(SystemClock):
    """This machine's clock, ahead by an offset that the processes share."""

    def __init__(self, shift: Any) -> None:
        super().__init__()
        self._shared = shift

    def time(self) -> float:
        return time.time() + float(self._shared.value)


def crowd(
    kind: str, place: str, url: str, auth: Any, rounds: int, shift: Any, gate: Barrier, results: Any
) -> None:
    """One process: its threads share a client, and call each time the barrier opens."""
    outcomes: list[str] = []  # Threads add to a list at once, but to a number in two steps.
    clock, inner = Shifted(shift), threading.Barrier(THREADS + 1)
    store = open_as_users_do(kind, place)
    with AmoCRM("example", auth, base_url=url, store=store, rate_limiter=None, clock=clock) as crm:

        def call() -> None:
            for _ in range(rounds):
                inner.wait(PATIENCE)
                try:
                    outcome = str(crm.request.get("/api/v4/account").info.status_code)
                except Exception as error:
                    outcome = repr(error)
                inner.wait(PATIENCE)
                outcomes.append(outcome)

        threads = [threading.Thread(target=call) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for _ in range(rounds):
            gate.wait(PATIENCE)
            inner.wait(PATIENCE)
            inner.wait(PATIENCE)
            gate.wait(PATIENCE)
        for thread in threads:
            thread.join(PATIENCE)
    results.put(dict(Counter(outcomes)))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_one_grant_for_all_who_share_a_store(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    clock = SystemClock()
    sandbox = Sandbox(rps=None, clock=clock)
    auth = auth_of(sandbox)
    shift, gate = APART.Value("d", 0.0), APART.Barrier(PROCESSES + 1)
    results = APART.Queue()
    with sandbox.serve(threads=64) as served, new_place(kind, tmp_path) as place:
        store = open_store(kind, place)
        with AmoCRM("example", auth, base_url=served.url, store=store, clock=clock) as crm:
            crm.connection.set_code(sandbox.issue_code())
        crowds = [
            APART.Process(
                target=crowd, args=(kind, place, served.url, auth, ROUNDS, shift, gate, results)
            )
            for _ in range(PROCESSES)
        ]
        for process in crowds:
            process.start()
        for _ in range(ROUNDS):
            clock.advance(DAY + 1)
            shift.value += DAY + 1
            gate.wait(PATIENCE)
            gate.wait(PATIENCE)
        outcomes = sum((Counter(results.get(timeout=PATIENCE)) for _ in crowds), Counter[str]())
        for process in crowds:
            process.join(PATIENCE)
    record_property("calls", dict(outcomes))
    record_property("grants", sandbox.counters["grants.refresh"])
    assert outcomes == {"200": ROUNDS * PROCESSES * THREADS}
    assert sandbox.counters["grants.refresh"] == ROUNDS
    assert sandbox.counters["grants.refused"] == 0
