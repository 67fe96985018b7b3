"""Processes that put and handle deliveries until they are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from amocrm.webhooks.inbox.sql import SQLInbox
from tests.servers import open_inbox
from tests.webhooks.inbox.contract import delivery, part

ENTITIES = 3


class Log:
    """A file of lines that survive the death of their writer; those of all writers are in order."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *words: object) -> None:
        os.write(self._file, f"{' '.join(map(str, words))}\n".encode())

    def close(self) -> None:
        os.close(self._file)

    def read(self) -> Iterator[list[str]]:
        for line in Path(self._path).read_text().splitlines():
            yield line.split()


class Task(NamedTuple):
    """What a process needs: a kind of database, a place in it, a folder, and its last moment."""

    kind: str
    place: str
    folder: str
    moment: float


def die_at(moment: float) -> None:
    """Be killed by the system after some seconds, wherever the process is then."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, moment)


def putter(task: Task, name: str, turn: int) -> None:
    """Put deliveries about several entities; write down which were accepted."""
    inbox, log = open_inbox(task.kind, task.place), Log(f"{task.folder}/accepted")
    for number in count():
        if number == 1:  # The first one takes long: it opens a connection.
            die_at(task.moment)
        entities = sorted({number % ENTITIES, (number + turn) % ENTITIES})
        body = f"{name} {turn:05}.{number:05}"
        inbox.put(delivery(f"{body} "), [part(f"1/leads/{entity}") for entity in entities])
        for entity in entities:
            log.write(f"1/leads/{entity}", body)


def worker(task: Task) -> None:
    """Handle what is there; write down what was handled, and what was marked afterwards."""
    inbox, log = open_inbox(task.kind, task.place), Log(f"{task.folder}/handled")
    handle(inbox, log)
    die_at(task.moment)
    while True:
        handle(inbox, log)


def handle(inbox: SQLInbox, log: Log) -> bool:
    """Handle the events of one lease; return whether there was one."""
    lease = inbox.take(600)
    if lease is None:
        return False
    for event in lease.events:
        body = event.delivery.body.decode()
        log.write("handled", lease.key, body)
        assert inbox.done(lease, event)
        log.write("marked", lease.key, body)
    inbox.release(lease)
    return True
