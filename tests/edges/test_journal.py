"""The journal of an import: what it knows after any end."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from amocrm.errors import ConfigurationError
from amocrm.journal import Journal, Known

ITEMS = [{"name": "a"}, {"name": "b"}, {"name": "c"}]


def opened(
    path: Path, method: str = "POST", address: str = "/api/v4/leads", account: str = "a.amocrm.ru"
) -> Journal:
    journal = Journal(path, account, method, address)
    journal.open()
    return journal


def written(path: Path) -> Journal:
    """A journal that knows a done, an unknown and a refused item."""
    journal = opened(path)
    digests = [journal.recall(at, item)[0] for at, item in enumerate(ITEMS)]
    journal.sent(list(enumerate(digests)))
    journal.done([(0, 7001)])
    journal.back([2])
    return journal


def test_what_was_written_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path).close()
    again = opened(path)
    states = [again.recall(at, item)[1] for at, item in enumerate(ITEMS)]
    again.close()
    first = again.recall(0, ITEMS[0])[0]
    second = again.recall(1, ITEMS[1])[0]
    assert states == [Known(first, True, 7001), Known(second), None]
    assert len({first, second}) == 2


def test_it_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text().splitlines()[0]) == {
        "journal": 1, "account": "a.amocrm.ru", "method": "POST", "path": "/api/v4/leads",
    }  # fmt: skip


def test_cut_anywhere_it_knows_no_less_than_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path).close()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        journal = opened(path)
        lines = whole[:length].count(b"\n")
        known = [journal.recall(at, item)[1] for at, item in enumerate(ITEMS)]
        assert [one is not None for one in known] == [lines >= 2, lines >= 2, lines >= 2]
        assert (known[0] is not None and known[0].is_done) == (lines >= 3)
        journal.sent([(5, "0" * 16)])
        journal.close()
        opened(path).close()


def test_another_item_in_its_place_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "journal").close()
    journal = opened(tmp_path / "journal")
    for at in (0, 1):
        with pytest.raises(ConfigurationError, match=f"item {at} is not the one"):
            journal.recall(at, {"name": "other"})
    assert journal.recall(2, {"name": "mended"})[1] is None
    journal.close()


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/api/v4/leads"), ("POST", "/x")])
def test_another_import_s_journal_is_refused(tmp_path: Path, method: str, path: str) -> None:
    written(tmp_path / "journal").close()
    with pytest.raises(ConfigurationError, match="another import"):
        opened(tmp_path / "journal", method, path)
    with pytest.raises(ConfigurationError, match=r"another import: .*a\.amocrm\.ru"):
        opened(tmp_path / "journal", account="b.amocrm.ru")
    opened(tmp_path / "journal").close()


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"done": [[9, 1]]}', '{"sent": 5}', '{"back": [9]}']
)
def test_a_damaged_one_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal"
    written(path).close()
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ConfigurationError, match="is damaged"):
        opened(path)


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal")
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        opened(tmp_path / "journal")
    journal.close()
    opened(tmp_path / "journal").close()


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.lock").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match=r"the journal .*folder: "):
        opened(tmp_path / "folder")


def test_after_its_end_it_says_so(tmp_path: Path) -> None:
    journal = written(tmp_path / "journal")
    journal.close()
    journal.close()
    with pytest.raises(ConfigurationError, match="is closed"):
        journal.back([1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no limit on files")
def test_a_line_that_does_not_fit_is_the_last_one(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "journal"
    journal = written(path)
    before, usual = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 5, usual[1]))
        with pytest.raises(OSError, match="cut"):
            journal.back([1])
        with pytest.raises(ConfigurationError, match="is closed"):
            journal.back([1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    journal.close()
    assert path.stat().st_size == before + 5
    opened(path).close()
    assert path.stat().st_size == before
