"""What every inbox must do: in memory, in SQLite, PostgreSQL and MariaDB, with and without keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from amocrm.sandbox import ManualClock
from amocrm.stores.encrypted import EncryptedStore
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.servers import open_inbox
from tests.webhooks.inbox.conftest import Places
from tests.webhooks.inbox.contract import InboxContract


class TestMemory(InboxContract):
    @pytest.fixture(autouse=True)
    def _inbox(self) -> None:
        self.clock = ManualClock()
        self.inbox = MemoryInbox(clock=self.clock)


@pytest.fixture(scope="class")
def shared(request: Any, places: Places) -> Iterator[tuple[ManualClock, SQLInbox]]:
    """An inbox for all tests of a class: it has compiled its statements."""
    kind, clock = request.cls.kind, ManualClock()
    place, keys = places(kind), request.cls.keys
    # Patient: crowds on a busy machine are not what `patience` is about.
    inbox = open_inbox(kind, place, clock=clock, keys=keys, patience=30)
    yield clock, inbox
    inbox.close()


class Stored(InboxContract):
    kind: str
    keys: str | None = None

    @pytest.fixture(autouse=True)
    def _inbox(self, shared: tuple[ManualClock, SQLInbox], places: Places) -> None:
        self.clock, self.inbox = shared
        self.inbox.hand_over(None)
        places(self.kind)


class TestSQLite(Stored):
    kind = "sqlite"


class TestPostgreSQL(Stored):
    kind = "postgres"


class TestMariaDB(Stored):
    kind = "mysql"


class TestEncrypted(Stored):
    kind = "sqlite"
    keys = EncryptedStore.new_key()
