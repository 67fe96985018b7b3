"""What every store must do, whatever it keeps its tokens in: the suite that users run too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from amocrm import MemoryStore, TokenStore
from amocrm.stores.contract import StoreContract
from amocrm.stores.encrypted import EncryptedStore
from amocrm.stores.sql import SQLStore
from tests.servers import URLS, new_place, open_store


class TestMemory(StoreContract):
    store: TokenStore

    @pytest.fixture(autouse=True)
    def place(self) -> None:
        self.store = MemoryStore()

    def make(self) -> TokenStore:
        return self.store


class Kept(StoreContract):
    kind: str
    place: str

    @pytest.fixture(autouse=True)
    def have_place(self, tmp_path: Path) -> Iterator[None]:
        with new_place(self.kind, tmp_path) as self.place:
            yield

    def make(self) -> TokenStore:
        return open_store(self.kind, self.place)


class TestFile(Kept):
    kind = "file"


class TestSQLite(Kept):
    kind = "sqlite"


class Pooled(Kept):
    pool: sa.Engine

    @pytest.fixture(autouse=True)
    def have_pool(self) -> Iterator[None]:
        self.pool = sa.create_engine(URLS[self.kind])
        yield
        self.pool.dispose()

    def make(self) -> TokenStore:
        return SQLStore(self.pool, self.place)


class TestPostgreSQL(Pooled):
    kind = "postgres"


class TestMySQL(Pooled):
    kind = "mysql"


class TestRedis(Kept):
    kind = "redis"


class TestEncrypted(Kept):
    kind = "file"
    keys = EncryptedStore.new_key()

    def make(self) -> TokenStore:
        return EncryptedStore(super().make(), self.keys)
