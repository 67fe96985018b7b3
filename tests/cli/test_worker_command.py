"""`amocrm webhooks worker` in processes of its own: it ends on a signal, and shares an inbox."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from amocrm.sandbox import Sandbox
from amocrm.webhooks import Receiver, SQLInbox
from tests.cli.conftest import start
from tests.servers import DATABASES, URLS, inbox_place
from tests.servers import open_inbox as open_inbox_of

HANDLERS = r"""
import os
from amocrm.webhooks import Hooks

hooks = Hooks()
gate = os.open(os.environ["GATE"], os.O_RDWR)


@hooks.on("add_lead")
def work(event, crm):
    os.write(1, f"begun {event.id} {os.getpid()}\n".encode())  # At once: two share the pipe.
    os.read(gate, 1)
    os.write(1, f"done {event.id} {os.getpid()}\n".encode())
"""


class Told(NamedTuple):
    """A line that a handler has written."""

    what: str
    lead: int
    process: int


class Gate:
    """Each handler waits here until it may go on."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.handle = os.open(path, os.O_RDWR)

    def let_go_on(self, handlers: int) -> None:
        os.write(self.handle, b"." * handlers)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    (tmp_path / "gate_handlers.py").write_text(HANDLERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    gate = Gate(tmp_path / "gate")
    yield gate
    os.close(gate.handle)


@pytest.fixture(
    params=["sqlite", *(pytest.param(one, marks=pytest.mark.endurance) for one in DATABASES)]
)
def inbox(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SQLInbox]:
    with inbox_place(request.param, tmp_path) as place:
        url = URLS.get(request.param, f"sqlite:///{tmp_path}/inbox.db")
        monkeypatch.setenv("AMOCRM_INBOX", url)
        if request.param in DATABASES:
            monkeypatch.setenv("AMOCRM_INBOX_PREFIX", f"{place}_")
        inbox = open_inbox_of(request.param, place)
        yield inbox
        inbox.close()


class Workers:
    """The command with one thread, in processes of their own, whose handlers write to one pipe."""

    def __init__(self) -> None:
        read_end, self._write_end = os.pipe()
        self._lines = os.fdopen(read_end)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        os.close(self._write_end)
        self._lines.close()

    def start(self) -> int:
        """Start one; return its process's id."""
        process = start(
            "webhooks", "worker", "gate_handlers:hooks", "--threads", "1",
            stdin=subprocess.DEVNULL, stdout=self._write_end, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._processes.append(process)
        return process.pid

    def read(self) -> Told:
        """Return the next line of a handler."""
        what, lead, process = self._lines.readline().split()
        return Told(what, int(lead), int(process))

    def send(self, number: signal.Signals) -> None:
        for process in self._processes:
            process.send_signal(number)

    def end(self) -> list[tuple[int, str]]:
        """Return the exit codes and the last lines of the logs."""
        ends = [process.communicate(timeout=30) for process in self._processes]
        return [
            (process.returncode, log.decode().splitlines()[-1])
            for process, (_, log) in zip(self._processes, ends, strict=True)
        ]


@pytest.fixture
def workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    monkeypatch.setenv("AMOCRM_DOMAIN", "example")
    monkeypatch.setenv("AMOCRM_TOKEN", Sandbox(seed=0).issue_long_lived())
    with Workers() as workers:
        yield workers


def put(inbox: SQLInbox, *leads: int) -> None:
    """Receive the webhooks of new leads."""
    receiver = Receiver(inbox, key="k" * 32, url="http://127.0.0.1")
    path = receiver.address(30000001).removeprefix("http://127.0.0.1")
    for lead in leads:
        body = f"leads[add][0][id]={lead}".encode()
        assert receiver.receive("POST", path, headers={}, body=body).status == 200


ENDED = (0, "INFO handling webhooks has ended")


@pytest.mark.parametrize("inbox", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.endurance)]
)
def test_a_signal_lets_the_handler_finish(
    inbox: SQLInbox, gate: Gate, workers: Workers, number: signal.Signals
) -> None:
    put(inbox, 7)
    process = workers.start()
    assert workers.read() == ("begun", 7, process)
    workers.send(number)
    gate.let_go_on(1)
    assert workers.end() == [ENDED]
    assert workers.read() == ("done", 7, process)
    assert inbox.counts()[:2] == (0, 0)


def test_two_workers_share_an_inbox(inbox: SQLInbox, gate: Gate, workers: Workers) -> None:
    leads = range(1, 9)
    put(inbox, *leads)
    processes = {workers.start(), workers.start()}
    # Each handler waits, so both processes take part.
    told = [workers.read(), workers.read()]
    assert {(one.what, one.process) for one in told} == {("begun", one) for one in processes}
    gate.let_go_on(len(leads))
    while sum(one.what == "done" for one in told) < len(leads):
        told.append(workers.read())
    workers.send(signal.SIGTERM)
    assert workers.end() == [ENDED] * 2
    assert Counter(one.lead for one in told if one.what == "done") == Counter(leads)
    assert inbox.counts()[:2] == (0, 0)
