"""Tokens in a database: missing tables, lost connections, small pools, killed holders."""

from __future__ import annotations

import logging
import os
import stat
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import ConfigurationError, TokenStoreError
from amocrm.stores.sql import LONGEST_POLL, SHORTEST_POLL, SQLStore
from amocrm.stores.store import Key
from tests.servers import COMMIT, DATABASES, URLS, door, engine, need, new_place

KEY = Key("client", "example.amocrm.ru")
OTHER = Key("client", "other.amocrm.ru")


@pytest.fixture(params=["sqlite", *DATABASES])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a database, and a table that is there."""
    with new_place(request.param, tmp_path) as place:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path}/tokens.db", "amocrm_tokens"
        else:
            yield URLS[request.param], place


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Kind of a database server, and a table that is there."""
    with new_place(request.param, tmp_path) as place:
        yield request.param, place


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://me:SECRET@127.0.0.1:1/x", "mysql+pymysql://me:SECRET@127.0.0.1:1/x"],
)
def test_nothing_is_opened_at_construction_and_no_password_is_shown(url: str) -> None:
    store = SQLStore(url)
    assert "SECRET" not in repr(store)
    assert "127.0.0.1" in repr(store)
    with pytest.raises(TokenStoreError, match="could not load the token") as refusal:
        store.load(KEY)
    assert "SECRET" not in "".join(traceback.format_exception(refusal.value))


def test_sqlite_makes_no_file_before_it_is_used(tmp_path: Path) -> None:
    SQLStore(f"sqlite:///{tmp_path}/tokens.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true",
            "sqlite:///file::memory:?uri=true"],
)  # fmt: skip
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"MemoryStore\(\)"):
        SQLStore(url)


@pytest.mark.parametrize("url", ["", "no address SECRET", "nosuch://me:SECRET@host/x"])
def test_a_wrong_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql") as refusal:
        SQLStore(url)
    assert "SECRET" not in "".join(traceback.format_exception(refusal.value))


def test_a_missing_driver_is_told() -> None:
    with pytest.raises(ConfigurationError, match="driver 'cx_Oracle' is not installed"):
        SQLStore("oracle+cx_oracle://me@host/x")


@pytest.mark.parametrize("kind", ["sqlite", *DATABASES])
def test_a_missing_table_is_told_with_the_call_to_make(kind: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tokens.db" if kind == "sqlite" else need(kind)
    store = SQLStore(engine(url), "amocrm_test_not_there")
    for attempt in (
        lambda: store.load(KEY), lambda: store.save(KEY, "one", None), lambda: store.forget(KEY),
        lambda: store.accounts("client"),
    ):  # fmt: skip
        with pytest.raises(TokenStoreError, match=r"create_table\(\)"):
            attempt()
    if kind != "sqlite":
        with pytest.raises(TokenStoreError, match=r"create_table\(\)"), store.lock(KEY, 1):
            pass


def test_tables_may_be_made_by_many_at_once_and_again(server: tuple[str, str]) -> None:
    kind, place = server
    with engine(URLS[kind]).begin() as connection:
        for table in (place, f"{place}_locks"):
            connection.execute(sa.text(f"DROP TABLE {table}"))

    def make(_: int) -> None:
        SQLStore(engine(URLS[kind]), place).create_table()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    store = SQLStore(engine(URLS[kind]), place)
    assert store.save(KEY, "one", None)
    store.create_table()
    assert store.load(KEY) == "one"


def test_a_refused_save_shows_nothing_of_the_token(server: tuple[str, str]) -> None:
    kind, place = server
    with engine(URLS[kind]).begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {place}"))
        connection.execute(
            sa.text(
                f"CREATE TABLE {place} (id CHAR(64) PRIMARY KEY, client_id TEXT, account TEXT,"
                " record CHAR(5), version INTEGER, updated_at BIGINT)"
            )
        )
    store, secret = SQLStore(engine(URLS[kind]), place), "s3cr3t" * 300
    with pytest.raises(
        TokenStoreError, match=r"could not save the token: (StringData|DataErr)"
    ) as refusal:
        store.save(KEY, secret, None)
    assert "s3cr3t" not in "".join(traceback.format_exception(refusal.value))
    context = refusal.value.__context__
    assert isinstance(context, sa.exc.StatementError)
    assert context.params is None
    assert store.load(KEY) is None


@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"])
def test_the_engine_s_own_isolation_does_not_matter(server: tuple[str, str], level: str) -> None:
    kind, place = server
    theirs = sa.create_engine(URLS[kind]).execution_options(isolation_level=level)
    store = SQLStore(theirs, place)
    assert store.save(KEY, "0", None)
    for turn in range(3):
        with ThreadPoolExecutor(8) as pool:
            texts = [f"{turn + 1} {number}" for number in range(8)]
            there = store.load(KEY)
            won = list(pool.map(lambda text, there=there: store.save(KEY, text, there), texts))
        assert sum(won) == 1
        assert store.load(KEY) == texts[won.index(True)]
    with store.lock(KEY, 5), pytest.raises(TokenStoreError):
        with SQLStore(engine(URLS[kind]), place).lock(KEY, 0.01):
            pass
    theirs.dispose()


def test_locks_leave_the_pool_to_the_saves(server: tuple[str, str]) -> None:
    kind, place = server
    small = sa.create_engine(URLS[kind], pool_size=1, max_overflow=0, pool_timeout=1)
    store = SQLStore(small, place)
    try:
        with store.lock(KEY, 5), store.lock(OTHER, 5):
            with pytest.raises(TokenStoreError), SQLStore(small, place).lock(KEY, 0.05):
                pass
            assert store.save(KEY, "one", None)
            assert store.load(KEY) == "one"
    finally:
        small.dispose()


def test_a_row_that_was_changed_between_looking_and_saving_is_not_overwritten(
    anywhere: tuple[str, str],
) -> None:
    url, table = anywhere
    mine, theirs = engine(url), SQLStore(engine(url), table)
    store = SQLStore(mine, table)
    assert store.save(KEY, "one", None)
    meanwhile = [lambda: theirs.save(KEY, "theirs", "one")]

    @sa.event.listens_for(mine, "before_cursor_execute")
    def between(
        _: object, __: object, statement: str, ___: object, ____: object, _____: object
    ) -> None:
        if statement.startswith(("UPDATE", "INSERT")) and meanwhile:
            assert meanwhile.pop()()

    assert store.save(KEY, "two", "one") is False
    assert store.load(KEY) == "theirs"

    def again() -> bool:
        theirs.forget(KEY)
        return theirs.save(KEY, "forgotten, then theirs", None)

    meanwhile.append(again)
    assert store.save(KEY, "two", "theirs") is False
    assert store.load(KEY) == "forgotten, then theirs"
    store.forget(KEY)
    assert store.save(KEY, "never changed", None)
    meanwhile.append(again)
    assert store.save(KEY, "two", "never changed") is False
    assert store.load(KEY) == "forgotten, then theirs"
    store.forget(KEY)
    meanwhile.append(lambda: theirs.save(KEY, "first", None))
    assert store.save(KEY, "two", None) is False
    assert store.load(KEY) == "first"


def numbered(kind: str) -> tuple[sa.Engine, list[int]]:
    """Make an engine, and a list of the numbers that the server gives its connections."""
    numbers: list[int] = []
    one = engine(URLS[kind])

    @sa.event.listens_for(one, "connect")
    def _(connection: Any, record: object) -> None:
        postgres = kind == "postgres"
        numbers.append(connection.info.backend_pid if postgres else connection.thread_id())

    return one, numbers


def kill(kind: str, number: int) -> None:
    """Cut a connection at the server: that one alone, for others test there, too."""
    order = "SELECT pg_terminate_backend({})" if kind == "postgres" else "KILL {}"
    with engine(URLS[kind]).connect() as connection:
        connection.execute(sa.text(order.format(number)))


def test_a_lock_whose_connection_was_killed_is_free_and_its_end_raises_nothing(
    server: tuple[str, str],
) -> None:
    kind, place = server
    pool, numbers = numbered(kind)
    one, two = SQLStore(pool, place), SQLStore(engine(URLS[kind]), place)
    with one.lock(KEY, 5):
        kill(kind, numbers[-1])  # The last one holds the lock; those before it are closed.
        with two.lock(KEY, 5):
            assert two.save(KEY, "theirs", None)
            assert one.save(KEY, "mine", None) is False
    with one.lock(KEY, 5):
        assert one.load(KEY) == "theirs"


def locked(store: SQLStore) -> bool:
    with store.lock(KEY, 5):
        return True


def forgotten(store: SQLStore) -> bool:
    store.forget(KEY)
    return store.load(KEY) is None


@pytest.mark.parametrize("kind", DATABASES)
def test_connections_that_were_cut_are_made_anew(kind: str, tmp_path: Path) -> None:
    with new_place(kind, tmp_path) as place, door(kind) as (way, url):
        pooled = sa.create_engine(url)
        store = SQLStore(pooled, place)
        assert store.save(KEY, "one", None)
        steps: list[Callable[[], bool]] = [
            lambda: store.load(KEY) == "one",
            lambda: store.save(KEY, "two", "one"),
            lambda: store.accounts("client") == ["example.amocrm.ru"],
            lambda: locked(store),
            lambda: forgotten(store),
        ]
        for step in steps:
            with pooled.connect(), pooled.connect(), pooled.connect():
                pass  # All of them are in the pool now, and all of them are cut.
            way.cut()
            assert step()
        pooled.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_save_whose_answer_was_lost_is_known_to_be_done(kind: str, tmp_path: Path) -> None:
    with new_place(kind, tmp_path) as place, door(kind) as (way, url):
        store = SQLStore(engine(url), place)
        assert store.save(KEY, "one", None)
        there = "one"
        for text in ("two", "three"):
            way.doom(b"UPDATE", COMMIT[kind])
            assert store.save(KEY, text, there) is True
            assert store.load(KEY) == text
            there = text
        assert way.deaths == 2
        way.doom(b"DELETE", COMMIT[kind])
        store.forget(KEY)
        assert way.deaths == 3
        assert store.load(KEY) is None


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_down_is_told_and_found_again(kind: str, tmp_path: Path) -> None:
    with new_place(kind, tmp_path) as place, door(kind) as (way, url):
        store = SQLStore(engine(url), place)
        assert store.save(KEY, "one", None)
        way.shut()
        with pytest.raises(TokenStoreError, match="could not load"):
            store.load(KEY)
        with pytest.raises(TokenStoreError, match="could not save"):
            store.save(KEY, "two", "one")
        with pytest.raises(TokenStoreError, match="could not lock"), store.lock(KEY, 5):
            pass
        way.reopen()
        with store.lock(KEY, 5):
            way.shut()
        way.reopen()
        assert store.load(KEY) == "one"


def test_a_damaged_sqlite_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens.db").write_bytes(b"no database " * 100)
    (tmp_path / "tokens.db").chmod(0o600)
    store = SQLStore(engine(f"sqlite:///{tmp_path}/tokens.db"))
    with pytest.raises(TokenStoreError, match="could not load the token: DatabaseError"):
        store.load(KEY)


posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def wal(url: str, **settings: Any) -> sa.Engine:
    """An engine as users make one for SQLite with many writers."""
    made = sa.create_engine(url, poolclass=sa.NullPool, **settings)

    @sa.event.listens_for(made, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    return made


@posix
@pytest.mark.parametrize("make", [lambda url: url, engine, wal])
@pytest.mark.parametrize("query", ["{}", "file:{}?uri=true"])
def test_an_sqlite_file_is_its_owner_s_alone_whatever_the_mask(
    tmp_path: Path, make: Callable[[str], Any], query: str
) -> None:
    seen: dict[str, int] = {}
    url = f"sqlite:///{query.format(tmp_path / 'to kens.db')}"
    mask = os.umask(0)
    try:
        made = make(url)
        store = SQLStore(made)
        store.create_table()
        assert store.save(KEY, "one", None)
        with (
            store.lock(KEY, 5),
            (made if isinstance(made, sa.Engine) else engine(url)).begin() as busy,
        ):
            busy.execute(sa.text("UPDATE amocrm_tokens SET version = version + 1"))
            for file in tmp_path.iterdir():
                seen[file.name] = stat.S_IMODE(file.stat().st_mode)
    finally:
        os.umask(mask)
    assert "to kens.db" in seen
    assert seen.keys() & {"to kens.db-wal", "to kens.db-journal"}
    assert set(seen.values()) == {0o600}, seen


@posix
@pytest.mark.parametrize("end", ["", "-wal"])
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644])
def test_an_sqlite_file_that_others_can_read_is_refused_with_the_command_to_run(
    tmp_path: Path, end: str, mode: int
) -> None:
    path = tmp_path / f"tokens.db{end}"
    url = f"sqlite:///{tmp_path}/tokens.db"
    for made in (url, engine(url)):
        store = SQLStore(made)
        store.create_table()
        path.touch()
        path.chmod(mode)
        refused = pytest.raises(TokenStoreError, match=f"run: chmod 600 '{path}'")
        with refused:
            store.load(KEY)
        with refused:
            store.save(KEY, "one", None)
        path.chmod(0o600)
        assert store.load(KEY) is None


@posix
def test_an_sqlite_file_that_is_to_be_there_is_not_made(tmp_path: Path) -> None:
    store = SQLStore(f"sqlite:///file:{tmp_path}/tokens.db?mode=rw&uri=true")
    with pytest.raises(TokenStoreError, match="unable to open"):
        store.load(KEY)
    assert list(tmp_path.iterdir()) == []


def test_no_log_of_sqlalchemy_shows_a_token(
    anywhere: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url, table = anywhere
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")  # what echo="debug" does
    store = SQLStore(engine(url), table)
    assert store.save(KEY, "s3cr3t one", None)
    assert store.save(KEY, "s3cr3t two", "s3cr3t one")
    text = store.load(KEY)
    assert (text, type(text)) == ("s3cr3t two", str)
    assert store.accounts("client") == ["example.amocrm.ru"]
    assert "INSERT INTO" in caplog.text
    assert "Row (" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_no_error_beneath_ours_shows_a_token(server: tuple[str, str]) -> None:
    """PostgreSQL adds the row that it refuses to its message."""
    kind, place = server
    with engine(URLS[kind]).begin() as connection:
        connection.execute(
            sa.text(f"ALTER TABLE {place} ADD CHECK (version < 0 OR right(record, 3) <> 'two')")
        )
    store = SQLStore(engine(URLS[kind]), place)
    assert store.save(KEY, "s3cr3t one", None)
    with pytest.raises(TokenStoreError, match="could not save the token") as refusal:
        store.save(KEY, "s3cr3t two", "s3cr3t one")
    beneath: list[BaseException | None] = [refusal.value]
    for error in beneath:
        if error is not None:
            assert "s3cr3t" not in f"{error} {error!r} {vars(error)}"
            beneath += [error.__cause__, error.__context__]
    assert len(beneath) > 3


def test_locks_of_different_tokens_are_different(anywhere: tuple[str, str]) -> None:
    url, table = anywhere
    with SQLStore(engine(url), table).lock(KEY, 5), SQLStore(engine(url), table).lock(OTHER, 5):
        pass


def test_rows_say_whose_they_are_and_when_they_were_saved(
    anywhere: tuple[str, str],
) -> None:
    url, table = anywhere
    store = SQLStore(engine(url), table)
    assert store.save(KEY, "one", None)
    assert store.save(KEY, "two", "one")
    with engine(url).connect() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()
    assert len(rows) == 1
    assert rows[0]["id"] == KEY.digest
    assert (rows[0]["client_id"], rows[0]["account"]) == KEY
    assert 1_700_000_000 < rows[0]["updated_at"] < 10_000_000_000


def test_the_lock_is_looked_at_finely() -> None:
    assert 0 < SHORTEST_POLL < LONGEST_POLL <= 0.05
