"""Database servers of one test: they can be stopped hard, and their disks can be filled up.

Each has a data folder of its own and is reached over loopback with a password. PostgreSQL and
MariaDB do not run as root: where the tests do, a server runs as its own user, or as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import sqlalchemy as sa

from amocrm.stores.database import describe
from tests.servers import engine, missing

PASSWORD: Final = "a-password-of-a-test"
PORTS: Final = range(20_000, 32_000)
"""The system gives none of these to clients: one could take it while the server is down."""
DEADLINE: Final = 60
"""Seconds for any step of a server."""


class Account(NamedTuple):
    """Whom a program runs as; None for who runs the tests."""

    user: int | None
    group: int | None


class SmallDisk(NamedTuple):
    """A file system in memory that can be filled up."""

    folder: Path

    def fill(self, room: int = 0) -> None:
        """Occupy everything but so many bytes."""
        self.clear()
        there = os.statvfs(self.folder)
        size = there.f_bavail * there.f_frsize - room
        with (self.folder / "ballast").open("wb") as ballast:
            if size > 0:
                os.posix_fallocate(ballast.fileno(), 0, size)

    def clear(self) -> None:
        """Make the space free again."""
        (self.folder / "ballast").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Generator[SmallDisk, None, None]:
    """Mount a small file system on a new folder; skip the test where that is not allowed."""
    folder.mkdir()
    owner = folder.parent.stat()
    options = f"size={megabytes}m,mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield SmallDisk(folder)
    finally:
        # Even if a file is still open there.
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


class OwnServer(ABC):
    """A server of one test, which keeps its data when it is stopped.

    Args:
        folder: an empty one, of the account that runs it.
        account: that account.
        disk: where what it writes is kept, if it is to be filled up.

    Attributes:
        port: on loopback.
    """

    users: Sequence[str]
    """It runs as the first one that exists, if the tests run as root."""

    def __init__(self, folder: Path, account: Account, disk: SmallDisk | None) -> None:
        self.port = _free_port()
        self._folder = folder
        self._account = account
        self._disk = disk

    @property
    @abstractmethod
    def url(self) -> str:
        """The database's URL, with a password."""

    @abstractmethod
    def create(self) -> None:
        """Create its data, and start it."""

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it before it can write anything; nothing, if it has ended."""

    def answers(self) -> bool:
        """Whether it can be used."""
        try:
            engine(self.url).connect().close()
        except sa.exc.OperationalError:
            return False
        return True

    def restart(self) -> None:
        """Stop it hard, if it has not ended, and start it."""
        self.stop()
        self.start()

    def _run(self, *command: str) -> None:
        # Into a file, because a server that is started keeps a pipe open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                user=self._account.user,
                group=self._account.group,
                extra_groups=None if self._account.user is None else [],
                timeout=DEADLINE,
                check=False,
            )
            output.seek(0)
            if done.returncode:
                pytest.fail(f"{command[0]} failed: {output.read().decode(errors='replace')}")

    def _file(self, name: str, text: str) -> Path:
        """Write a file that the server can read."""
        file = self._folder / name
        file.write_text(text)
        _give(file, self._account)
        return file


class OwnPostgres(OwnServer):
    """PostgreSQL; its tables are on the disk that is filled up."""

    users = ("postgres", "nobody")
    _log_is_on_disk = False

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        log = []
        if self._disk is not None and self._log_is_on_disk:
            log = ["--waldir", str(self._disk.folder / "log")]
        self._run(
            _program("initdb"), "--pgdata", str(self._data), "--username=postgres", "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={self._file('password', PASSWORD)}",
            "--encoding=UTF8", "--locale=C", "--wal-segsize=1", *log,
        )  # fmt: skip
        self.start()
        if self._disk is None:
            return
        # Its tables are moved there, or the files of the log are used up that it has made ahead.
        changes = [
            f"CREATE TABLESPACE small LOCATION '{self._disk.folder}'",
            "ALTER ROLE postgres SET default_tablespace = small",
        ]
        if self._log_is_on_disk:
            changes = ["CHECKPOINT", "SELECT pg_switch_wal()"] * 6
        with engine(self.url).connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for change in changes:
                connection.exec_driver_sql(change)

    def start(self) -> None:
        # With files of the log that are used again, the disk would fill up by chance.
        settings = (
            f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories='' -c max_connections=20 "
            "-c shared_buffers=16MB -c wal_recycle=off"
        )
        self._run(
            _program("pg_ctl"), "start", "--pgdata", str(self._data), "--wait",
            "--timeout", str(DEADLINE), "--log", str(self._folder / "messages"), "-o", settings,
        )  # fmt: skip

    def stop(self) -> None:
        with suppress(pytest.fail.Exception):  # It may be ending on its own.
            self._stop("immediate")

    def shut_down(self) -> None:
        """Stop it in good order: it tells its clients why, and refuses new ones."""
        self._stop("fast")

    def _stop(self, mode: str) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run(
                _program("pg_ctl"), "stop", "--pgdata", str(self._data), "--wait", "--mode", mode
            )

    @property
    def _data(self) -> Path:
        return self._folder / "data"


class PostgresLog(OwnPostgres):
    """PostgreSQL; its write-ahead log is on the disk that is filled up, which ends the server."""

    _log_is_on_disk = True


class OwnMariaDB(OwnServer):
    """MariaDB; everything is on the disk that is filled up."""

    users = ("mysql", "nobody")
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return (
            f"mysql+pymysql://test:{PASSWORD}@127.0.0.1:{self.port}/test"
            "?charset=utf8mb4&ssl_disabled=true"
        )

    def create(self) -> None:
        self._run(
            _program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}",
            "--auth-root-authentication-method=normal", "--skip-test-db", *_SIZES,
        )  # fmt: skip
        account = f"test@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
        first = self._file(
            "first.sql",
            f"CREATE DATABASE test;\nGRANT ALL ON test.* TO {account};\n",
        )
        self._start(f"--init-file={first}")

    def start(self) -> None:
        self._start()

    def _start(self, *settings: str) -> None:
        self._process = process = subprocess.Popen(
            [
                _program("mariadbd"), "--no-defaults", f"--datadir={self._data}",
                f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
                f"--socket={self._folder}/socket", *_SIZES, *settings,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            user=self._account.user,
            group=self._account.group,
            extra_groups=None if self._account.user is None else [],
        )  # fmt: skip
        output = process.stderr
        assert output is not None
        messages: list[bytes] = []
        is_known = threading.Event()

        def read() -> None:
            with output:
                for line in output:
                    messages.append(line)
                    if b"ready for connections" in line:
                        is_known.set()
            is_known.set()

        threading.Thread(target=read, daemon=True).start()
        is_known.wait(DEADLINE)
        if not any(b"ready for connections" in line for line in messages):
            self.stop()
            pytest.fail(f"mariadbd did not start: {b''.join(messages[-20:]).decode()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)
            self._process = None

    @property
    def _data(self) -> Path:
        return (self._folder if self._disk is None else self._disk.folder) / "data"


OWN: Final[dict[str, type[OwnServer]]] = {
    "postgres": OwnPostgres, "mysql": OwnMariaDB, "postgres's log": PostgresLog,
}  # fmt: skip

# By default, MariaDB makes its main file longer by 64 MB at once.
_SIZES: Final = (
    "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M", "--aria-log-file-size=8M",
    "--performance-schema=OFF", "--innodb-autoextend-increment=1",
    "--innodb-buffer-pool-dump-at-shutdown=OFF", "--innodb-buffer-pool-load-at-startup=OFF",
)  # fmt: skip


@contextmanager
def own_server(kind: str) -> Generator[OwnServer, None, None]:
    """Start a server; it ends with the block, and its data are removed."""
    with _server(kind, 0) as (server, _):
        yield server


@contextmanager
def server_on_small_disk(
    kind: str, megabytes: int
) -> Generator[tuple[OwnServer, SmallDisk], None, None]:
    """Start a server whose disk can be filled up."""
    with _server(kind, megabytes) as (server, disk):
        assert disk is not None
        yield server, disk


@contextmanager
def disk_for(
    kind: str, folder: Path
) -> Generator[tuple[OwnServer | None, SmallDisk, str], None, None]:
    """Make a database of a kind on a disk that can be filled up; yield its URL as well."""
    if kind == "sqlite":
        with small_disk(folder / "disk", 16) as disk:
            yield None, disk, f"sqlite:///{disk.folder}/test.db"
    else:
        with server_on_small_disk(kind, 24 if kind.startswith("postgres") else 120) as (
            server,
            disk,
        ):
            yield server, disk, server.url


def occupy(url: str, disk: SmallDisk) -> None:
    """Fill up a disk, and what the database has there in reserve."""
    disk.fill()
    table = describe("occupied", sa.Column("bytes", sa.LargeBinary))
    with suppress(sa.exc.DBAPIError), engine(url).connect() as connection:
        table.create(connection)
        connection.commit()
        while True:
            connection.execute(sa.insert(table).values(bytes=os.urandom(20_000)))
            connection.commit()


@contextmanager
def before_step(
    server: OwnServer, number: int, do: Callable[[], object]
) -> Generator[list[str], None, None]:
    """Do something before a statement or a commit is sent to a server; yield what was sent."""
    sent: list[str] = []
    is_done = threading.Lock()

    def count(connection: sa.Connection, what: str) -> None:
        if connection.engine.url.port != server.port:
            return
        if len(sent) >= number and is_done.acquire(blocking=False):
            sent.append(f"stopped before {what}")
            do()
        elif not is_done.locked():
            sent.append(what)

    def before_statement(
        connection: sa.Connection, cursor: object, statement: str, *_: object
    ) -> None:
        count(connection, statement)

    def before_commit(connection: sa.Connection) -> None:
        count(connection, "COMMIT")

    sa.event.listen(sa.Engine, "before_cursor_execute", before_statement)
    sa.event.listen(sa.Engine, "commit", before_commit)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", before_statement)
        sa.event.remove(sa.Engine, "commit", before_commit)


@contextmanager
def _server(kind: str, megabytes: int) -> Generator[tuple[OwnServer, SmallDisk | None], None, None]:
    make = OWN[kind]
    account = _account(make.users)
    # Not in a folder of pytest's, which only the user who runs the tests may enter.
    with tempfile.TemporaryDirectory(prefix="amocrm-") as name:
        folder = Path(name)
        _give(folder, account)
        with small_disk(folder / "disk", megabytes) if megabytes else nullcontext() as disk:
            server = make(folder, account, disk)
            try:
                server.create()
                yield server, disk
            finally:
                server.stop()


def _account(users: Sequence[str]) -> Account:
    if os.geteuid() != 0:
        return Account(None, None)
    for user in users:
        with suppress(KeyError):
            found = pwd.getpwnam(user)
            return Account(found.pw_uid, found.pw_gid)
    missing(f"an account for the server, {' or '.join(users)},")
    raise AssertionError


def _give(path: Path, account: Account) -> None:
    if account.user is not None and account.group is not None:
        os.chown(path, account.user, account.group)


def _program(name: str) -> str:
    """Find a program of a server; Debian keeps those of PostgreSQL out of the way."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    places = [os.environ.get("PATH", ""), *map(str, folders), "/usr/sbin", "/usr/local/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        missing(name)
    assert found is not None
    return found


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
