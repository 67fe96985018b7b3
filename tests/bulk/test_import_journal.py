"""The journal of an import: what it knows after any end, wherever it is kept."""

from __future__ import annotations

import json
import logging
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from amocrm import JournalError
from amocrm.bulk.import_journal import Journal, Known
from amocrm.bulk.journals.file import FileJournal
from amocrm.bulk.journals.sql import PATIENCE, SQLJournal
from amocrm.bulk.journals.storage import JournalStorage
from amocrm.errors import ConfigurationError
from tests.servers import COMMIT, DATABASES, URLS, door, engine, journal_place, open_journal

ITEMS = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
HEAD = {"journal": 1, "account": "a.amocrm.ru", "method": "POST", "path": "/api/v4/leads"}

Make = Callable[[], JournalStorage]

posix = pytest.mark.skipif(os.name != "posix", reason="modes and FIFOs are POSIX's")


@pytest.fixture(params=["file", "sqlite", *DATABASES])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Names the same place again each time, as another process would."""
    with journal_place(request.param, tmp_path) as where:
        yield lambda: open_journal(request.param, where)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def opened(
    place: JournalStorage | Path, method: str = "POST", address: str = "/api/v4/leads",
    account: str = "a.amocrm.ru",
) -> Journal:  # fmt: skip
    journal = Journal(place, account, method, address)
    journal.open()
    return journal


def written(place: JournalStorage | Path) -> Journal:
    """A journal that knows a done, an unknown and a refused item."""
    journal = opened(place)
    digests = [journal.recall(at, item)[0] for at, item in enumerate(ITEMS)]
    journal.sent(list(enumerate(digests)))
    journal.done([(0, 7001)])
    journal.back([2])
    return journal


def test_what_was_written_is_known_again(make: Make) -> None:
    written(make()).close()
    again = opened(make())
    states = [again.recall(at, item)[1] for at, item in enumerate(ITEMS)]
    again.close()
    first = again.recall(0, ITEMS[0])[0]
    second = again.recall(1, ITEMS[1])[0]
    assert states == [Known(first, True, 7001), Known(second), None]
    assert len({first, second}) == 2


def test_what_was_not_closed_is_known_as_well(make: Make) -> None:
    journal = written(make())
    log = journal._log
    assert log is not None
    log.close()  # as the system does it
    again = opened(make())
    assert again.recall(0, ITEMS[0])[1] is not None
    again.sent([(7, "0" * 16)])
    again.close()
    last = opened(make())
    assert last.recall(2, ITEMS[2])[1] is None
    last.close()


def test_records_are_kept_in_their_order(make: Make) -> None:
    log = make().open()
    assert log.read() == []
    records = [json.dumps({"sent": [[at, "Ж" * 9]]}) for at in range(25)]
    for record in records:
        log.append(record)
    log.close()
    again = make().open()
    assert again.read() == records
    again.close()


def test_another_item_in_its_place_is_refused(make: Make) -> None:
    written(make()).close()
    journal = opened(make())
    for at in (0, 1):
        with pytest.raises(ConfigurationError, match=f"item {at} differs from the one"):
            journal.recall(at, {"name": "other"})
    assert journal.recall(2, {"name": "mended"})[1] is None
    journal.close()


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/api/v4/leads"), ("POST", "/x")])
def test_another_import_s_journal_is_refused(make: Make, method: str, path: str) -> None:
    written(make()).close()
    with pytest.raises(ConfigurationError, match="another import"):
        opened(make(), method, path)
    with pytest.raises(ConfigurationError, match=r"another import: .*a\.amocrm\.ru"):
        opened(make(), account="b.amocrm.ru")
    opened(make()).close()


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"done": [[9, 1]]}', '{"sent": 5}', '{"back": [9]}']
)
def test_a_damaged_one_is_refused(make: Make, line: str) -> None:
    written(make()).close()
    log = make().open()
    log.append(line)
    log.close()
    with pytest.raises(ConfigurationError, match="is damaged"):
        opened(make())


def test_two_do_not_write_at_once(make: Make) -> None:
    place = make()
    journal = opened(place)
    for other in (place, make()):
        with pytest.raises(JournalError, match=r"cannot be locked .*same import running"):
            opened(other)
    journal.sent([(0, "0" * 16)])
    journal.close()
    opened(make()).close()


def test_a_closed_journal_raises(make: Make) -> None:
    journal = written(make())
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="is closed"):
        journal.back([1])


@pytest.mark.parametrize("place", [5, None, object()])
def test_what_is_no_place_is_refused(place: object) -> None:
    with pytest.raises(ConfigurationError, match="such as SQLJournal"):
        Journal(place, "a.amocrm.ru", "POST", "/x")  # type: ignore[arg-type]


def test_a_file_is_its_owner_s_alone(file: Path) -> None:
    written(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text().splitlines()[0]) == HEAD
    assert repr(FileJournal(file)) == str(file)


def test_a_file_cut_anywhere_knows_no_less_than_was_sent(file: Path) -> None:
    written(file).close()
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        journal = opened(file)
        lines = whole[:length].count(b"\n")
        known = [journal.recall(at, item)[1] for at, item in enumerate(ITEMS)]
        assert [one is not None for one in known] == [lines >= 2, lines >= 2, lines >= 2]
        assert (known[0] is not None and known[0].is_done) == (lines >= 3)
        journal.sent([(5, "0" * 16)])
        journal.close()
        opened(file).close()


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.lock").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(JournalError, match=r"the journal .*folder: "):
        opened(tmp_path / "folder")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no limit on files")
def test_a_line_that_does_not_fit_is_the_last_one(file: Path) -> None:
    import resource
    import signal

    journal = written(file)
    before, usual = file.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 5, usual[1]))
        with pytest.raises(JournalError, match="cut"):
            journal.back([1])
        with pytest.raises(JournalError, match="is closed"):
            journal.back([1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    journal.close()
    assert file.stat().st_size == before + 5
    again = opened(file)
    again.sent([(9, "0" * 16)])
    again.close()
    assert len(file.read_text().splitlines()) == 5
    opened(file).close()


@pytest.mark.parametrize("content", [b"a letter", b"a letter\nwith two lines", b"{", b"\xff" * 9])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    if content == b"{":  # It may be the first letter of one.
        opened(file).close()
        return
    with pytest.raises((JournalError, ConfigurationError), match=r"is not a journal|is damaged"):
        opened(file)
    assert file.read_bytes() == content


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
@pytest.mark.parametrize("content", [b"a letter", b"a letter\nwith two lines"])
def test_a_file_that_is_no_journal_is_not_kept_open(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises((JournalError, ConfigurationError)):
            opened(file)
    assert len(os.listdir("/proc/self/fd")) < before + 5


@posix
def test_what_is_no_file_of_ours_is_no_journal(file: Path, tmp_path: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(JournalError, match="not a regular file"):
        opened(file)
    file.unlink()
    (tmp_path / "elsewhere").touch()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="symbolic links"):
        opened(file)
    assert (tmp_path / "elsewhere").read_bytes() == b""
    file.unlink()
    os.unlink(f"{file}.lock")
    os.mkfifo(f"{file}.lock")
    with pytest.raises(JournalError, match=r"cannot be locked: it is not a regular file \(move"):
        opened(file)


@posix
def test_a_lock_of_sqlite_that_cannot_be_opened_is_not_taken_for_another_import(
    tmp_path: Path,
) -> None:
    place = SQLJournal(f"sqlite:///{tmp_path}/journals.db", "leads")
    place.create_table()
    written(place).close()
    [lock] = tmp_path.glob("*.lock")
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(JournalError, match=r"cannot be locked: it is not a regular file \(move"):
        opened(place)


def test_a_folder_that_is_not_there_is_not_taken_for_another_import(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"No such file or directory$"):
        opened(tmp_path / "nowhere" / "journal")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_another_user_s_journal_is_refused(file: Path) -> None:
    written(file).close()
    os.chown(file, 12345, -1)
    with pytest.raises(JournalError, match=r"another user \(run this as that user, or: chown"):
        opened(file)


@posix
def test_the_files_of_a_journal_are_its_owner_s_alone_whatever_the_mask(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        written(tmp_path / "journal").close()
        place = SQLJournal(f"sqlite:///{tmp_path}/journals.db", "leads")
        place.create_table()
        written(place).close()
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    finally:
        os.umask(mask)
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}, modes


@pytest.fixture(params=["sqlite", *DATABASES])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a database, and a table that is there."""
    with journal_place(request.param, tmp_path) as where:
        if request.param == "sqlite":
            yield f"sqlite:///{where}/journals.db", "amocrm_journals"
        else:
            yield URLS[request.param], where


def test_no_log_of_sqlalchemy_shows_a_record(
    database: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url, table = database
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")  # what echo="debug" does
    place = SQLJournal(engine(url), "leads", table)
    for records in ([], ["s3cr3t"]):
        log = place.open()
        assert log.read() == records
        log.append("s3cr3t")
        log.close()
    assert "Row (" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_many_imports_live_in_one_table(database: tuple[str, str]) -> None:
    url, table = database
    one, other = (SQLJournal(engine(url), name, table) for name in ("Leads", "leads"))
    first, second = written(one), opened(other)
    assert second.recall(0, ITEMS[0])[1] is None
    first.close()
    second.close()
    assert repr(one).startswith(f"'Leads' in {table} of ")


def test_a_second_writer_stops_the_first(database: tuple[str, str]) -> None:
    url, table = database
    place = SQLJournal(engine(url), "leads", table)
    journal = written(place)
    # The lock was lost with its connection, and somebody else has begun.
    place.add(5, "somebody else", "{}")
    with pytest.raises(JournalError, match="cannot be locked"):
        journal.sent([(9, "0" * 16)])
    with pytest.raises(JournalError, match="is closed"):
        journal.sent([(9, "0" * 16)])
    journal.close()


def test_a_missing_table_is_reported_with_the_call_that_creates_it(
    database: tuple[str, str],
) -> None:
    url, _ = database
    place = SQLJournal(engine(url), "leads", f"amocrm_{uuid.uuid4().hex[:12]}")
    with pytest.raises(JournalError, match=r"could not open .*create_table\(\) once"):
        opened(place)


def test_a_table_may_be_made_again(database: tuple[str, str]) -> None:
    url, table = database
    written(SQLJournal(engine(url), "leads", table)).close()
    place = SQLJournal(engine(url), "leads", table)
    place.create_table()
    journal = opened(place)
    assert journal.recall(0, ITEMS[0])[1] is not None
    journal.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_record_whose_answer_was_lost_is_written_once(kind: str, tmp_path: Path) -> None:
    with journal_place(kind, tmp_path) as table, door(kind) as (way, url):
        journal = opened(SQLJournal(engine(url), "leads", table))
        for at in range(3):
            way.doom(b"INSERT", COMMIT[kind])
            journal.sent([(at, f"{at}" * 16)])
        assert way.deaths == 3
        journal.close()
        log = SQLJournal(engine(URLS[kind]), "leads", table).open()
        assert len(log.read()) == 4
        log.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_down_is_told_without_its_password(kind: str, tmp_path: Path) -> None:
    with journal_place(kind, tmp_path) as table, door(kind) as (way, url):
        # Patient: a busy server may not notice at once that the connection was cut.
        place = SQLJournal(engine(url), "leads", table, patience=30)
        journal = opened(place)
        way.shut()
        with pytest.raises(JournalError, match="could not write to"):
            journal.sent([(0, "0" * 16)])
        journal.close()
        with pytest.raises(JournalError, match="could not open"):
            opened(place)
        way.reopen()
        opened(place).close()


def test_a_pool_is_not_used_up_by_locks(database: tuple[str, str]) -> None:
    url, table = database
    pool = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=5)
    journal = written(SQLJournal(pool, "leads", table))
    journal.sent([(5, "0" * 16)])
    journal.close()
    pool.dispose()


@pytest.mark.parametrize("name", ["", 5, None])
def test_a_journal_in_a_table_has_a_name(name: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name of a journal"):
        SQLJournal(f"sqlite:///{tmp_path}/x.db", name)  # type: ignore[arg-type]


def test_the_constants_are_those_the_manual_names() -> None:
    assert PATIENCE == 2
