from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from amocrm import TokenStoreError
from amocrm.stores.file import FileStore
from amocrm.stores.locks import PATIENCE, Stripes
from amocrm.stores.memory import MemoryStore
from amocrm.stores.store import STRIPES, Key

ACCOUNT = "example.amocrm.ru"


class Recorder(MemoryStore):
    """Remembers which locks were taken, in which order, and how long one would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[Key, float]] = []

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        self.taken.append((key, timeout))
        with super().lock(key, timeout):
            yield


def test_texts_are_locked_in_one_order_and_each_stripe_once() -> None:
    store = Recorder()
    texts = [str(number) for number in range(1000)]
    with Stripes(store, "client", ACCOUNT)(*texts):
        pass
    with Stripes(store, "client", ACCOUNT)(*reversed(texts), *texts):
        pass
    first, second = store.taken[:STRIPES], store.taken[STRIPES:]
    assert first == second
    assert len(set(first)) == STRIPES
    assert {timeout for _, timeout in first} == {PATIENCE}


def test_one_text_is_one_lock_and_leaves_no_trace_of_itself(tmp_path: Path) -> None:
    lock = Stripes(FileStore(tmp_path), "client", ACCOUNT)
    for number in range(3 * STRIPES):
        with lock(f"+7900{number}"):
            pass
    names = os.listdir(tmp_path)
    assert 0 < len(names) <= STRIPES
    assert not [name for name in names if "7900" in name or not name.endswith(".lock")]
    assert FileStore(tmp_path).accounts("client") == []


def test_the_same_text_waits_and_another_one_does_not() -> None:
    store = MemoryStore()
    lock, other = Stripes(store, "client", ACCOUNT), Stripes(store, "client", "other.amocrm.ru")
    entered, held = threading.Event(), threading.Event()

    def enter() -> None:
        with Stripes(store, "client", ACCOUNT)("+7900"):
            entered.set()

    with lock("+7900", "a"):
        thread = threading.Thread(target=enter)
        thread.start()
        with other("+7900"):
            held.set()
        assert not entered.is_set()
    thread.join(30)
    assert entered.is_set()
    assert held.is_set()


class Broken(MemoryStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        raise self.error
        yield


def test_every_error_of_a_store_becomes_a_token_store_error() -> None:
    for error in (OSError("secret"), TokenStoreError("busy")):
        with pytest.raises(TokenStoreError) as caught:
            with Stripes(Broken(error), "client", ACCOUNT)("a"):
                pytest.fail("it was not locked")
        assert "secret" not in str(caught.value)


def test_exceptions_under_the_lock_are_not_changed() -> None:
    with pytest.raises(ZeroDivisionError):
        with Stripes(MemoryStore(), "client", ACCOUNT)("a"):
            raise ZeroDivisionError
