"""The inbox of webhooks: what a `put` costs, what taking the next costs among a million.

    python benchmarks/webhook_inbox.py put [--puts 500]
    python benchmarks/webhook_inbox.py rate [--seconds 10]
    python benchmarks/webhook_inbox.py take [--deliveries 1000000] [--only postgres]

`put`: a delivery of 900 bytes with one event, against a bare INSERT of the same body into a table
without indexes, each committed, turn by turn. SQLite is in the folder of `--folder`.

`rate`: deliveries a second that four processes store in PostgreSQL, against the bare INSERT.

`take`: leasing the next queue among 1,000 and among 1,000,000 deliveries: all others are done; all
are undone, and of as many entities; 1,000 and 100,000 are undone, and of one entity. The ratio
counts.

PostgreSQL and MariaDB are those of the tests (`AMOCRM_TEST_POSTGRES`, `AMOCRM_TEST_MYSQL`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from statistics import median, quantiles

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from table import show

from amocrm.webhooks.inbox.inbox import Part, RawDelivery
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.inbox.tables import describe_tables

URLS = {
    "postgres": os.environ.get(
        "AMOCRM_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
    ),
    "mysql": os.environ.get(
        "AMOCRM_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true"
    ),
}
KINDS = ["sqlite", "postgres", "mysql"]
BODY = b"leads%5Bstatus%5D%5B0%5D%5Bid%5D=" * 27
PROCESSES = 4
TAKES = 100
SPAWN = multiprocessing.get_context("spawn")

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    " {into} SELECT {columns} FROM n",
    "postgres": "{into} SELECT {columns} FROM generate_series(1, {count}) AS n(i)",
    "mysql": "{into} SELECT {columns} FROM (SELECT seq AS i FROM seq_1_to_{count}) AS n",
}
"""How a database makes many rows at once."""
DIGEST = {
    "sqlite": "printf('%064d', i)", "postgres": "lpad(i::text, 64, '0')",
    "mysql": "lpad(i, 64, '0')",
}  # fmt: skip
BLOB = {
    "sqlite": "CAST('{}' AS BLOB)", "postgres": "convert_to('{}', 'UTF8')", "mysql": "'{}'",
}  # fmt: skip


@contextmanager
def place(kind: str, folder: str) -> Generator[tuple[str, str]]:
    """Make the tables of an inbox; yield their URL and prefix; drop them."""
    prefix = f"amocrm_bench_{uuid.uuid4().hex[:8]}_"
    url = URLS.get(kind, f"sqlite:///{folder}/{prefix}.db")
    inbox = SQLInbox(url, table_prefix=prefix)
    inbox.create_table()
    inbox.close()
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        number = {
            "sqlite": "INTEGER PRIMARY KEY", "postgres": "BIGSERIAL PRIMARY KEY",
            "mysql": "BIGINT AUTO_INCREMENT PRIMARY KEY",
        }[kind]  # fmt: skip
        body = {"sqlite": "BLOB", "postgres": "BYTEA", "mysql": "MEDIUMBLOB"}[kind]
        connection.execute(
            sa.text(f"CREATE TABLE {prefix}bare (id {number}, body {body}, at FLOAT)")
        )
    try:
        yield url, prefix
    finally:
        with engine.begin() as connection:
            for name in (*(table.name for table in describe_tables(prefix)), f"{prefix}bare"):
                connection.execute(sa.text(f"DROP TABLE {name}"))


def bare_insert(kind: str, url: str, prefix: str) -> Callable[[], object]:
    """Return what inserts one row through the driver, and commits."""
    mark = "?" if kind == "sqlite" else "%s"
    query = f"INSERT INTO {prefix}bare (body, at) VALUES ({mark}, {mark})"
    if kind == "sqlite":
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        return lambda: file.execute(query, (BODY, time.time()))
    engine = sa.create_engine(url, poolclass=NullPool)
    driver = engine.raw_connection()
    cursor = driver.cursor()

    def insert() -> None:
        cursor.execute(query, (BODY, time.time()))
        driver.commit()

    return insert


def our_put(inbox: SQLInbox) -> Callable[[], object]:
    """Return what stores one delivery of a new entity."""

    def put() -> None:
        name = uuid.uuid4().hex
        raw = RawDelivery(
            "account", 1, "/account/1", "application/x-www-form-urlencoded",
            BODY + name.encode(), time.time(),
        )  # fmt: skip
        assert inbox.put(raw, [Part(f"1/leads/{name}", "status_lead", None)]) is not None

    return put


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds of some work."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def shown(times: Sequence[float]) -> str:
    """Return the median and the 99th percentile."""
    return f"{median(times):.2f} / {quantiles(times, n=100)[98]:.2f}"


def measure_put(folder: str, puts: int) -> None:
    """Print the milliseconds of a `put` and of a bare INSERT: median and 99th percentile."""
    rows: list[list[str]] = []
    for kind in KINDS:
        with place(kind, folder) as (url, prefix):
            inbox = SQLInbox(url, table_prefix=prefix)
            steps = [bare_insert(kind, url, prefix), our_put(inbox)]
            for step in steps:
                step()
            bare, ours = zip(*([timed(step) for step in steps] for _ in range(puts)), strict=True)
            inbox.close()
        ratio = f"{median(ours) / median(bare):.1f}"
        rows.append([kind, shown(bare), shown(ours), ratio])
    show(
        f"put, ms (median / p99 of {puts}; load {os.getloadavg()[0]:.1f})",
        ["database", "bare INSERT", "put", "ratio of medians"], rows,
    )  # fmt: skip


def store_for(
    url: str, prefix: str, is_ours: bool, seconds: float, gate: Barrier, counts: Queue[int]
) -> None:
    """Store for some seconds; tell how many were stored."""
    inbox = SQLInbox(url, table_prefix=prefix)
    step = our_put(inbox) if is_ours else bare_insert("postgres", url, prefix)
    step()
    gate.wait()
    stored, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        step()
        stored += 1
    counts.put(stored)
    inbox.close()


def measure_rate(seconds: float) -> None:
    """Print how many deliveries a second four processes store in PostgreSQL."""
    rows: list[list[str]] = []
    for name, is_ours in (("bare INSERT", False), ("put", True)):
        with place("postgres", "") as (url, prefix):
            gate, counts = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
            arguments = (url, prefix, is_ours, seconds, gate, counts)
            running = [SPAWN.Process(target=store_for, args=arguments) for _ in range(PROCESSES)]
            for process in running:
                process.start()
            stored = sum(counts.get() for _ in running)
            for process in running:
                process.join()
        rows.append([name, f"{stored / seconds:,.0f}"])
    show(
        f"stored in PostgreSQL by {PROCESSES} processes (load {os.getloadavg()[0]:.1f})",
        ["", "a second"], rows,
    )  # fmt: skip


def fill(kind: str, url: str, prefix: str, count: int, state: str, entities: int) -> None:
    """Make many deliveries of one event each, as if they had been put."""
    key = "concat('1/leads/', {})" if kind == "mysql" else "'1/leads/' || {}"
    no, body = "false" if kind == "postgres" else "0", BLOB[kind].format("x" * 300)
    deliveries = {
        "digest": DIGEST[kind], "kind": "'account'", "account_id": "1", "path": "'/account/1'",
        "content_type": "'text/plain'", "body": body, "is_encrypted": no, "received_at": "i",
        "synthetic": no,
    }  # fmt: skip
    events = {
        "delivery_id": "i", "position": "0", "queue": key.format(f"(i % {entities})"),
        "code": "'status_lead'", "state": f"'{state}'", "attempts": "0", "handled_by": "'[]'",
        "error": "''",
    }  # fmt: skip
    queues = {"name": key.format("(i - 1)"), "due_at": "1000 + i"}
    engine = sa.create_engine(url, poolclass=NullPool)
    for name, columns, rows in (
        ("deliveries", deliveries, count),
        ("webhook_events", events, count),
        ("entity_queues", queues, entities if state == "undone" else 0),
    ):
        into = f"INSERT INTO {prefix}{name} ({', '.join(columns)})"
        query = NUMBERS[kind].format(into=into, columns=", ".join(columns.values()), count=rows)
        if rows:
            with engine.begin() as connection:
                connection.exec_driver_sql(query if kind == "sqlite" else query.replace("%", "%%"))
    if kind == "postgres":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in describe_tables(prefix):
                connection.execute(sa.text(f"VACUUM ANALYZE {table.name}"))


@contextmanager
def filled(
    kind: str, folder: str, count: int, state: str, entities: int
) -> Generator[Callable[[], float]]:
    """Fill an inbox; yield what takes the next queue and returns the milliseconds."""
    with place(kind, folder) as (url, prefix):
        fill(kind, url, prefix, count, state, entities)
        inbox = SQLInbox(url, table_prefix=prefix)
        put = our_put(inbox)
        if state == "done":
            for _ in range(TAKES + 1):
                put()

        def take() -> float:
            started = time.perf_counter()
            lease = inbox.take(600)
            spent = (time.perf_counter() - started) * 1000
            assert lease is not None
            if entities == 1:
                inbox.done(lease, lease.events[0])
                inbox.release(lease)
            return spent

        take()
        yield take
        inbox.close()


def measure_take(folder: str, deliveries: int, kinds: Sequence[str]) -> None:
    """Print what taking the next costs among few and among many, turn by turn."""
    rows: list[list[str]] = []
    for kind in kinds:
        for name, state, many, of_one in (
            ("all others done", "done", deliveries, False),
            ("all undone, as many entities", "undone", deliveries, False),
            ("one entity, all undone", "undone", deliveries // 10, True),
        ):
            with (
                filled(kind, folder, 1_000, state, 1 if of_one else 1_000) as few,
                filled(kind, folder, many, state, 1 if of_one else many) as much,
            ):
                times = [(few(), much()) for _ in range(TAKES)]
            among_few, among_many = (median(some) for some in zip(*times, strict=True))
            ratio = f"{among_many / among_few:.2f}"
            rows.append(
                [kind, name, f"{among_few:.2f}", f"{many:,}", f"{among_many:.2f}", ratio]
            )  # fmt: skip
    show(
        f"take, median ms of {TAKES} (load {os.getloadavg()[0]:.1f})",
        ["database", "deliveries", "among 1,000", "many", "among many", "ratio"], rows,
    )  # fmt: skip


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=["put", "rate", "take"])
    parser.add_argument("--puts", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--only", choices=KINDS, action="append")
    parser.add_argument("--folder", default=None, help="of the SQLite databases")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        if chosen.part == "put":
            measure_put(folder, chosen.puts)
        elif chosen.part == "rate":
            measure_rate(chosen.seconds)
        else:
            measure_take(folder, chosen.deliveries, chosen.only or KINDS)


if __name__ == "__main__":
    main()
