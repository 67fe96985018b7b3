"""Stores that go down under a working client: calls go on, and no pair is lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from amocrm import MemoryStore, TokenStore, TokenStoreError
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.redis import RedisStore
from amocrm.stores.sql import SQLStore
from amocrm.stores.store import Key
from tests.auth.test_refresh_safety import AtGrants
from tests.conftest import Make
from tests.servers import DATABASES, OwnRedis, door, engine, new_place

DAY = 86_400
Outage = tuple[TokenStore, Callable[[], None], Callable[[], None]]
"""A store, what takes it down, and what brings it back."""


@contextmanager
def failing_redis(folder: Path, port: int) -> Iterator[Outage]:
    server = OwnRedis(folder, port)
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            # A lock whose holder could not give it back lives on over the restart.
            yield RedisStore(client, lock_seconds=0.5), server.stop, server.start
    finally:
        server.stop()


@contextmanager
def failing_database(kind: str, folder: Path) -> Iterator[Outage]:
    with new_place(kind, folder) as place, door(kind) as (way, url):
        yield SQLStore(engine(url), place), way.shut, way.reopen


@pytest.fixture(params=[*DATABASES, "redis"])
def outage(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> Iterator[Outage]:
    if request.param == "redis":
        with failing_redis(tmp_path, free_port) as outage:
            yield outage
    else:
        with failing_database(request.param, tmp_path) as outage:
            yield outage


def test_calls_go_on_while_the_store_is_down_and_the_next_process_finds_the_pair(
    make: Make, sandbox: Sandbox, clock: ManualClock, outage: Outage
) -> None:
    store, go_down, come_back = outage
    crm = make({"code": sandbox.issue_code()}, store=store)
    crm.connect()
    go_down()
    assert crm.request.get("/api/v4/account").info.status_code == 200
    clock.advance(DAY + 1)
    with pytest.raises(TokenStoreError):
        crm.request.get("/api/v4/account")
    assert sandbox.counters["grants.refresh"] == 0
    come_back()
    assert crm.request.get("/api/v4/account").info.status_code == 200
    again = make(store=store)
    assert again.request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refresh"] == 1
    assert sandbox.counters["grants.refused"] == 0


def test_a_store_that_dies_during_the_grant_loses_no_pair_of_a_living_process(
    make: Make, sandbox: Sandbox, clock: ManualClock, outage: Outage
) -> None:
    store, go_down, come_back = outage
    session = AtGrants(lambda: None)
    crm = make({"code": sandbox.issue_code()}, store=store, session=sandbox.mount(session))
    crm.connect()
    clock.advance(DAY + 1)

    def inject() -> None:
        session.what = lambda: None
        go_down()

    session.what = inject
    with pytest.raises(TokenStoreError):
        crm.request.get("/api/v4/account")
    assert crm.request.get("/api/v4/account").info.status_code == 200
    come_back()
    clock.advance(DAY + 1)
    assert crm.request.get("/api/v4/account").info.status_code == 200
    assert make(store=store).request.get("/api/v4/account").info.status_code == 200
    assert sandbox.counters["grants.refused"] == 0


class DiesUnderLocks(MemoryStore):
    """A store of the user's own, which cannot give a lock back."""

    @contextmanager
    def lock(self, key: Key, timeout: float) -> Generator[None, None, None]:
        with super().lock(key, timeout):
            yield
        raise ConnectionError("gone")


def test_a_lock_that_cannot_be_given_back_fails_no_call(
    make: Make, sandbox: Sandbox, clock: ManualClock
) -> None:
    crm = make({"code": sandbox.issue_code()}, store=DiesUnderLocks())
    assert crm.request.get("/api/v4/account").info.status_code == 200
    clock.advance(DAY)
    assert crm.request.get("/api/v4/account").info.status_code == 200
