"""`amocrm export` and `amocrm import` as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Shop, start


def test_export_writes_a_file_and_nothing_else(run: Run, account: Shop, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    done = run("export", "leads", "-o", str(path), "--fields", "id,name,stage,cf.Оплачено")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"{path.read_text('utf-8-sig').count(chr(10)) - 1} rows in")
    assert path.read_text("utf-8-sig").startswith("id,name,stage,Оплачено")
    assert sorted(os.listdir(tmp_path)) == ["config", "leads.csv"]


def test_export_takes_filters_of_names(run: Run, account: Shop, tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    done = run(
        "--quiet", "export", "leads", "-o", str(path), "--filter", "stage=переговоры",
        "--names", "--since", "2020-01-01", "--with", "contacts",
    )  # fmt: skip
    assert (done.code, done.out, done.err) == (0, "", "")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {one["stage"] for one in rows} == {"Переговоры"}
    assert any(one["contact_names"] for one in rows)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("leads", "-o", "a.doc"), "does not tell the format"),
        (("leads", "-o", "missing/a.csv"), "No such file"),
        (("leads", "-o", "a.csv", "--fields", "nmae"), "did you mean 'name'"),
        (("leads", "-o", "a.csv", "--since", "x"), "is no time"),
        (("leads", "-o", "a.csv", "--delimiter", ";;"), "one character"),
        (("leeds", "-o", "a.csv"), "did you mean 'leads'"),
        (("account", "-o", "a.csv"), "cannot be listed"),
        (("leads",), "--output"),
    ],
)
def test_wrong_exports_take_one_line(
    run: Run, account: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = run("export", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("extra", "end", "command"),
    [
        ("xlsxwriter", "xlsx", ("export", "leads", "-o")),
        ("pyarrow", "parquet", ("export", "leads", "-o")),
        ("openpyxl", "xlsx", ("import", "leads")),
    ],
)
def test_a_missing_extra_is_named(
    run: Run, account: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    extra: str, end: str, command: tuple[str, ...],
) -> None:  # fmt: skip
    path = tmp_path / f"a.{end}"
    if command[0] == "import":
        path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, extra, None)
    done = run(*command, str(path))
    assert done.code == 2
    assert f"needs {extra}" in done.err
    assert f"amocrm-python[{end}]" in done.err


PEOPLE = "Имя;EMAIL;Город\nАнна Импорт;anna@импорт.рф;x\nБорис Импорт;abc;x\n"
MAP = ("--map", "Имя=name", "--map", "Город=")


def test_import_shows_checks_and_writes(run: Run, account: Shop, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, "windows-1251")
    done = run("import", "contacts", str(path), *MAP, "--match", "email", "--dry-run")
    assert (done.code, done.out) == (3, "")
    assert "windows-1251, delimiter ';'" in done.err
    assert "Город  - (not wanted)" in done.err
    assert "2 rows, 1 refused" in done.err
    assert "row 3: column 'EMAIL'" in done.err
    outcomes = Path(f"{path}.outcomes.jsonl")
    assert [json.loads(one)["outcome"] for one in outcomes.read_text().splitlines()] == [
        "valid", "refused",
    ]  # fmt: skip
    done = run("import", "contacts", str(path), *MAP, "--match", "email", "--outcomes", "-")
    assert done.code == 3
    assert [json.loads(one)["outcome"] for one in done.out.splitlines()] == ["created", "refused"]
    assert "created 1, refused 1" in done.err
    assert Path(f"{path}.contacts.journal").exists()
    # The row is mended: the same command sends it alone, and leaves no journal.
    path.write_text(PEOPLE.replace("abc", "boris@импорт.рф"), "windows-1251")
    before = len(account.portal.log)
    done = run("import", "contacts", str(path), *MAP, "--match", "email")
    assert done.code == 0, done.err
    assert "created 2" in done.err
    posted = [one for one in account.portal.log[before:] if one.method == "POST"]
    assert len(posted) == 1
    assert sorted(os.listdir(tmp_path)) == ["config", "people.csv", "people.csv.outcomes.jsonl"]


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"name\n=1+1\n", (), "is a formula"),
        (b"name\nA\0\n", (), "NUL"),
        (b"name,name\nA,B\n", (), "two columns"),
        (b"name\n" + b"x" * (2 << 20), (), "has more than"),
        (b"nmae\nA\n", (), "--map"),
        (b"name\nA\n", ("--match", "phone"), "needs a column PHONE"),
        (b"name\nA\n", ("--match", "id"), "needs a column id"),
        (b"name\nA\n", ("--encoding", "klingon"), "no encoding"),
        (b"name\nA\n", ("--map", "x=name"), "has no column 'x'"),
        (b"name\nA\n", ("--map", "x"), "NAME=VALUE"),
    ],
)
def test_hostile_imports_take_one_line(
    run: Run, account: Shop, tmp_path: Path, content: bytes, arguments: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    before = len(account.portal.log)
    done = run("--quiet", "import", "contacts", str(path), *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert all(one.method == "GET" for one in account.portal.log[before:])


@pytest.mark.parametrize("option", ["--outcomes", "--journal"])
def test_an_import_does_not_overwrite_its_file(
    run: Run, account: Shop, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\nA\n")
    link = tmp_path / "link"
    link.symlink_to(path)
    for other in (path, link):
        for more in ((), ("--dry-run",)):
            done = run("import", "contacts", str(path), option, str(other), *more)
            assert (done.code, done.out) == (2, "")
            assert f"{option} would overwrite" in done.err
            assert path.read_text() == "name\nA\n"
    other = tmp_path / "b"
    done = run(
        "import", "contacts", str(path), "--outcomes", str(other), "--journal", str(other)
    )  # fmt: skip
    assert done.code == 2
    assert "same file" in done.err


def test_an_import_that_cannot_begin_keeps_the_outcomes(
    run: Run, account: Shop, tmp_path: Path
) -> None:
    path, outcomes = tmp_path / "a.csv", tmp_path / "a.csv.outcomes.jsonl"
    path.write_text("name,PHONE\nA,+79001230001\n")
    journal = tmp_path / "a.csv.contacts.journal"
    assert run("import", "contacts", str(path), "--journal", str(journal)).code == 0
    before = outcomes.read_text()
    path.write_text("name,PHONE\nB,+79001230002\n")
    done = run("import", "contacts", str(path))
    assert done.code == 2
    assert "differs from the one in the journal" in done.err
    assert outcomes.read_text() == before


def test_an_import_whose_outcomes_nobody_reads_has_failed(account: Shop, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\n" + "".join(f"Unread {at}\n" for at in range(2000)))
    process = start(
        "import", "contacts", str(path), "--outcomes", "-", "--no-input",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1
    assert "nobody reads the outcomes" in told
    assert "the same command goes on" in told
    assert "Traceback" not in told


def test_an_export_replaces_neither_a_device_nor_a_link(
    run: Run, account: Shop, tmp_path: Path
) -> None:
    device = tmp_path / "device.csv"
    os.mkfifo(device)
    done = run("export", "users", "-o", str(device))
    assert (done.code, done.out) == (2, "")
    assert "is not a regular file" in done.err
    assert not device.is_file()
    (tmp_path / "data").mkdir()
    link, target = tmp_path / "link.csv", tmp_path / "data" / "users.csv"
    link.symlink_to(target)
    assert run("export", "users", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert "ann@example.com" in target.read_text("utf-8-sig")


def test_a_profile_that_is_empty_is_not_another_one(run: Run, account: Shop) -> None:
    done = run("--profile", "", "whoami")
    assert (done.code, done.out) == (2, "")
    assert "--profile is empty" in done.err


@pytest.mark.parametrize("command", [("stubs",), ("sandbox", "clone")])
def test_no_command_replaces_a_device(
    run: Run, account: Shop, tmp_path: Path, command: tuple[str, ...]
) -> None:
    device = tmp_path / "device.pyi"
    os.mkfifo(device)
    done = run(*command, "-o", str(device))
    assert (done.code, done.out) == (2, "")
    assert "is not a regular file" in done.err
    assert not device.is_file()
