"""What every store must do, whatever it keeps its tokens in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amocrm import MemoryStore, Token, TokenStore, TokenStoreError
from amocrm.stores import Key
from amocrm.stores.file import FileStore

KEY = Key("client", "example.amocrm.ru")
TOKEN = Token("a", "r", 1_700_000_000, {"token_type": "Bearer", "note": "Имя"})

Make = Callable[[], TokenStore]


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    stores: dict[str, Make] = {
        "memory": MemoryStore,
        "file": lambda: FileStore(tmp_path / "tokens"),
    }
    return stores[request.param]()


def test_nothing_is_loaded_before_something_is_saved(store: TokenStore) -> None:
    assert store.load(KEY) is None


@pytest.mark.parametrize("token", [TOKEN, Token("a"), Token("a", "r", 0.5)])
def test_what_is_saved_is_loaded(store: TokenStore, token: Token) -> None:
    store.save(KEY, Token("older", "older", 5, {"gone": 1}))
    store.save(KEY, token)
    assert store.load(KEY) == token


@pytest.mark.parametrize(
    "other",
    [
        Key("client", "other.amocrm.ru"),
        Key("other", "example.amocrm.ru"),
        Key("client|example", "amocrm.ru"),
        Key("", "example.amocrm.ru"),
        Key("client", "../../example.amocrm.ru"),
    ],
)
def test_keys_are_kept_apart(store: TokenStore, other: Key) -> None:
    store.save(KEY, TOKEN)
    assert store.load(other) is None
    store.save(other, Token("other"))
    assert store.load(KEY) == TOKEN


def test_the_lock_lets_one_in_at_a_time(store: TokenStore) -> None:
    inside, most = 0, 0

    def work(_: int) -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.lock(KEY, 30):
                inside += 1
                most = max(most, inside)
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == 1


def test_waiting_for_the_lock_has_an_end(store: TokenStore) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock(KEY, 5):
            held.set()
            assert done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        assert held.wait(10)
        with pytest.raises(TokenStoreError, match=r"for 0\.01 s"):
            with store.lock(KEY, 0.01):
                pass
        with store.lock(Key("client", "other.amocrm.ru"), 0.01):
            pass
        done.set()
        holder.result(10)
    with store.lock(KEY, 0.01):
        pass


def test_the_lock_is_given_back_after_trouble(store: TokenStore) -> None:
    with pytest.raises(KeyboardInterrupt), store.lock(KEY, 5):
        raise KeyboardInterrupt
    with store.lock(KEY, 0.01):
        pass


def test_saving_and_loading_need_no_lock_and_do_not_mind_it(store: TokenStore) -> None:
    with store.lock(KEY, 5):
        store.save(KEY, TOKEN)
        assert store.load(KEY) == TOKEN


def test_readers_never_see_half_a_token(store: TokenStore) -> None:
    tokens = [Token(letter * 900, letter * 900, 5) for letter in "ab"]
    store.save(KEY, tokens[0])
    stop = threading.Event()

    def write() -> None:
        for number in range(200):
            store.save(KEY, tokens[number % 2])
        stop.set()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not stop.is_set():
            assert store.load(KEY) in tokens
        writer.result(10)
