"""What every inbox must do: in memory, in SQLite, PostgreSQL and MariaDB, with and without keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from amocrm.sandbox import ManualClock
from amocrm.stores.encrypted import EncryptedStore
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.servers import clear_inbox, inbox_place, open_inbox
from tests.webhooks.inbox.contract import InboxContract


class TestMemory(InboxContract):
    @pytest.fixture(autouse=True)
    def _inbox(self) -> None:
        self.clock = ManualClock()
        self.inbox = MemoryInbox(clock=self.clock)


@pytest.fixture(scope="class")
def shared(
    request: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ManualClock, SQLInbox]]:
    """An inbox for all tests of a class: opening one takes longer than most of the tests."""
    clock = ManualClock()
    with inbox_place(request.cls.kind, tmp_path_factory.mktemp("inbox")) as place:
        inbox = open_inbox(request.cls.kind, place, clock=clock, keys=request.cls.keys)
        yield place, clock, inbox
        inbox.close()


class Stored(InboxContract):
    kind: str
    keys: str | None = None

    @pytest.fixture(autouse=True)
    def _inbox(self, shared: tuple[str, ManualClock, SQLInbox]) -> None:
        place, self.clock, self.inbox = shared
        self.inbox.hand_over(None)
        clear_inbox(self.kind, place)


class TestSQLite(Stored):
    kind = "sqlite"


class TestPostgreSQL(Stored):
    kind = "postgres"


class TestMariaDB(Stored):
    kind = "mysql"


class TestEncrypted(Stored):
    kind = "sqlite"
    keys = EncryptedStore.new_key()
