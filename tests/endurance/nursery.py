"""A process that forks children and kills them in the middle of a refresh; one thread, no pytest.

    python -m tests.endurance.nursery '{"kind": "file", "place": ..., "url": ..., "auth": ..., ...}'

Each child refreshes once in peace: that is the proof that what the killed one before it has left is
good. Then it refreshes again, and dies on the way: at a stage, by its own hand, or at a random
moment, by its parent's. A line of JSON tells what became of each.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sys
from collections.abc import Generator
from typing import Any

import requests

from amocrm import AmoCRM, AmoCRMError, GrantError
from amocrm.stores.store import Key, TokenStore
from tests.endurance.conftest import open_as_users_do

STAGES = ("begin", "before", "after", "save", "saved", "any")
"""Where a child is killed: while it stores the begin, before the call, after the response, while it
saves, after it has saved; or anywhere after a random time."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class KilledSession(requests.Session):
    """Kills its process at a stage of a grant."""

    stage = ""

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        if self.stage == "before":
            die()
        answer = super().send(request, **settings)
        if self.stage == "after":
            die()
        return answer


class KillingStore:
    """Kills its process at a stage of a save."""

    stage = ""

    def __init__(self, inner: TokenStore) -> None:
        self._inner = inner

    def load(self, key: Key) -> str | None:
        return self._inner.load(key)

    def save(self, key: Key, text: str, replaces: str | None) -> bool:
        begins = '"asked_at"' in text
        if self.stage == ("begin" if begins else "save"):
            die()
        saved = self._inner.save(key, text, replaces)
        if self.stage == "saved" and not begins:
            die()
        return saved

    @contextlib.contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        with self._inner.lock(key, timeout):
            yield

    def forget(self, key: Key) -> None:
        self._inner.forget(key)

    def accounts(self, client_id: str) -> list[str]:
        return self._inner.accounts(client_id)


def live(task: Any, stage: str, pipe: int) -> None:
    """Run as a child: refresh undisturbed, report it, refresh again and be killed."""
    store, session = KillingStore(open_as_users_do(task["kind"], task["place"])), KilledSession()
    session.trust_env = False
    with AmoCRM(
        "example",
        task["auth"],
        base_url=task["url"],
        store=store,
        session=session,
        rate_limiter=None,
    ) as crm:
        try:
            crm.connection.refresh_token()
            report: dict[str, Any] = {"ok": True}
        except AmoCRMError as error:
            finding = error.finding if isinstance(error, GrantError) else None
            report = {"ok": False, "error": str(error), "finding": finding}
        os.write(pipe, (json.dumps(report) + "\n").encode())
        if report["ok"]:
            session.stage = store.stage = stage
            crm.connection.refresh_token()


def raise_one(task: Any, stage: str, seconds: float) -> dict[str, Any]:
    """Fork a child, read its report, and wait until it is killed."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            live(task, stage, theirs)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with open(ours, encoding="utf-8") as pipe:
        report: dict[str, Any] = json.loads(pipe.readline())
        if stage == "any" and report["ok"]:
            # The pipe closes when the child ends, so the wait ends then too.
            select.select([pipe], [], [], seconds)
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return {**report, "stage": stage, "killed": os.WIFSIGNALED(status)}


def main() -> None:
    """Fork a child for each line on stdin, until stdin ends."""
    task = json.loads(sys.argv[1])
    dice = random.Random(task["seed"])
    for _ in sys.stdin:
        stage = dice.choice(STAGES)
        report = raise_one(task, stage, dice.uniform(0, task["longest"]))
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
