"""Tests for token stores, also for a store of yours.

The module imports no test library; pytest collects the tests from a class of yours::

    import pytest
    from amocrm.stores.contract import StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture(autouse=True)
        def place(self, tmp_path):
            self.folder = tmp_path

        def make(self):
            return MyStore(self.folder)

Each test uses a different integration, so all tests, and many runs, can use one store.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from amocrm.errors import TokenStoreError
from amocrm.stores.store import Key, TokenStore

__all__ = ["StoreContract"]

PATIENCE: Final = 30.0
"""Seconds after which a test fails because the store hangs."""

AT_ONCE: Final = 0.05
"""Seconds to wait for a lock that is certainly locked, or certainly free."""

THREADS: Final = 8

Result = TypeVar("Result")

TEXTS: Final = (
    '{"token": {"access_token": "a"}}',
    "",
    "'; DROP TABLE amocrm_tokens; -- %s :id \\ \" \t\r\n",
    "Имя 日本 🙂 e\u0301",
    "x" * 65_536,
    "й" * 65_536,
)

HOSTILE: Final = (
    "other.amocrm.ru", "../../example.amocrm.ru", "/etc/passwd", "EXAMPLE.amocrm.ru",
    "example.amocrm.ru ", "", "a|b", "%", "Имя", "x" * 300,
)  # fmt: skip

COMMANDS: Final = (
    "'; DROP TABLE amocrm_tokens; --", "' OR '1'='1", '" OR ""="', "_%", "*", "[a-z]*", "\\",
    "\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "${x}", ":name", "%(x)s", "%s", "?",
    "a\tb",
)  # fmt: skip

_naming: Final = threading.Lock()


class StoreContract:
    """The tests. Define `make`, which opens your store."""

    _key: Key | None = None

    def make(self) -> TokenStore:
        """Open the store; each call opens the same data again, as another process would."""
        raise NotImplementedError

    @property
    def key(self) -> Key:
        """Return a key that no other test uses."""
        with _naming:  # Threads ask too.
            if self._key is None:
                self._key = Key(uuid.uuid4().hex, "example.amocrm.ru")
            return self._key

    def test_a_new_store_is_empty(self) -> None:
        store = self.make()
        assert store.load(self.key) is None
        assert list(store.accounts(self.key.client_id)) == []

    def test_every_instance_loads_the_saved_text_unchanged(self) -> None:
        there = None
        for text in TEXTS:
            assert self.make().save(self.key, text, there) is True
            assert self.make().load(self.key) == text
            there = text

    def test_a_text_replaces_only_the_one_that_was_loaded(self) -> None:
        store = self.make()
        assert store.save(self.key, "one", "never there") is False
        assert store.load(self.key) is None
        assert store.save(self.key, "one", None) is True
        assert store.save(self.key, "two", None) is False
        assert store.save(self.key, "two", "ONE") is False
        assert store.save(self.key, "two", "one ") is False
        assert self.make().load(self.key) == "one"
        assert self.make().save(self.key, "two", "one") is True
        assert store.save(self.key, "three", "one") is False
        assert store.load(self.key) == "two"
        assert store.save(self.key, "one", "two") is True
        assert store.load(self.key) == "one"

    def test_only_one_of_many_threads_replaces_the_same_text(self) -> None:
        there: str | None = None
        for attempt in range(5):
            start = threading.Barrier(THREADS)

            def swap(
                number: int, attempt: int = attempt, old: str | None = there,
                start: threading.Barrier = start,
            ) -> str | None:  # fmt: skip
                store, text = self.make(), f"{attempt} by {number}"
                start.wait(PATIENCE)
                return text if store.save(self.key, text, old) else None

            winners = [text for text in _each(swap) if text is not None]
            assert len(winners) == 1, f"{len(winners)} of {THREADS} replaced the same text"
            there = self.make().load(self.key)
            assert winners == [there]

    def test_readers_see_the_old_or_the_new_text(self) -> None:
        texts = ["a" * 4000, "b" * 9000]
        assert self.make().save(self.key, texts[0], None)
        over = threading.Event()

        def write() -> None:
            store = self.make()
            try:
                for attempt in range(100):
                    assert store.save(self.key, texts[(attempt + 1) % 2], texts[attempt % 2])
            finally:
                over.set()

        with ThreadPoolExecutor(1) as pool:
            writing, store = pool.submit(write), self.make()
            while not over.is_set():
                assert store.load(self.key) in texts
            writing.result(PATIENCE)

    def test_a_forgotten_text_is_removed_and_can_be_saved_again(self) -> None:
        store = self.make()
        store.forget(self.key)
        assert store.save(self.key, "one", None)
        self.make().forget(self.key)
        assert store.load(self.key) is None
        assert store.save(self.key, "two", "one") is False
        store.forget(self.key)
        assert store.save(self.key, "two", None) is True
        assert store.load(self.key) == "two"

    def test_accounts_are_those_of_one_integration(self) -> None:
        store, mine = self.make(), self.key.client_id
        hosts = ["example.amocrm.ru", "other.amocrm.ru", "third.kommo.com"]
        for host in hosts:
            assert store.save(Key(mine, host), "text", None)
        assert store.save(Key(f"{mine}2", "fourth.amocrm.ru"), "text", None)
        with store.lock(Key(mine, "locked.amocrm.ru"), PATIENCE):
            assert sorted(self.make().accounts(mine)) == hosts
        store.forget(Key(mine, "other.amocrm.ru"))
        assert sorted(store.accounts(mine)) == ["example.amocrm.ru", "third.kommo.com"]

    def test_keys_with_any_characters_are_separate(self) -> None:
        mine, store = self.key.client_id, self.make()
        keys = [self.key, *(Key(mine, name) for name in HOSTILE)]
        keys += [Key(mine.upper() + "X", self.key.account), Key(f"{mine}|a", "b")]
        for number, key in enumerate(keys):
            assert store.load(key) is None, f"{key} is mistaken for another"
            assert store.save(key, str(number), None)
        assert [store.load(key) for key in keys] == [str(number) for number in range(len(keys))]
        for key in keys:
            store.forget(key)

    def test_names_are_not_run_as_commands(self) -> None:
        mine, store = self.key.client_id, self.make()
        assert store.save(self.key, "mine", None)
        for name in COMMANDS:
            for key in (Key(mine, name), Key(mine[:16] + name, "example.amocrm.ru")):
                assert store.load(key) is None, f"{key} is mistaken for another"
                assert store.save(key, name, None)
                assert store.save(key, "other", "mine") is False
                assert store.load(key) == name
                assert self.key.account in store.accounts(key.client_id)
                with store.lock(key, PATIENCE):
                    assert self.make().load(self.key) == "mine"
            # Only the named one is removed.
            store.forget(Key(mine[:16] + name, "example.amocrm.ru"))
            assert store.load(Key(mine, name)) == name
        assert self.key.account in store.accounts(mine)
        assert store.load(self.key) == "mine"

    def test_the_lock_excludes_other_threads(self) -> None:
        self._one_at_a_time(lambda shared: shared)

    def test_the_lock_excludes_threads_with_different_instances(self) -> None:
        self._one_at_a_time(lambda _: self.make())

    def _one_at_a_time(self, open_store: Callable[[TokenStore], TokenStore]) -> None:
        shared, inside = self.make(), threading.Lock()
        overlaps: list[int] = []

        def work(number: int) -> None:
            store = open_store(shared)
            for _ in range(3):
                with store.lock(self.key, PATIENCE):
                    # It is free if no other thread is here.
                    if not inside.acquire(blocking=False):
                        overlaps.append(number)
                        continue
                    store.load(self.key)
                    inside.release()

        _each(work)
        assert not overlaps, "two threads held the lock at the same time"

    def test_waiting_for_the_lock_ends_after_the_timeout(self) -> None:
        store = self.make()
        with self._held(store):
            for other in (store, self.make()):
                with _refused(), other.lock(self.key, AT_ONCE):
                    pass
            with store.lock(Key(self.key.client_id, "other.amocrm.ru"), PATIENCE):
                pass
        with self.make().lock(self.key, PATIENCE):
            pass

    def test_the_lock_is_released_after_an_exception(self) -> None:
        store = self.make()
        for trouble in (ValueError, KeyboardInterrupt):
            with contextlib.suppress(trouble), store.lock(self.key, PATIENCE):
                raise trouble
            with self.make().lock(self.key, PATIENCE):
                pass

    def test_saving_and_loading_work_without_the_lock(self) -> None:
        store = self.make()
        with store.lock(self.key, PATIENCE):
            assert store.save(self.key, "one", None)
            assert store.load(self.key) == "one"
        with self._held(store):
            for other in (store, self.make()):
                there = other.load(self.key)
                assert other.save(self.key, f"{there}, two", there)
                other.forget(self.key)

    @contextmanager
    def _held(self, store: TokenStore) -> Generator[None, None, None]:
        """Lock a key in another thread while the block runs."""
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with store.lock(self.key, PATIENCE):
                held.set()
                done.wait(PATIENCE)

        with ThreadPoolExecutor(1) as pool:
            holder = pool.submit(hold)
            try:
                assert held.wait(PATIENCE), "a free lock could not be locked"
                yield
            finally:
                done.set()
            holder.result(PATIENCE)


def _each(work: Callable[[int], Result]) -> list[Result]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS), timeout=PATIENCE))


@contextmanager
def _refused() -> Generator[None, None, None]:
    """Expect a TokenStoreError."""
    try:
        yield
    except TokenStoreError:
        return
    raise AssertionError("waiting for a locked lock did not raise TokenStoreError")
