"""An inbox in a database: addresses, files, tables, engines of others, hidden bodies, keys."""

from __future__ import annotations

import logging
import os
import stat
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import ConfigurationError, InboxError
from amocrm.sandbox import ManualClock
from amocrm.stores.encrypted import EncryptedStore
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.inbox.tables import describe_tables
from tests.servers import DATABASES, URLS, engine, inbox_place, need, open_inbox
from tests.webhooks.inbox.conftest import Places
from tests.webhooks.inbox.contract import beneath, bodies, delivery, drain, finish, part

OLD, NEW = EncryptedStore.new_key(), EncryptedStore.new_key()
posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@pytest.fixture(params=["sqlite", *DATABASES])
def anywhere(request: pytest.FixtureRequest, places: Places) -> tuple[str, str]:
    """Kind of a database, and a place in it."""
    return request.param, places(request.param)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[str]:
    with inbox_place("sqlite", tmp_path) as place:
        yield place


def address(kind: str, place: str) -> tuple[str, str]:
    """Return the URL and the prefix of a place."""
    if kind == "sqlite":
        return f"sqlite:///{place}/inbox.db", "amocrm_"
    return URLS[kind], f"{place}_"


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://me:SECRET@127.0.0.1:1/x", "mysql+pymysql://me:SECRET@127.0.0.1:1/x"],
)
def test_nothing_is_opened_at_construction_and_no_password_is_shown(url: str) -> None:
    inbox = SQLInbox(url)
    assert "SECRET" not in repr(inbox)
    assert "127.0.0.1" in repr(inbox)
    with pytest.raises(InboxError, match="could not store a delivery") as refusal:
        inbox.put(delivery(), [part()])
    assert "SECRET" not in "".join(traceback.format_exception(refusal.value))
    inbox.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "", "no address", "nosuch://x"])
def test_a_wrong_address_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError):
        SQLInbox(url)


@pytest.mark.parametrize("kind", ["sqlite", *DATABASES])
def test_a_missing_table_is_told_with_the_call_to_make(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/inbox.db" if kind == "sqlite" else need(kind)
    inbox = SQLInbox(url, table_prefix="amocrm_test_not_there_")
    for attempt in (lambda: inbox.put(delivery(), [part()]), lambda: inbox.take(60), inbox.counts):
        with pytest.raises(InboxError, match=r"create_table\(\)"):
            attempt()
    inbox.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_tables_may_be_made_by_many_at_once_and_again(kind: str, tmp_path: Path) -> None:
    with inbox_place(kind, tmp_path) as place:
        tables = describe_tables(f"{place}_")
        with engine(URLS[kind]).begin() as connection:
            for table in tables:
                connection.execute(sa.text(f"DROP TABLE {table.name}"))

        def make(_: int) -> None:
            inbox = SQLInbox(engine(URLS[kind]), table_prefix=f"{place}_")
            inbox.create_table()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(make, range(4)))
        there = sa.inspect(engine(URLS[kind]))
        for table in tables:
            names = {one["name"] for one in there.get_indexes(table.name)}
            assert names >= {index.name for index in table.indexes}
        inbox = open_inbox(kind, place)
        assert inbox.put(delivery(), [part()])
        inbox.create_table()
        assert drain(inbox) == [b"body"]
        inbox.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_an_index_that_is_missing_is_made(kind: str, places: Places) -> None:
    """Somebody was killed between the table and its indexes."""
    place = places(kind)
    (index,) = describe_tables(f"{place}_").queues.indexes
    index.drop(engine(URLS[kind]))
    inbox = open_inbox(kind, place)
    inbox.create_table()
    found = sa.inspect(engine(URLS[kind])).get_indexes(f"{place}_entity_queues")
    assert [one["name"] for one in found] == [index.name]
    inbox.close()


def test_engines_of_others_do(anywhere: tuple[str, str]) -> None:
    url, prefix = address(*anywhere)
    theirs = sa.create_engine(url, isolation_level="SERIALIZABLE")
    inbox = SQLInbox(theirs, table_prefix=prefix)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: inbox.put(delivery(f"{n}"), [part()]), range(8)))
        leases = list(pool.map(lambda _: inbox.take(60), range(4)))
    (lease,) = [lease for lease in leases if lease is not None]
    assert len(finish(inbox, lease)) == 8
    inbox.close()
    with theirs.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    theirs.dispose()


def test_an_event_that_comes_while_a_queue_is_released_is_not_lost(
    anywhere: tuple[str, str],
) -> None:
    kind, place = anywhere
    url, prefix = address(kind, place)
    theirs = engine(url)
    inbox, other = SQLInbox(theirs, table_prefix=prefix), open_inbox(kind, place)
    with ThreadPoolExecutor(1) as pool:
        puts: list[Future[int | None]] = []

        @sa.event.listens_for(theirs, "before_cursor_execute")
        def between(_: object, __: object, statement: str, *___: object) -> None:
            if statement.startswith("DELETE") and not puts:
                puts.append(pool.submit(other.put, delivery("new"), [part()]))
                # It waits for the row that is deleted; who does not has stored it by then.
                wait(puts, 0.3)

        assert inbox.put(delivery(), [part()])
        assert finish(inbox, inbox.take(60)) == [b"body"]
        assert [put.result(60) for put in puts] != [None]
    assert drain(inbox) == [b"new"]
    other.close()


def test_what_is_replayed_while_old_deliveries_are_purged_is_not_lost(
    anywhere: tuple[str, str],
) -> None:
    kind, place = anywhere
    url, prefix = address(kind, place)
    theirs = engine(url)
    inbox, other = SQLInbox(theirs, table_prefix=prefix), open_inbox(kind, place)
    replayed: list[int] = []

    @sa.event.listens_for(theirs, "after_cursor_execute")
    def between(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("SELECT") and "EXISTS" in statement and not replayed:
            replayed.append(0)
            replayed[0] = other.replay(done=True, code="add_lead")

    assert inbox.put(delivery("one"), [part("1/leads/1"), part("1/leads/2", "update_lead")])
    assert inbox.put(delivery("two"), [part("1/leads/3", "update_lead")])
    assert sorted(drain(inbox)) == [b"one", b"one", b"two"]
    assert inbox.purge(0) == 1
    assert replayed == [1]
    assert drain(inbox) == [b"one"]
    assert inbox.purge(0) == 1
    inbox.close()
    other.close()
    theirs.dispose()


def test_queues_are_locked_in_one_order_by_all(anywhere: tuple[str, str]) -> None:
    url, prefix = address(*anywhere)
    theirs = engine(url)
    locked: list[str] = []

    @sa.event.listens_for(theirs, "before_cursor_execute")
    def note(_: object, __: object, statement: str, rows: list[Any], *___: object) -> None:
        if "entity_queues" in statement:
            locked.extend(str(row["name"] if isinstance(row, dict) else row[0]) for row in rows)

    keys = ["1/leads/2", "1/leads/1", "1/leads/3", "1/leads/1"]
    assert SQLInbox(theirs, table_prefix=prefix).put(delivery(), [part(key) for key in keys])
    assert locked == ["1/leads/1", "1/leads/2", "1/leads/3"]


@pytest.mark.parametrize(
    ("kind", "query"),
    [("postgres", "SHOW lock_timeout"), ("mysql", "SELECT @@innodb_lock_wait_timeout")],
)
def test_a_server_gives_up_waiting_for_a_lock_before_its_client(kind: str, query: str) -> None:
    inbox = SQLInbox(need(kind))
    with inbox._database._engine.connect() as connection:
        assert connection.execute(sa.text(query)).scalar() in ("1200ms", 1)
    inbox.close()


@posix
@pytest.mark.parametrize("query", ["{}", "file:{}?uri=true"])
def test_an_sqlite_file_is_its_owner_s_alone_whatever_the_mask(tmp_path: Path, query: str) -> None:
    mask = os.umask(0)
    try:
        inbox = SQLInbox(f"sqlite:///{query.format(tmp_path / 'in box.db')}")
        inbox.create_table()
        assert inbox.put(delivery(), [part()])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        inbox.close()
    finally:
        os.umask(mask)
    assert modes.keys() >= {"in box.db", "in box.db-wal"}
    assert set(modes.values()) == {0o600}, modes


@posix
def test_an_sqlite_file_that_others_can_read_is_refused_with_the_command_to_run(
    sqlite: str,
) -> None:
    path = Path(sqlite, "inbox.db")
    for url in (f"sqlite:///{path}", engine(f"sqlite:///{path}")):
        path.chmod(0o640)
        inbox = SQLInbox(url)
        with pytest.raises(InboxError, match=f"run: chmod 600 '{path}'\\)"):
            inbox.put(delivery(), [part()])
        path.chmod(0o600)
        assert inbox.take(60) is None
        inbox.close()


def test_an_sqlite_database_is_durable_and_written_ahead(sqlite: str) -> None:
    inbox = open_inbox("sqlite", sqlite)
    assert inbox.put(delivery(), [part()])
    with inbox._database._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    inbox.close()


def test_no_log_and_no_error_shows_a_body(
    anywhere: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url, prefix = address(*anywhere)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")  # what echo="debug" does
    theirs = engine(url)
    inbox = SQLInbox(theirs, table_prefix=prefix)
    assert inbox.put(delivery("s3cr3t"), [part()])
    lease = inbox.take(60)
    assert bodies(lease) == [b"s3cr3t"]
    assert lease is not None
    assert inbox.failed(lease, lease.events[0], "s3cr3t", None)
    assert len(inbox.dead()) == 1
    assert "INSERT INTO" in caplog.text
    assert "Row (" in caplog.text
    with pytest.raises(InboxError) as refusal:
        inbox.put(delivery("s3cr3t again", received_at=None), [part()])
    assert "s3cr3t" not in caplog.text
    for error in beneath(refusal.value):
        assert "s3cr3t" not in f"{error} {error!r} {vars(error)}"


def test_bodies_are_encrypted_and_keys_are_rotated(anywhere: tuple[str, str]) -> None:
    kind, place = anywhere
    url, prefix = address(kind, place)
    plain = open_inbox(kind, place)
    old = open_inbox(kind, place, keys=OLD)
    both = open_inbox(kind, place, keys=[NEW, OLD])
    plain.put(delivery("s3cr3t plain"), [part()])
    old.put(delivery("s3cr3t old"), [part()])
    assert both.put(delivery("s3cr3t old"), [part()]) is None, "it came an hour ago"
    both.put(delivery("s3cr3t new"), [part()])
    with engine(url).connect() as connection:
        rows = connection.execute(sa.text(f"SELECT body FROM {prefix}deliveries")).all()
    assert [b"s3cr3t" in bytes(row[0]) for row in rows] == [True, False, False]
    lease = both.take(60)
    assert bodies(lease) == [b"s3cr3t plain", b"s3cr3t old", b"s3cr3t new"]
    for inbox in (plain, old, both):
        inbox.close()


def test_what_no_key_decrypts_holds_nothing_else_up(sqlite: str, clock: ManualClock) -> None:
    old, new = (open_inbox("sqlite", sqlite, keys=key, clock=clock) for key in (OLD, NEW))
    plain = open_inbox("sqlite", sqlite, clock=clock)
    old.put(delivery("old"), [part()])
    clock.advance(1)
    new.put(delivery("new"), [part("1/leads/2")])
    with pytest.raises(InboxError, match="add the key"):
        new.take(60)
    assert drain(new) == [b"new"]
    clock.advance(60)
    with pytest.raises(InboxError, match="keys="):
        plain.take(60)
    clock.advance(60)
    assert drain(old) == [b"old"], "nothing was lost"
    for inbox in (old, new, plain):
        inbox.close()


def test_an_encrypted_body_that_was_moved_to_another_account_is_refused(sqlite: str) -> None:
    inbox = open_inbox("sqlite", sqlite, keys=OLD)
    inbox.put(delivery("one"), [part("1/leads/1")])
    with engine(f"sqlite:///{sqlite}/inbox.db").begin() as connection:
        connection.execute(sa.text("UPDATE amocrm_deliveries SET account_id = 2"))
    with pytest.raises(InboxError, match="another account"):
        inbox.take(60)
    inbox.close()


@pytest.mark.parametrize("keys", [[], "", "s3cr3t", ["s3cr3t"], [OLD, "s3cr3t"]])
def test_what_is_no_key_is_told_and_not_shown(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"new_key\(\)") as refusal:
        SQLInbox("sqlite:////tmp/x.db", keys=keys)
    assert "s3cr3t" not in str(refusal.value)


def test_two_inboxes_in_one_database(sqlite: str) -> None:
    one = open_inbox("sqlite", sqlite)
    other = open_inbox("sqlite", sqlite, table_prefix="other_")
    other.create_table()
    for inbox in (one, other):
        assert inbox.put(delivery(), [part()])
    for inbox in (one, other):
        assert drain(inbox) == [b"body"]
        inbox.close()
