"""Stores that go down under a working client: calls go on, and no pair is lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa

from amocrm import AmoCRMError, MemoryStore, TokenStore, TokenStoreError
from amocrm.mirror.sql.sink import Sink
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.stores.database import why_lost
from amocrm.stores.redis import RedisStore
from amocrm.stores.sql import SQLStore
from amocrm.stores.store import Key
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.auth.test_refresh_safety import AtGrants
from tests.conftest import Make
from tests.own_servers import (
    OWN,
    PASSWORD,
    OwnPostgres,
    before_step,
    disk_for,
    occupy,
    own_server,
)
from tests.servers import DATABASES, OwnRedis, door, engine, new_place
from tests.webhooks.inbox.contract import delivery, part

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


@contextmanager
def stopped_database(kind: str) -> Iterator[Outage]:
    with own_server(kind) as server:
        store = SQLStore(engine(server.url))
        store.create_table()
        yield store, server.stop, server.start


STOPPED = {f"a stopped {kind}": kind for kind in DATABASES}


@pytest.fixture(
    params=[
        *DATABASES,
        "redis",
        *(pytest.param(name, marks=pytest.mark.endurance) for name in STOPPED),
    ]
)
def outage(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> Iterator[Outage]:
    if request.param == "redis":
        with failing_redis(tmp_path, free_port) as outage:
            yield outage
    elif request.param in STOPPED:
        with stopped_database(STOPPED[request.param]) as outage:
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


FULL = psycopg.errors.DiskFull("no space")
REFUSED = psycopg.OperationalError("connection refused")


@pytest.mark.parametrize(
    ("lost", "last", "told"),
    [
        (FULL, REFUSED, FULL),
        (REFUSED, FULL, FULL),
        (FULL, psycopg.errors.AdminShutdown("shut down"), "shut down"),
        (REFUSED, psycopg.OperationalError("no route"), "no route"),
        # As PyMySQL raises them.
        (Exception(1053, "shutdown"), Exception(2003, "refused"), 1053),
        (Exception(2013, "lost"), Exception(2003, "refused"), 2003),
        (Exception(0, ""), Exception(2003, "refused"), 2003),
    ],
)
def test_of_two_errors_the_one_of_the_server_is_told(
    lost: Exception, last: Exception, told: object
) -> None:
    def wrapped(error: Exception) -> sa.exc.DBAPIError:
        return sa.exc.DBAPIError(None, None, error)

    error = why_lost(wrapped(lost), wrapped(last))
    assert isinstance(error, sa.exc.DBAPIError)
    for one in (error.orig, why_lost(lost, last)):
        assert one is not None
        assert told in (one, one.args[0])


@pytest.mark.endurance
def test_the_reason_that_a_server_gives_for_its_end_is_told() -> None:
    """And not only that it refuses connections afterwards."""
    key, reason = Key("client", "account"), "AdminShutdown: terminating connection"
    with own_server("postgres") as server, ExitStack() as stack:
        assert isinstance(server, OwnPostgres)
        store = SQLStore(engine(server.url))
        inbox = stack.enter_context(closing(SQLInbox(server.url)))
        sink = stack.enter_context(closing(Sink(server.url)))
        calls: list[Callable[[], object]] = [
            lambda: store.save(key, "text", None),
            lambda: store.load(key),
            lambda: inbox.put(delivery("body"), [part()]),
            lambda: sink.load(1),
            sink.create_tables,
        ]
        store.create_table()
        inbox.create_table()
        for number, call in enumerate(calls):
            with before_step(server, 0, server.shut_down):
                with pytest.raises(AmoCRMError, match=reason) as caught:
                    call()
            assert "\n" not in str(caught.value), number
            assert PASSWORD not in str(caught.value)
            server.start()
        assert store.save(key, "text", None)


@pytest.mark.endurance
@pytest.mark.parametrize("kind", ["sqlite", *OWN])
def test_a_full_disk_loses_no_pair(
    kind: str, make: Make, sandbox: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    with disk_for(kind, tmp_path) as (server, disk, url):
        store = SQLStore(engine(url))
        store.create_table()
        crm = make({"code": sandbox.issue_code()}, store=store)
        crm.connect()
        occupy(url, disk)
        failures = 0
        for _ in range(4):
            clock.advance(DAY + 1)
            try:
                crm.request.get("/api/v4/account")
            except TokenStoreError:
                failures += 1
        # MariaDB writes a changed row where the old one was.
        assert failures or kind == "mysql"
        disk.clear()
        if server is not None and not server.answers():
            server.restart()
        for one in (crm, make(store=store)):
            assert one.request.get("/api/v4/account").info.status_code == 200
        clock.advance(DAY + 1)
        assert make(store=store).request.get("/api/v4/account").info.status_code == 200
        assert sandbox.counters["grants.refused"] == 0
