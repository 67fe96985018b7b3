"""Real servers for tests: their addresses, their failures, and stores in them."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from amocrm import TokenStore
from amocrm.bulk.journals.file import FileJournal
from amocrm.bulk.journals.sql import SQLJournal
from amocrm.bulk.journals.storage import JournalStorage
from amocrm.stores.file import FileStore
from amocrm.stores.redis import RedisStore
from amocrm.stores.sql import SQLStore
from amocrm.webhooks.inbox.sql import SQLInbox
from amocrm.webhooks.inbox.tables import describe_tables

URLS = {
    "postgres": os.environ.get(
        "AMOCRM_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
    ),
    # Without this, PyMySQL loads all certificates for each connection.
    "mysql": os.environ.get(
        "AMOCRM_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true"
    ),
    "redis": os.environ.get("AMOCRM_TEST_REDIS", "redis://127.0.0.1:6379/0"),
}
PORTS = {"postgres": 5432, "mysql": 3306, "redis": 6379}
DATABASES = ["postgres", "mysql"]
EVERYWHERE = ["file", "sqlite", *DATABASES, "redis"]
COMMIT = {"postgres": b"COMMIT\x00", "mysql": b"\x03COMMIT"}
"""How a commit looks on the wire. The bare word stands in other statements as well: a transaction
is begun READ COMMITTED, and AUTOCOMMIT is switched off before it. SQLAlchemy also commits when it
sets the isolation level of MySQL, so wait for the change before it."""


def missing(what: str) -> None:
    """Skip a test if something is not installed; never in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not there")
    pytest.skip(f"{what} is not there")


def address(kind: str) -> tuple[str, int]:
    parts = urlsplit(URLS[kind])
    return parts.hostname or "127.0.0.1", parts.port or PORTS[kind]


def need(kind: str) -> str:
    """Return the URL of a server that responds; skip the test if it does not."""
    try:
        socket.create_connection(address(kind), timeout=5).close()
    except OSError:
        missing(f"{kind} at {URLS[kind].rpartition('@')[2]}")
    return URLS[kind]


def open_store(kind: str, place: str, *, pooled: bool = False) -> TokenStore:
    """Open a store; every process gets the same one.

    Pooled connections stay open until the process ends, or the store's engine is disposed of.
    """
    if pooled and kind in DATABASES:
        return SQLStore(sa.create_engine(URLS[kind]), place)
    if kind == "file":
        return FileStore(place)
    if kind == "redis":
        return RedisStore(redis.Redis.from_url(URLS["redis"]), place)
    if kind == "sqlite":
        return SQLStore(engine(f"sqlite:///{place}/tokens.db"))
    return SQLStore(engine(URLS[kind]), place)


def engine(url: str) -> sa.Engine:
    """Create an engine that closes each connection after use, because the servers are shared."""
    return sa.create_engine(url, poolclass=NullPool)


@contextmanager
def new_place(kind: str, folder: Path) -> Generator[str, None, None]:
    """Create a place for the tokens of one test, and remove it afterwards."""
    if kind in ("file", "sqlite"):
        store = open_store(kind, str(folder))
        if isinstance(store, SQLStore):
            store.create_table()
        yield str(folder)
        return
    need(kind)
    place = f"amocrm_test_{uuid.uuid4().hex[:12]}"
    store = open_store(kind, place)
    try:
        if isinstance(store, SQLStore):
            store.create_table()
        yield place
    finally:
        _clear(kind, place)


def open_journal(kind: str, place: str, patience: float = 0.5) -> JournalStorage:
    """Name a journal; every process gets the same one."""
    if kind == "file":
        return FileJournal(Path(place, "journal"))
    if kind == "sqlite":
        return SQLJournal(engine(f"sqlite:///{place}/journals.db"), "leads", patience=patience)
    return SQLJournal(engine(URLS[kind]), "leads", place, patience=patience)


@contextmanager
def journal_place(kind: str, folder: Path) -> Generator[str, None, None]:
    """Create a place for the journal of one test, and remove it afterwards."""
    if kind in DATABASES:
        need(kind)
    place = f"amocrm_test_{uuid.uuid4().hex[:12]}" if kind in DATABASES else str(folder)
    journal = open_journal(kind, place)
    try:
        if isinstance(journal, SQLJournal):
            journal.create_table()
        yield place
    finally:
        if kind in DATABASES:
            _clear(kind, place)


def open_inbox(kind: str, place: str, **settings: Any) -> SQLInbox:
    """Open an inbox in a database; every process gets the same one. Close it afterwards."""
    if kind == "sqlite":
        return SQLInbox(f"sqlite:///{place}/inbox.db", **settings)
    return SQLInbox(URLS[kind], table_prefix=f"{place}_", **settings)


@contextmanager
def inbox_place(kind: str, folder: Path) -> Generator[str, None, None]:
    """Create a place for the deliveries of one test, and remove it afterwards."""
    if kind in DATABASES:
        need(kind)
    place = f"amocrm_test_{uuid.uuid4().hex[:12]}" if kind in DATABASES else str(folder)
    inbox = open_inbox(kind, place)
    try:
        inbox.create_table()
        inbox.close()
        yield place
    finally:
        if kind in DATABASES:
            with engine(URLS[kind]).begin() as connection:
                for table in describe_tables(f"{place}_"):
                    connection.execute(sa.text(f"DROP TABLE IF EXISTS {table.name}"))


def _clear(kind: str, place: str) -> None:
    if kind == "redis":
        with redis.Redis.from_url(URLS["redis"]) as client:
            for name in list(client.scan_iter(f"{place}:*")):
                client.delete(name)
        return
    with engine(URLS[kind]).begin() as connection:
        for table in (place, f"{place}_locks"):
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {table}"))


class Forwarder:
    """A proxy that can close connections, at once or at certain bytes before the response."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._fatal: list[bytes] = []
        self.deaths = 0
        self._shut = False
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Close all connections, and each new one at once."""
        self._shut = True
        self.cut()

    def cut(self) -> None:
        """Close all open connections."""
        for one in self._open:
            _cut(one)
        self._open.clear()

    def reopen(self) -> None:
        self._shut = False

    def hang(self) -> None:
        """Accept connections and bytes, but pass none on: a server that does not answer."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass bytes on again."""
        self._flows.set()

    def doom(self, *words: bytes) -> None:
        """Close a connection at the last of these byte strings, if they arrive in this order.

        The server still receives it; the client gets no response.
        """
        self._fatal = list(words)

    def close(self) -> None:
        self.flow()
        self.shut()
        _cut(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._shut:
                _cut(client)
                continue
            server = socket.create_connection(self._target)
            self._open += [client, server]
            doomed = threading.Event()
            for source, sink in ((client, server), (server, client)):
                threading.Thread(
                    target=self._pump, args=(source, sink, source is client, doomed), daemon=True
                ).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, asks: bool, doomed: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                if asks and self._fatal and self._fatal[0] in data:
                    del self._fatal[0]
                    if not self._fatal:
                        self.deaths += 1
                        doomed.set()
                elif not asks and doomed.is_set():
                    break  # The server has executed it; the client gets no response.
                sink.sendall(data)
        _cut(source)
        _cut(sink)


def _cut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def door(kind: str) -> Iterator[tuple[Forwarder, str]]:
    """Start a proxy of a server; the URL is the proxy's."""
    forwarder = Forwarder(address(kind))
    host, port = address(kind)
    url = need(kind)
    through = f"127.0.0.1:{forwarder.port}"
    url = url.replace(f"{host}:{port}", through) if f"{host}:{port}" in url else url.replace(
        host, through
    )  # fmt: skip
    try:
        yield forwarder, url
    finally:
        forwarder.close()


class OwnRedis:
    """A Redis server of one test, which keeps its data over a restart."""

    def __init__(self, folder: Path, port: int) -> None:
        self._command = [
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        ]  # fmt: skip
        self.url = f"redis://127.0.0.1:{port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        try:
            self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            missing("redis-server")
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Ready to accept connections" in line:
                return
        pytest.fail("redis-server did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=30)
            self._process = None
