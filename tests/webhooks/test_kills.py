"""Receiver and worker are killed at random moments while amoCRM sends: nothing answered is lost."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks import Event, Hooks, Receiver, Worker, ensure, reconcile
from amocrm.webhooks.inbox.memory import MemoryInbox
from tests.processes import APART
from tests.servers import DATABASES, inbox_place, open_inbox

KEY = "k" * 43
KILLS = int(os.environ.get("AMOCRM_TEST_KILLS", "40"))
LEADS = 5
LEASE = 1.0

pytestmark = pytest.mark.endurance


class Quiet(WSGIRequestHandler):
    """Says nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        pass


def run_receiver(kind: str, place: str, port: int) -> None:
    """Receive in a process of its own."""
    inbox = open_inbox(kind, place)
    receiver = Receiver(inbox, key=KEY, url=f"http://127.0.0.1:{port}")
    make_server("127.0.0.1", port, receiver.wsgi_app, True, request_handler=Quiet).serve_forever()


def run_worker(kind: str, place: str, log: str) -> None:
    """Handle in a process of its own; a handled event is a line of a file."""
    hooks = Hooks()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @hooks.on("update_lead")
    def write(event: Event, crm: AmoCRM) -> None:
        line = f"{event.id} {event.item['name']} {event.received_at!r} {int(event.synthetic)}\n"
        os.write(file, line.encode())

    crm = AmoCRM("example", {"access_token": "unused"})
    inbox = open_inbox(kind, place)
    Worker(inbox, hooks, crm, threads=2, lease=LEASE, poll=0.02).run()


class Victim:
    """A process that is killed and started again."""

    def __init__(self, target: Any, *args: Any) -> None:
        self._target, self._args = target, args
        self._process = self._start()

    def _start(self) -> BaseProcess:
        process = APART.Process(target=self._target, args=self._args, daemon=True)
        process.start()
        return process

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def revive(self) -> None:
        self._process = self._start()


@contextmanager
def killing(victims: list[Victim], seed: int, times: int) -> Iterator[threading.Event]:
    """Kill at random moments, in a thread; the event is set after the last time."""
    chance, over, stop = random.Random(seed), threading.Event(), threading.Event()

    def kill() -> None:
        for _ in range(times):
            if stop.wait(chance.uniform(0, 0.6)):
                break
            victim = chance.choice(victims)
            victim.kill()
            victim.revive()
        over.set()

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield over
    finally:
        stop.set()
        thread.join()


def read(log: Path) -> list[tuple[int, str, float, bool]]:
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(int(lead), name, float(at), made == "1") for lead, name, at, made in lines]


@pytest.mark.parametrize("kind", ["sqlite", *DATABASES])
@pytest.mark.timeout(1800)
def test_whatever_is_killed_nothing_that_was_answered_is_lost(
    tmp_path: Path, kind: str, free_port: int
) -> None:
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, rps=None)
    log = tmp_path / "handled"
    log.touch()
    address = Receiver(MemoryInbox(), key=KEY, url=f"http://127.0.0.1:{free_port}").address
    with (
        inbox_place(kind, tmp_path) as place,
        closing(open_inbox(kind, place)) as inbox,
        AmoCRM("example", {"access_token": sandbox.issue_long_lived()}, session=sandbox.session(),
               rate_limiter=None, clock=clock) as crm,
    ):  # fmt: skip
        inbox.create_table()
        begin = clock.time()
        to = address(crm.account.get()["id"])
        ensure(crm, to, ["update_lead"])
        leads = [crm.leads.create({"name": f"0-{at}"})["id"] for at in range(LEADS)]
        last: dict[int, str] = {}
        receiver = Victim(run_receiver, kind, place, free_port)
        worker = Victim(run_worker, kind, place, str(log))
        chance, number = random.Random(1), 0
        with killing([receiver, worker], seed=2, times=KILLS) as over:
            while not over.is_set():
                number += 1
                lead = chance.choice(leads)
                last[lead] = str(number)
                crm.leads(lead).update({"name": str(number)})
                sandbox.webhooks.deliver()
                clock.advance(chance.choice((1, 60)))
                if number % 50 == 0:  # Bad answers have switched the subscription off.
                    ensure(crm, to, ["update_lead"])
        # The last repeats, then what amoCRM gave up on or never sent.
        while sandbox.webhooks.next_due is not None:
            clock.advance(3600)
            sandbox.webhooks.deliver()
        ensure(crm, to, ["update_lead"])
        clock.advance(600)
        found = reconcile(crm, inbox, begin, codes=["update_lead"], clock=clock)
        deadline = threading.Event()
        for _ in range(600):
            if inbox.counts().undone == 0:
                break
            deadline.wait(0.1)
        assert inbox.counts().undone == 0
        assert inbox.counts().dead == 0
        receiver.kill()
        worker.kill()

    handled = read(log)
    answered = {
        (int(delivery.form["leads[update][0][id]"]), delivery.form["leads[update][0][name]"])
        for delivery in sandbox.webhooks.deliveries
        if 200 in delivery.statuses
    }
    assert len(answered) > KILLS
    known = {(lead, name) for lead, name, _, _ in handled}
    assert answered - known == set()
    assert set(last.items()) - known == set(), "what was never answered was found"
    first: dict[int, list[float]] = {}
    counted = Counter((lead, name, made) for lead, name, _, made in handled)
    seen: set[tuple[int, str]] = set()
    for lead, name, at, made in handled:
        if not made and (lead, name) not in seen:
            first.setdefault(lead, []).append(at)
            seen.add((lead, name))
    assert all(times == sorted(times) for times in first.values()), "each entity in its order"
    twice = sum(times - 1 for times in counted.values())
    assert twice <= KILLS
    sys.stdout.write(
        f"{number} sent, {len(answered)} answered, {found.added} found later, {twice} twice\n"
    )
