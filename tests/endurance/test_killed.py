"""kill -9 in the middle of refreshes: the stored pair is whole, and the next process goes on.

    AMOCRM_TEST_ROUNDS=1000 pytest -m endurance tests/endurance/test_killed.py --junitxml=counts.xml

Where an old refresh token works until its successor is used (grace mode, reference 2.6), no kill
costs the authorisation. Where it dies at once (strict mode), the only losses are those that no
client can avoid: amoCRM has answered, and the process is dead before the answer is saved. They are
counted against the portal's own books, and told as what they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from amocrm import AmoCRM
from amocrm.auth.token_record import Record, read_record
from amocrm.sandbox import Sandbox
from amocrm.stores.store import Key
from tests.endurance.conftest import ROUNDS, auth_of
from tests.servers import EVERYWHERE, new_place, open_store

ROOT = Path(__file__).parents[2]
LONGEST = 0.03
"""Seconds within which a child is killed at random: about two refreshes on a loaded machine."""

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
]


class Nursery:
    """The process that forks and kills children, and the portal that they call."""

    def __init__(self, kind: str, place: str, sandbox: Sandbox, url: str) -> None:
        self.sandbox, self.auth = sandbox, auth_of(sandbox)
        self.key = Key(sandbox.integration.client_id, str(sandbox.account().id))
        self.url, self.store = url, open_store(kind, place)
        task = {
            "kind": kind, "place": place, "url": url, "auth": self.auth,
            "seed": f"{kind}-{ROUNDS}", "longest": LONGEST,
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.endurance.nursery", json.dumps(task)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def consent(self) -> None:
        """Let a person agree."""
        with AmoCRM(
            "example", self.auth, base_url=self.url, store=self.store, rate_limiter=None
        ) as crm:
            crm.connection.set_code(self.sandbox.issue_code())

    def raise_one(self) -> dict[str, Any]:
        """Fork a child, and return its report."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        report: dict[str, Any] = json.loads(self.process.stdout.readline())
        return report

    def stored(self) -> Record:
        """Read the stored record; a damaged one raises."""
        text = self.store.load(self.key)
        assert text is not None
        record = read_record(text, *self.key)
        assert isinstance(record, Record)
        return record


@contextmanager
def nursery(
    kind: str, mode: Literal["strict", "grace"], folder: Path
) -> Generator[Nursery, None, None]:
    sandbox = Sandbox(rps=None, refresh_mode=mode)
    with sandbox.serve() as served, new_place(kind, folder) as place:
        one = Nursery(kind, place, sandbox, served.url)
        try:
            one.consent()
            yield one
        finally:
            one.process.communicate(timeout=60)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_no_kill_loses_the_authorization_in_grace_mode(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    died: Counter[str] = Counter()
    with nursery(kind, "grace", tmp_path) as one:
        for _ in range(ROUNDS):
            report = one.raise_one()
            assert report["ok"], report
            died[report["stage"]] += report["killed"]
            one.stored()
        record_property("killed", dict(died))
        record_property("grants", one.sandbox.counters["grants.refresh"])
        assert one.sandbox.counters["grants.refused"] == 0
        assert one.sandbox.counters["grants.code"] == 1
    assert sum(died.values()) >= ROUNDS / 2, "most children were killed in time"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_in_strict_mode_only_unavoidable_losses_happen_and_are_reported(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    died: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    before = ""
    with nursery(kind, "strict", tmp_path) as one:
        for _ in range(ROUNDS):
            granted = one.sandbox.counters["grants.refresh"]
            report = one.raise_one()
            died[report["stage"]] += report["killed"]
            if report["ok"]:
                before = report["stage"]
                lost = is_spent(one.sandbox, one.stored())
                # Counted last: the call of a killed child may still be in progress.
                granted_to_child = one.sandbox.counters["grants.refresh"] - granted
                # It is lost only if amoCRM has granted the second refresh, and the child was killed
                # before it could save the pair.
                assert not lost or (granted_to_child == 2 and report["killed"])
                continue
            assert report["finding"] == "lost", report
            losses[before] += 1
            one.consent()
        record_property("killed", dict(died))
        record_property("lost after a death at", dict(losses))
        record_property("grants", one.sandbox.counters["grants.refresh"])
        assert one.sandbox.counters["grants.refused"] == losses.total()
        assert one.sandbox.counters["grants.code"] == 1 + losses.total()
    assert losses.total() < ROUNDS


def is_spent(sandbox: Sandbox, record: Record) -> bool:
    """Ask the portal whether a stored refresh token can no longer be exchanged."""
    with sandbox.session() as session:
        answer = session.get(
            f"https://{sandbox.account().api_domain}/oauth2/account/current/subdomain",
            headers={"X-Refresh-Token": str(record.token.refresh_token)},
        )
    return answer.status_code != 200
