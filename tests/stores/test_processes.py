"""Stores that processes share: who is let in, who is killed, who is forked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from amocrm import TokenStore
from amocrm.stores.redis import RedisStore
from amocrm.stores.sql import SQLStore
from amocrm.stores.store import Key
from tests.processes import APART, in_child
from tests.servers import DATABASES, EVERYWHERE, URLS, new_place, open_store

KEY = Key("client", "example.amocrm.ru")
FREE = Key("client", "free.amocrm.ru")
PROCESSES, TURNS = 4, 5


@pytest.fixture(params=EVERYWHERE)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "tokens").mkdir()
    with new_place(kind, tmp_path / "tokens") as place:
        yield place


def count(kind: str, place: str, mark: str, gate: Any, overlaps: Any) -> None:
    """Add one, often: under the lock, noting whoever else is in there, and without it."""
    store, overlapped = open_store(kind, place, pooled=True), 0
    gate.wait(60)
    for _ in range(TURNS):
        with store.lock(KEY, 60):
            try:
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                overlapped += 1
            assert add_one(store, KEY)
            os.unlink(mark)
        while not add_one(store, FREE):
            pass
    overlaps.put(overlapped)


def add_one(store: TokenStore, key: Key) -> bool:
    there = store.load(key)
    return store.save(key, str(int(there or 0) + 1), there)


def hold(kind: str, place: str, held: Any) -> None:
    """Take the lock and keep it for ever."""
    with open_store(kind, place).lock(KEY, 60):
        held.set()
        signal.pause()


def test_one_process_is_let_in_at_a_time_and_none_loses_what_it_saved(
    kind: str, place: str, tmp_path: Path
) -> None:
    gate, overlaps = APART.Barrier(PROCESSES), APART.Queue()
    arguments = (kind, place, str(tmp_path / "inside"), gate, overlaps)
    running = [APART.Process(target=count, args=arguments) for _ in range(PROCESSES)]
    for process in running:
        process.start()
    assert [overlaps.get(timeout=90) for _ in running] == [0] * PROCESSES
    for process in running:
        process.join(30)
    store = open_store(kind, place)
    assert store.load(KEY) == store.load(FREE) == str(PROCESSES * TURNS)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_lock_of_a_killed_process_is_free(kind: str, place: str) -> None:
    held = APART.Event()
    holder = APART.Process(target=hold, args=(kind, place, held))
    holder.start()
    assert held.wait(60)
    holder.kill()
    holder.join(30)
    store = open_store(kind, place)
    if isinstance(store, RedisStore):
        # Redis hears nothing of a death: this is the end of the half minute it waits for a sign.
        with redis.Redis.from_url(URLS["redis"]) as client:
            assert client.pexpire(store.lock_name(KEY), 1)
    with store.lock(KEY, 5):
        assert store.save(KEY, "one", None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", [*DATABASES, "redis", "file"])
def test_a_forked_child_uses_the_store_beside_its_parent(kind: str, place: str) -> None:
    pool = sa.create_engine(URLS[kind]) if kind in DATABASES else None
    store = open_store(kind, place) if pool is None else SQLStore(pool, place)
    assert store.save(KEY, "one", None)
    with store.lock(KEY, 5):
        assert in_child(lambda: store.save(KEY, "child", store.load(KEY)))
        assert store.load(KEY) == "child"
        assert store.save(KEY, "two", "child")
    with store.lock(KEY, 5):
        assert store.load(KEY) == "two"
    if pool is not None:
        pool.dispose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", DATABASES)
def test_a_forked_child_shares_no_connection_with_its_parent(kind: str, place: str) -> None:
    question = sa.text(
        "SELECT pg_backend_pid()" if kind == "postgres" else "SELECT CONNECTION_ID()"
    )
    pool = sa.create_engine(URLS[kind], pool_size=1, max_overflow=0)
    store = SQLStore(pool, place)
    assert store.load(KEY) is None
    with pool.connect() as connection:
        mine = connection.execute(question).scalar_one()

    def has_its_own() -> bool:
        with pool.connect() as connection:
            return bool(connection.execute(question).scalar_one() != mine)

    assert in_child(has_its_own)
    with pool.connect() as connection:
        assert connection.execute(question).scalar_one() == mine
    pool.dispose()
