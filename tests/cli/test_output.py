"""Rows as a table, JSON, JSON lines and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from amocrm.cli.output import text_width, write_rows
from amocrm.cli.spreadsheet import harmless, original

ROWS: list[dict[str, object]] = [
    {"id": 1, "name": "Анна", "tags": ["a"]},
    {"id": 2, "name": None, "tags": []},
]


def written(capsys: pytest.CaptureFixture[str], form: str, **settings: list[str]) -> str:
    write_rows(iter(ROWS), form, **settings)
    return capsys.readouterr().out


def test_json_and_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(written(capsys, "json")) == ROWS
    assert [json.loads(line) for line in written(capsys, "jsonl").splitlines()] == ROWS
    write_rows(iter([]), "json")
    assert json.loads(capsys.readouterr().out) == []


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    read = list(csv.reader(io.StringIO(written(capsys, "csv"))))
    assert read == [["id", "name", "tags"], ["1", "Анна", '["a"]'], ["2", "", "[]"]]
    assert written(capsys, "csv", columns=["name", "nope"]) == "name,nope\nАнна,\n,\n"


def test_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert written(capsys, "table") == 'id  name  tags\n1   Анна  ["a"]\n2         []\n'


def test_texts_of_the_account_do_not_command_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_rows([{"name": "\x1b]0;gotcha\x07\n\u202eabc"}], "table")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert out.count("\n") == 2


def test_a_table_follows_the_window(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> Iterator[dict[str, str]]:
        for number in range(200):
            monkeypatch.setenv("COLUMNS", "50" if number < 150 else "20")
            yield {"id": str(number), "name": "x" * 40}

    write_rows(rows(), "table")
    widths = {len(line) for line in capsys.readouterr().out.splitlines()[1:]}
    assert widths == {44, 20}


def test_letters_take_the_width_they_have() -> None:
    assert [text_width(one) for one in ("abc", "Анна", "客户", "é", "e\u0301")] == [3, 4, 4, 1, 1]


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table"])
def test_rows_are_written_as_they_come(capsys: pytest.CaptureFixture[str], form: str) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield from ({"id": number} for number in range(150))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_rows(rows(), form)
    assert "149" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["=1", "+7999", "-1", "@SUM", "\tx", "\rx", "'=1", "''+1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert original(harmless(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "'quoted'", "1+1", "Анна", "'"])
def test_other_cells_stay(text: str) -> None:
    assert (harmless(text), original(text)) == (text, text)
