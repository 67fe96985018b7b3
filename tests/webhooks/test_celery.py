"""Celery with a real broker: workers that are killed, a broker that loses messages."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from amocrm.webhooks import Hooks, Worker
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.celery_workers import broker, kill, until
from tests.webhooks.arrivals import FORM, form, put

celery = pytest.importorskip("celery")
kombu = pytest.importorskip("kombu")

ROOT = Path(__file__).parents[2]
LEASE = 2.0
SWEEP = 2.0
KILLS = int(os.environ.get("AMOCRM_TEST_ROUNDS", "12"))


class Place:
    """An inbox in a database, a queue of a broker, and workers that handle its deliveries."""

    def __init__(self, kind: str, folder: Path, base_url: str, token: str, account: int) -> None:
        self.told_in, self.log = folder / "told", folder / "log"
        self.gate = folder / "told.gate"
        self.account = account
        self.swept = 0.0
        self.queue = f"amocrm_test_{uuid.uuid4().hex[:12]}"
        self.database = f"sqlite:///{folder}/inbox.db"
        self.environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "BROKER_URL": broker(kind),
            "DATABASE_URL": self.database, "QUEUE": self.queue, "LEASE": str(LEASE),
            "TOLD": str(self.told_in), "BUSY": "0.05", "AMOCRM_DOMAIN": "example",
            "AMOCRM_TOKEN": token, "AMOCRM_BASE_URL": base_url,
            "AMOCRM_WEBHOOK_KEY": "k" * 43, "AMOCRM_WEBHOOK_URL": "https://example.com/amocrm",
        }  # fmt: skip
        self.app = celery.Celery(broker=self.environment["BROKER_URL"])
        self.app.conf.task_default_queue = self.queue
        self.inbox = SQLInbox(self.database)
        self.inbox.create_table()
        self.worker = Worker(self.inbox, Hooks(), lambda _: AmoCRM("example"), lease=LEASE)

    def hand_over(self, delivery_id: int, expires: float | None = None) -> None:
        self.app.send_task("handle", (delivery_id,), queue=self.queue, expires=expires)

    def sweep(self) -> int:
        """Sweep, if the last time was long ago; return how many were handed over."""
        if time.monotonic() < self.swept + SWEEP:
            return 0
        self.swept = time.monotonic()
        # Long enough for a starved worker: a task that always expires is never done.
        return self.worker.sweep(partial(self.hand_over, expires=4 * SWEEP), older_than=LEASE)

    @contextmanager
    def workers(self, processes: int = 2) -> Generator[subprocess.Popen[bytes], None, None]:
        """Run a Celery worker with some processes, in a process group of its own."""
        process = self.start(processes)
        try:
            yield process
        finally:
            kill(process)

    def start(self, processes: int = 2) -> subprocess.Popen[bytes]:
        program = ["-m", "celery", "--app", "tests.webhooks.celery_program", "worker"]
        # Two workers of one name wait for each other at RabbitMQ.
        named = ["--hostname", f"{self.queue}-{uuid.uuid4().hex[:8]}@localhost"]
        quiet = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [
            sys.executable,
            "-W",
            "ignore",
            *program,
            f"--concurrency={processes}",
            *named,
            *quiet,
        ]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, start_new_session=True,
                stdout=log, stderr=log,
            )  # fmt: skip

    def told(self) -> list[tuple[str, int, int, int]]:
        """What handlers have told: begin or end, lead, number, process."""
        if not self.told_in.exists():
            return []
        lines = [line.split() for line in self.told_in.read_text().splitlines()]
        return [(what, int(lead), int(number), int(pid)) for what, lead, number, pid in lines]

    def goes_on(self, seconds: float = 20) -> bool:
        """Wait until a handler begins or ends; return whether one did, or all is done."""
        before, end = len(self.told()), time.monotonic() + seconds
        while time.monotonic() < end:
            self.sweep()
            if len(self.told()) > before or not self.inbox.counts().undone:
                return True
            time.sleep(0.02)
        return False

    def put(self, lead: int, number: int) -> int:
        body = form("leads", "update", {"id": lead, "name": number})
        return put(self.inbox, body, account=self.account, received_at=time.time())

    def close(self) -> None:
        with self.app.connection_for_write() as connection, connection.channel() as channel:
            channel.queue_delete(self.queue)
        self.app.close()
        self.inbox.close()


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(rps=None)


@pytest.fixture
def make_place(tmp_path: Path, sandbox: Sandbox) -> Generator[Callable[[str], Place], None, None]:
    token = sandbox.issue_long_lived()
    places: list[Place] = []
    with sandbox.serve() as served:

        def make(kind: str) -> Place:
            try:
                with celery.Celery(broker=broker(kind)).connection_for_write() as connection:
                    connection.channel().close()
            except kombu.exceptions.VersionMismatch as error:
                # With the oldest redis that we allow; Celery needs a newer one for its broker.
                pytest.skip(str(error))
            place = Place(kind, tmp_path, served.url, token, sandbox.account().id)
            places.append(place)
            return place

        yield make
        for place in places:
            place.close()


def test_the_example_handles_what_a_killed_process_has_begun(
    make_place: Callable[[str], Place], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place("rabbitmq")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    example = importlib.import_module("celery_webhooks")
    lead = example.crm.leads.create({"name": "Order"})
    pipelines = example.crm.leads.pipelines
    pipelines(next(iter(pipelines.list()))["id"]).statuses.create({"name": "Paid", "sort": 50})
    stage = pipelines.stage("Paid")
    path = urlsplit(example.receiver.address(place.account)).path
    browser = Client(example.application)

    def post(entity: str, action: str, item: dict[str, object]) -> None:
        body = form(entity, action, item, account=place.account)
        assert browser.post(path, data=body, content_type=FORM).status_code == 200

    post("leads", "update", {"id": lead["id"], "name": 1})
    post("leads", "status", {"id": lead["id"], **stage})
    place.gate.touch()  # Nothing ends before the kill.
    with place.workers():
        until(place.told)
        os.kill(place.told()[0][3], signal.SIGKILL)
        place.gate.unlink()
        until(lambda: place.sweep() or len(place.told()) > 1)
        until(lambda: place.inbox.counts().undone == 0)
    assert [what for what, *_ in place.told()] == ["begin", "begin", "end"]
    (task,) = example.crm.tasks.list()
    assert (task["text"], task["entity_id"]) == ("Prepare the delivery of Order", lead["id"])
    example.app.close()
    example.inbox.close()
    example.crm.close()


@pytest.mark.endurance
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
def test_kills_at_random_moments_lose_nothing(
    kind: str, make_place: Callable[[str], Place], record_property: Callable[[str, object], None]
) -> None:
    """Kill the whole worker, or one of its processes, again and again while webhooks come."""
    place, chance = make_place(kind), random.Random(kind)
    place.inbox.hand_over(place.hand_over)
    process, put, kills = place.start(3), 0, Counter[str]()

    def restart(why: str) -> None:
        nonlocal process
        kill(process)
        kills[why] += 1
        process = place.start(3)

    try:
        while kills.total() < KILLS:
            for _ in range(chance.randint(2, 8)):
                put += 1
                place.put(chance.randint(1, 5), put)
            if not place.goes_on():
                restart("stalled")  # Celery consumes no more after some kills of processes.
            time.sleep(chance.uniform(0, 0.2))
            if chance.random() < 0.2:
                restart("worker")
            elif told := place.told():
                with suppress(ProcessLookupError):
                    os.kill(chance.choice([one[3] for one in told[-4:]]), signal.SIGKILL)
                    kills["process"] += 1
        while place.inbox.counts().undone:
            if not place.goes_on():
                restart("stalled")
    finally:
        kill(process)
    told = place.told()
    ends = Counter(number for what, _, number, _ in told if what == "end")
    assert set(ends) == set(range(1, put + 1)), "an event was lost"
    assert place.inbox.counts() == (0, 0, None)
    check_order(told)
    twice = sum(count - 1 for count in ends.values())
    assert twice <= kills.total()
    counts = {"webhooks": put, **kills, "handled twice": twice}
    record_property("counts", json.dumps(counts))
    print(kind, counts)  # noqa: T201


def check_order(told: list[tuple[str, int, int, int]]) -> None:
    """Check that the events of a lead were begun in their order, apart from repetitions."""
    done: dict[int, int] = {}
    for what, lead, number, _ in told:
        if what == "end":
            assert number >= done.get(lead, 0), "an event was handled after a later one"
            done[lead] = number


@pytest.mark.endurance
@pytest.mark.parametrize("kind", ["rabbitmq", "redis"])
def test_what_a_broker_loses_is_swept(kind: str, make_place: Callable[[str], Place]) -> None:
    place = make_place(kind)
    place.inbox.hand_over(place.hand_over)
    for number in range(1, 21):
        place.put(number, number)
    with place.app.connection_for_write() as connection, connection.channel() as channel:
        assert channel.queue_purge(place.queue) == 20
    with place.workers():
        while place.inbox.counts().undone:
            assert place.goes_on(60)
    assert sorted(one[2] for one in place.told() if one[0] == "end") == list(range(1, 21))
