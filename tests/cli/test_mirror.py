"""`amocrm mirror`: the account in a database."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from amocrm import AmoCRMError, GrantError, UnexpectedReplyError, UnreachableError
from amocrm.cli.mirroring import told_errors
from amocrm.cli.session import Session
from amocrm.sandbox import SystemClock
from tests.cli.conftest import Run, Shop, start


def rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "crm.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM leads").fetchone()
        return int(count)


def test_it_copies_and_then_brings_up_to_date(run: Run, account: Shop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    done = run("mirror", url, "--families", "leads,contacts")
    assert done.code == 0, done.err
    changed = {row["table"]: row["changed"] for row in map(json.loads, done.out.splitlines())}
    assert changed["leads"] == rows(tmp_path) == len(account.portal.leads())
    assert "tasks" not in changed
    assert "up to date after" in done.err
    again = run("mirror", url, "--families", "leads,contacts")
    assert (again.code, again.out) == (0, "")


def test_the_url_may_be_a_variable(
    run: Run, account: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOCRM_MIRROR_URL", f"sqlite:///{tmp_path}/crm.db")
    assert isinstance(account.portal.clock, SystemClock)
    account.portal.clock.advance(3600)  # What has just come or gone is no difference.
    assert run("mirror", "--families", "leads", "--quiet").code == 0
    assert rows(tmp_path)
    checked = run("mirror", "--families", "leads", "--verify")
    assert (checked.code, checked.out) == (0, "")
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection, connection:
        connection.execute("DELETE FROM leads WHERE id = (SELECT min(id) FROM leads)")
    checked = run("mirror", "--families", "leads", "--verify")
    assert checked.code == 1
    assert "in the copy" in checked.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no database is given"),
        (["nonsense"], "the database's URL cannot be read"),
        (["sqlite://"], "in memory"),
        (["sqlite:///{}/x.db", "--families", "lead"], "did you mean 'leads'?"),
        (["sqlite:///{}/x.db", "--every", "soon"], "is no span of time"),
    ],
)
def test_what_is_wrong_is_told(
    run: Run, account: Shop, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = run("mirror", *(one.format(tmp_path) for one in arguments))
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql+psycopg://anna:s3cret@127.0.0.1:1/crm", 1),
        ("postgresql+psycopg://anna:my@s3cret@127.0.0.1:1/crm", 2),
        ("postgresql+psycopg://anna:s3cret@127.0.0.1:none/crm", 2),
        ("mysql+pymysql://anna:s3cret@127.0.0.1:3306/crm?ssl_disabled=true&unknown=1", 1),
    ],
)
def test_a_password_is_never_shown(run: Run, account: Shop, url: str, code: int) -> None:
    done = run("mirror", url)
    assert done.code == code
    assert "AMOCRM_MIRROR_URL" in done.err or "URL cannot be read" in done.err
    assert "s3cret" not in done.err + done.out


PAGE = UnexpectedReplyError("a page", method="GET", path="/", status=200)


@pytest.mark.parametrize(
    ("error", "goes_on", "passes"),
    [
        (UnreachableError("no network"), True, True),
        (UnreachableError("no network"), False, False),
        (PAGE, True, True),
        (PAGE, False, False),
        (GrantError("withdrawn", status=401), True, False),
    ],
)
def test_what_passes_does_not_end_the_program(
    error: AmoCRMError, goes_on: bool, passes: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with nullcontext() if passes else pytest.raises(type(error)), told_errors(Session(), goes_on):
        raise error
    assert (str(error) in capsys.readouterr().err) is passes


@pytest.mark.endurance
def test_it_runs_again_and_again_until_it_is_stopped(account: Shop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    arguments = ("mirror", url, "--families", "leads", "--every", "1s")
    with start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        before = rows(tmp_path)
        account.portal.add("leads", {"name": "later"})
        while b"up to date" in process.stderr.readline() and rows(tmp_path) == before:
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert b"up to date" in first
    assert rows(tmp_path) == before + 1
    assert process.returncode == 130


def test_what_could_not_be_compared_is_not_the_same(
    run: Run, account: Shop, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    assert isinstance(account.portal.clock, SystemClock)
    account.portal.clock.advance(3600)
    assert run("mirror", url, "--families", "leads,contacts").code == 0
    account.portal.inject("server_error", path="/api/v4/contacts", status=402, times=100)
    checked = run("mirror", url, "--families", "leads,contacts", "--verify")
    assert checked.code == 3
    assert "402" in checked.err
