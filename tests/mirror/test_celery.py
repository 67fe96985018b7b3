"""Accounts that Celery workers mirror, with the real RabbitMQ and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from amocrm import Integration
from amocrm.mirror.sql.sink import Sink
from amocrm.sandbox import Sandbox
from amocrm.stores.redis import RedisStore
from tests.celery_workers import broker, kill, until
from tests.mirror.places import Place
from tests.servers import need

celery = pytest.importorskip("celery")

ROOT = Path(__file__).parents[2]
HOSTS = ("one.amocrm.ru", "two.amocrm.ru")


class Fleet:
    """Two accounts, a queue, and workers that mirror them into one database."""

    def __init__(self, sandbox: Sandbox, address: str, folder: Path) -> None:
        one, name = sandbox.integration, f"amocrm_test_{uuid.uuid4().hex[:12]}"
        self.sandbox, self.name, self.folder = sandbox, name, folder
        self.mirror = Place(f"sqlite:///{folder}/mirror.db")
        self.environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "BROKER_URL": broker("rabbitmq"),
            "REDIS_URL": need("redis"), "MIRROR_URL": self.mirror.url, "QUEUE": name,
            "TOKENS": name, "SANDBOX": address, "AMOCRM_CLIENT_ID": one.client_id,
            "AMOCRM_CLIENT_SECRET": one.client_secret, "AMOCRM_REDIRECT_URI": one.redirect_uri,
        }  # fmt: skip
        self.app = celery.Celery(broker=self.environment["BROKER_URL"])
        store = RedisStore(self.environment["REDIS_URL"], name)
        with Integration(
            one.client_id, one.client_secret, one.redirect_uri, store=store,
            session=sandbox.session(), rate_limiter=None,
        ) as integration:  # fmt: skip
            for host in HOSTS:
                code = sandbox.issue_code(account=host.partition(".")[0])
                integration.callback({"code": code, "state": "s", "referer": host}, "s")

    def send(self, task: str, *arguments: str) -> None:
        self.app.send_task(task, arguments, queue=self.name)

    def start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-W", "ignore", "-m", "celery", "--app", "tests.mirror.celery_program",
            "worker", "--concurrency=2", "--hostname", f"{uuid.uuid4().hex[:8]}@localhost",
            "--loglevel=INFO", "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.environment, start_new_session=True, stdout=log,
                stderr=log,
            )  # fmt: skip

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        with self.app.connection_for_write() as connection, connection.channel() as channel:
            channel.queue_delete(self.name)
        self.app.close()
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            for name in list(client.scan_iter(f"*{self.name}*")):
                client.delete(name)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    sandbox = Sandbox(tuple(host.partition(".")[0] for host in HOSTS), rps=None)
    for host in HOSTS:
        sandbox.add_shop(host.partition(".")[0])
    with sandbox.serve() as served:
        made = Fleet(sandbox, served.url, tmp_path)
        yield made
        made.close()


def leads(fleet: Fleet) -> set[tuple[int, int]]:
    """The account and the id of each mirrored lead."""
    with closing(Sink(fleet.mirror.url)) as sink:
        if not sink.exists():
            return set()
    return {(row["account_id"], row["id"]) for row in fleet.mirror.rows("leads")}


def there(fleet: Fleet) -> set[tuple[int, int]]:
    accounts = [fleet.sandbox.account(host.partition(".")[0]) for host in HOSTS]
    return {(one.id, lead["id"]) for one in accounts for lead in fleet.sandbox.leads(one)}


def test_workers_mirror_all_accounts_and_go_on_after_a_kill(fleet: Fleet) -> None:
    process = fleet.start()
    try:
        fleet.send("mirror_all")
        until(lambda: fleet.log().count("Task mirror_account") >= 2)
        (first, *_) = children(process)
        os.kill(first, signal.SIGKILL)  # What it was doing is given to another process.
        until(lambda: leads(fleet) == there(fleet))
    finally:
        kill(process)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes of a worker."""
    return [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdecimal() and f"PPid:\t{process.pid}\n" in status(path)
    ]


def status(path: Path) -> str:
    try:
        return (path / "status").read_text()
    except OSError:
        return ""  # It has ended.


@pytest.mark.endurance
def test_one_run_of_an_account_at_a_time(fleet: Fleet) -> None:
    with closing(Sink(fleet.mirror.url)) as sink:
        sink.create_tables()
        with sink.running(fleet.sandbox.account("one").id):
            process = fleet.start()
            try:
                fleet.send("mirror_account", HOSTS[0])
                until(lambda: "another run is mirroring the account" in fleet.log())
            finally:
                kill(process)
    assert leads(fleet) == set()
