"""A database that is down, silent, locked or full: told in time, and nothing is lost."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import InboxError
from amocrm.stores.time_limits import TimeLimits
from amocrm.webhooks.inbox.inbox import Inbox, Lease
from amocrm.webhooks.inbox.sql import PATIENCE as DEFAULT
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.own_servers import small_disk
from tests.servers import COMMIT, DATABASES, Forwarder, door, engine, inbox_place, open_inbox
from tests.webhooks.inbox.conftest import Places
from tests.webhooks.inbox.contract import beneath, bodies, delivery, drain, finish, part

PATIENCE = 1.0
"""Seconds that a `put` may take where tests wait for the end of them."""
MOMENT = 20.0
"""Seconds that a busy machine may take besides; drivers themselves wait for longer, or for ever."""

Way = tuple[Forwarder, SQLInbox, SQLInbox]
"""A proxy, an inbox behind it, and the same inbox without it."""


@pytest.fixture
def patience() -> float:
    """Seconds that a `put` may take; tests of silence have less."""
    return 30.0


@pytest.fixture(params=DATABASES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def way(kind: str, places: Places, patience: float) -> Iterator[Way]:
    place = places(kind)
    with door(kind) as (proxy, url):
        inbox = SQLInbox(url, table_prefix=f"{place}_", patience=patience)
        direct = open_inbox(kind, place)
        yield proxy, inbox, direct
        proxy.close()
        inbox.close()
        direct.close()


def calls(inbox: Inbox, lease: Lease) -> list[Callable[[], object]]:
    event = lease.events[0]
    return [
        lambda: inbox.put(delivery("new"), [part()]),
        lambda: inbox.take(60),
        lambda: inbox.take_of(1, 60),
        lambda: inbox.extend(lease, 60),
        lambda: inbox.handled(lease, event, "one"),
        lambda: inbox.done(lease, event),
        lambda: inbox.failed(lease, event, "boom", None),
        lambda: inbox.release(lease),
        inbox.next_due,
        inbox.counts,
        inbox.last_received,
        inbox.dead,
        lambda: inbox.arrived(["1/leads/1"], 0),
        inbox.replay,
        lambda: inbox.not_handed_over(0),
        lambda: inbox.purge(0),
    ]


def test_every_call_tells_that_the_database_is_down_and_goes_on_when_it_is_back(way: Way) -> None:
    proxy, inbox, _ = way
    assert inbox.put(delivery("one"), [part()])
    lease = inbox.take(60)
    assert lease is not None
    proxy.shut()
    for call in calls(inbox, lease):
        with pytest.raises(InboxError, match="could not"):
            call()
    proxy.reopen()
    assert inbox.put(delivery("two"), [part()])
    assert finish(inbox, lease) == [b"one"]
    assert drain(inbox) == [b"two"]


def test_connections_that_were_cut_are_opened_again_and_nobody_notices(way: Way) -> None:
    proxy, inbox, _ = way
    for turn in range(3):
        assert inbox.put(delivery(f"{turn}"), [part()])
        proxy.cut()
        lease = inbox.take(60)
        proxy.cut()
        assert finish(inbox, lease) == [f"{turn}".encode()]
        proxy.cut()


def test_a_commit_whose_answer_was_lost_stores_the_delivery_once(way: Way, kind: str) -> None:
    proxy, inbox, direct = way
    proxy.doom(b"INSERT", COMMIT[kind])
    inbox.put(delivery("one"), [part()])
    assert proxy.deaths == 1
    proxy.doom(b"INSERT", b"webhook_events")
    inbox.put(delivery("two"), [part()])
    assert proxy.deaths == 2
    assert direct.counts().undone == 2
    assert drain(direct) == [b"one", b"two"]


def test_a_mark_whose_answer_was_lost_is_made_once(way: Way, kind: str) -> None:
    proxy, inbox, direct = way
    for number in range(2):
        inbox.put(delivery(f"{number}"), [part()])
    lease = inbox.take(60)
    assert lease is not None
    proxy.doom(b"UPDATE", COMMIT[kind])
    assert inbox.done(lease, lease.events[0])
    proxy.doom(b"UPDATE", COMMIT[kind])
    assert inbox.failed(lease, lease.events[1], "boom", None)
    assert proxy.deaths == 2
    assert [dead.attempts for dead in direct.dead()] == [1]
    proxy.doom(b"DELETE", COMMIT[kind])
    inbox.release(lease)
    assert direct.next_due() is None


@pytest.mark.parametrize("patience", [PATIENCE])
@pytest.mark.parametrize("is_connected", [True, False])
def test_a_silent_server_is_told_within_the_time_of_an_answer(way: Way, is_connected: bool) -> None:
    proxy, inbox, direct = way
    assert direct.put(delivery("one"), [part()])
    assert inbox.counts().undone == 1
    if not is_connected:
        inbox.close()
    proxy.hang()
    begin = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(inbox.put, delivery(f"{n}"), [part()]) for n in range(4)]
        told = pytest.raises(InboxError, match=r"no answer within 1 s|no connection within")
        for one in puts:
            with told as refusal:
                one.result(60)
            for error in beneath(refusal.value):
                assert not getattr(error, "params", None), "it holds a body"
    assert time.monotonic() - begin < PATIENCE + MOMENT
    proxy.cut()
    proxy.flow()
    stored = set(drain(inbox))
    assert {b"one"} <= stored <= {b"one", b"0", b"1", b"2", b"3"}


@pytest.mark.parametrize("patience", [PATIENCE])
def test_a_locked_table_is_told_within_the_time_of_an_answer(way: Way, kind: str) -> None:
    _, inbox, direct = way
    assert direct.put(delivery("one"), [part()])
    assert inbox.counts().undone == 1
    table = f"{direct!r}".split("'")[1].replace("deliveries", "entity_queues")
    lock = f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
    lock = lock if kind == "postgres" else f"SELECT * FROM {table} FOR UPDATE"
    with engine(str(direct._database._engine.url)).begin() as other:
        other.execute(sa.text(lock))
        begin = time.monotonic()
        with pytest.raises(InboxError, match="could not store a delivery"):
            inbox.put(delivery("two"), [part()])
        assert time.monotonic() - begin < PATIENCE + MOMENT
    assert drain(inbox) == [b"one"]


def test_a_locked_sqlite_database_is_told_within_the_time_of_an_answer(tmp_path: Path) -> None:
    with inbox_place("sqlite", tmp_path) as place:
        # The driver itself would wait for a minute.
        inbox = SQLInbox(f"sqlite:///{place}/inbox.db?timeout=60", patience=PATIENCE)
        other = sqlite3.connect(f"{place}/inbox.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        with ThreadPoolExecutor(3) as pool:
            puts = [pool.submit(inbox.put, delivery(f"{n}"), [part()]) for n in range(3)]
            for one in puts:
                with pytest.raises(InboxError, match="could not store a delivery"):
                    one.result(60)
        assert time.monotonic() - begin < PATIENCE + MOMENT
        assert inbox.counts() == (0, 0, None), "reading goes on"
        other.execute("ROLLBACK")
        other.close()
        assert inbox.take(60) is None
        inbox.close()


def test_a_put_is_not_overtaken_by_a_thread_that_comes_back_at_once(tmp_path: Path) -> None:
    with inbox_place("sqlite", tmp_path) as place:
        inbox = open_inbox("sqlite", place, patience=60)
        database = inbox._database
        with ThreadPoolExecutor(1) as pool:

            def let_a_put_wait(_: sa.Connection) -> Future[int | None]:
                putting = pool.submit(inbox.put, delivery("one"), [part()])
                while not (database._turns and database._turns.waiting):
                    pass
                return putting

            putting = database.run("work", let_a_put_wait)
            assert inbox.counts().undone == 1
            assert putting.result(60) is not None
        inbox.close()


def test_a_database_that_other_threads_use_is_told_within_the_time_of_an_answer(
    tmp_path: Path,
) -> None:
    with inbox_place("sqlite", tmp_path) as place:
        inbox = open_inbox("sqlite", place, patience=0.05)

        def put_meanwhile(_: sa.Connection) -> BaseException | None:
            return pool.submit(inbox.put, delivery("one"), [part()]).exception(60)

        with ThreadPoolExecutor(1) as pool:
            told = inbox._database.run("work", put_meanwhile, patience=60)
        assert isinstance(told, InboxError)
        assert "could not store a delivery: other threads have used it for 0.05 s" in str(told)
        assert inbox.put(delivery("two"), [part()])
        inbox.close()


def test_a_receiver_can_answer_within_two_seconds() -> None:
    assert DEFAULT <= 1.5


def fill(inbox: SQLInbox) -> int:
    """Store deliveries until the disk is full; return how many were stored."""
    stored: list[int | None] = []

    def fill_up() -> None:
        for number in range(1_000):
            stored.append(inbox.put(delivery(f"{number:>100000}"), [part()]))

    with pytest.raises(InboxError, match=r"could not store a delivery: \w+: .*full"):
        fill_up()
    assert len(stored) > 1
    return len(stored)


def test_a_full_database_loses_nothing_that_it_has_accepted(tmp_path: Path) -> None:
    with inbox_place("sqlite", tmp_path) as place:
        url = f"sqlite:///{place}/inbox.db"
        small = sa.create_engine(url, poolclass=sa.NullPool)

        @sa.event.listens_for(small, "connect")
        def limit(connection: Any, _: object) -> None:
            connection.execute("PRAGMA max_page_count=300")

        inbox = SQLInbox(small)
        stored = fill(inbox)
        with pytest.raises(InboxError):
            inbox.put(delivery("x" * 500_000), [part()])
        assert inbox.counts().undone == stored
        assert len(drain(inbox)) == stored
        assert inbox.purge(0) == stored
        assert inbox.put(delivery("after"), [part()])
        assert drain(inbox) == [b"after"]


def test_a_full_disk_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "small", 20) as disk,
        inbox_place("sqlite", disk.folder) as place,
        closing(open_inbox("sqlite", place)) as inbox,
    ):
        disk.fill(3_000_000)
        stored = fill(inbox)
        assert inbox.counts().undone == stored
        disk.clear()
        assert inbox.put(delivery("after"), [part()])
        found = drain(inbox)
        assert len(found) == stored + 1
        assert found[-1] == b"after"


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "inbox.db").write_bytes(b"no database " * 100)
    (tmp_path / "inbox.db").chmod(0o600)
    inbox = SQLInbox(f"sqlite:///{tmp_path}/inbox.db")
    with pytest.raises(InboxError, match="could not store a delivery: DatabaseError"):
        inbox.put(delivery(), [part()])
    inbox.close()


def test_a_pool_that_is_used_up_is_told_within_the_time_of_an_answer(
    kind: str, places: Places
) -> None:
    inbox = open_inbox(kind, places(kind), patience=PATIENCE)
    pool = inbox._database._engine
    busy = [pool.connect() for _ in range(15)]
    begin = time.monotonic()
    with pytest.raises(InboxError, match="could not store a delivery: TimeoutError"):
        inbox.put(delivery(), [part()])
    assert time.monotonic() - begin < PATIENCE + MOMENT
    for one in busy:
        one.close()
    assert inbox.take(60) is None
    inbox.close()


def test_a_lease_is_kept_over_an_outage(way: Way) -> None:
    proxy, inbox, direct = way
    assert inbox.put(delivery(), [part()])
    lease = inbox.take(60)
    proxy.shut()
    assert direct.take(60) is None
    proxy.reopen()
    assert bodies(lease) == [b"body"]
    assert finish(inbox, lease) == [b"body"]


def test_the_thread_that_watches_ends_when_there_is_nothing_to_watch() -> None:
    limits, before = TimeLimits(), set(threading.enumerate())
    one, other = socket.socketpair()
    with limits.step(0.05) as step:
        step.watch(one)
        assert one.recv(1) == b"", "shut down at the deadline"
    assert step.is_cut
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()
    one.close()
    other.close()
