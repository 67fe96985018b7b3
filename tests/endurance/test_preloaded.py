"""Workers that are forked after a call share only the store with their parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox, SystemClock
from tests.endurance.conftest import auth_of
from tests.servers import EVERYWHERE, new_place, open_store

ROOT = Path(__file__).parents[2]
WORKERS = 4
DAY = 86_400

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
]


@pytest.mark.parametrize("kind", EVERYWHERE)
def test_forked_workers_share_one_grant_and_no_connection(kind: str, tmp_path: Path) -> None:
    clock = SystemClock()
    sandbox = Sandbox(rps=None, clock=clock)
    leads = [sandbox.add("leads", {"name": f"{number}"}) for number in range(WORKERS + 1)]
    with sandbox.serve(threads=64) as served, new_place(kind, tmp_path) as place:
        auth, store = auth_of(sandbox), open_store(kind, place)
        with AmoCRM("example", auth, base_url=served.url, store=store, clock=clock) as crm:
            crm.connection.set_code(sandbox.issue_code())
        task = {"kind": kind, "place": place, "url": served.url, "auth": auth, "leads": leads}
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.endurance.preload", json.dumps(task)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "preloaded\n"
            clock.advance(DAY + 1)
            _, trouble = process.communicate("go\n", timeout=100)
    assert (process.returncode, trouble) == (0, "")
    assert sandbox.counters["grants.refresh"] == 1
    assert sandbox.counters["grants.refused"] == 0
