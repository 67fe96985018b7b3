"""The database is stopped hard, or its disk is full: what was answered 200 is there afterwards."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.receiver.receiver import Receiver
from tests.own_servers import OWN, before_step, disk_for, occupy, own_server
from tests.servers import DATABASES
from tests.webhooks.arrivals import FORM, form
from tests.webhooks.inbox.contract import drain

URL = "https://example.com/amocrm"

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(300)]


class Sender:
    """Sends webhooks as amoCRM does: again, if the answer was not 200."""

    def __init__(self, inbox: SQLInbox) -> None:
        self._inbox = inbox
        self._receiver = Receiver(inbox, key="k" * 43, url=URL)
        self._path = self._receiver.address(1).removeprefix(URL)
        self._all: list[bytes] = []
        self._refused: list[bytes] = []

    def send(self, size: int = 0) -> bool:
        """Send another one; return whether it was accepted."""
        item = {"id": len(self._all), "name": "x" * size}
        self._all.append(form("leads", "update", item))
        return self._deliver(self._all[-1])

    def check(self) -> None:
        """Send again what was refused, and check that each webhook is there once."""
        refused, self._refused = self._refused, []
        assert all(map(self._deliver, refused))
        assert sorted(drain(self._inbox)) == sorted(self._all)

    def _deliver(self, body: bytes) -> bool:
        headers = {"Content-Type": FORM}
        answer = self._receiver.receive("POST", self._path, headers=headers, body=body)
        assert answer.status in (200, 503)
        if answer.status != 200:
            self._refused.append(body)
        return answer.status == 200


@pytest.mark.parametrize("kind", DATABASES)
def test_a_server_that_is_stopped_hard(kind: str) -> None:
    chance = random.Random(1)
    with own_server(kind) as server, closing(SQLInbox(server.url)) as inbox:
        inbox.create_table()
        sender = Sender(inbox)
        for _ in range(8):
            with before_step(server, chance.randrange(12), server.stop) as sent:
                while sender.send():
                    assert len(sent) < 100, "it was never stopped"
            server.start()
        sender.check()


@pytest.mark.parametrize("kind", ["sqlite", *OWN])
def test_a_full_disk(kind: str, tmp_path: Path) -> None:
    with disk_for(kind, tmp_path) as (server, disk, url), closing(SQLInbox(url)) as inbox:
        inbox.create_table()
        sender = Sender(inbox)
        assert sender.send()
        occupy(url, disk)
        accepted = [sender.send(20_000) for _ in range(300)]
        assert not accepted[-1], "the disk was never full"
        disk.clear()
        if server is not None and not server.answers():
            server.restart()
        sender.check()
