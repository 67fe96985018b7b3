"""What every store must do, whatever it keeps its tokens in: the suite that users run too."""

from __future__ import annotations

from pathlib import Path

import pytest

from amocrm import MemoryStore, TokenStore
from amocrm.stores.contract import StoreContract
from amocrm.stores.file import FileStore


class TestMemoryStore(StoreContract):
    store: TokenStore

    @pytest.fixture(autouse=True)
    def place(self) -> None:
        self.store = MemoryStore()

    def make(self) -> TokenStore:
        return self.store


class TestFileStore(StoreContract):
    folder: Path

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "tokens"

    def make(self) -> TokenStore:
        return FileStore(self.folder)
