"""`amocrm call`: any path, raw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Shop


def test_a_path_is_read_with_a_query(run: Run, account: Shop) -> None:
    done = run("call", "get", "/api/v4/leads", "-q", "limit=2", "-q", "filter[id][0]=7001")
    assert done.code == 0
    assert [one["id"] for one in json.loads(done.out)["_embedded"]["leads"]] == [7001]


def test_a_part_of_a_query_that_is_repeated_is_not_lost(run: Run, account: Shop) -> None:
    done = run("call", "GET", "/api/v4/leads", "-q", "filter[id][]=7001", "-q", "filter[id][]=7003")
    found = json.loads(done.out)["_embedded"]["leads"]
    assert sorted(one["id"] for one in found) == [7001, 7003]
    done = run("call", "GET", "/api/v4/leads", "-q", "filter[id]=7001", "-q", "filter[id]=7003")
    assert (done.code, done.out) == (2, "")
    assert "-q filter[id] is given twice" in done.err


def test_all_pages_are_an_item_a_line(run: Run, account: Shop) -> None:
    done = run("call", "GET", "/api/v4/leads", "-q", "limit=5", "--all")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert len(lines) > 10
    assert all("id" in one for one in lines)


def test_a_body_is_sent(run: Run, account: Shop, tmp_path: Path) -> None:
    done = run("call", "POST", "/api/v4/leads", "--input", "-", stdin='[{"name": "Raw"}]')
    (made,) = json.loads(done.out)["_embedded"]["leads"]
    file = tmp_path / "change.json"
    file.write_text('\ufeff{"price": 5}', encoding="utf-8")
    path = f"/api/v4/leads/{made['id']}"
    assert run("call", "PATCH", path, "--input", str(file)).code == 0
    assert json.loads(run("call", "GET", path).out)["price"] == 5


def test_another_user_is_the_author(run: Run, account: Shop) -> None:
    made = run("--as-user", "503", "create", "leads", "name=Of Bob")
    number = json.loads(made.out)["id"]
    found = run("get", "leads", str(number), "--fields", "author")
    assert json.loads(found.out) == {"author": "Bob"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["FETCH", "/api/v4/leads"], "", "FETCH"),
        (["GET", "https://evil.example.org/"], "", "URL"),
        (["GET", "/api/v4/leads", "-q", "limit"], "", "NAME=VALUE"),
        (["POST", "/api/v4/leads", "--all"], "", "--all"),
        (["POST", "/api/v4/leads", "--input", "-"], "{", "not JSON"),
        (["POST", "/api/v4/leads", "--input", "-"], "[NaN]", "not JSON"),
        (["POST", "/api/v4/leads", "--input", "-"], "[" * 100_000, "not JSON"),
        (["POST", "/api/v4/leads", "--input", "-"], b"\xff\xfe", "not UTF-8"),
        (["POST", "/api/v4/leads", "--input", "/dev/null/x"], "", "/dev/null/x"),
        (["POST", "/api/v4/leads", "--input", "/"], "", "/"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_2(
    run: Run, account: Shop, arguments: list[str], stdin: str | bytes, said: str
) -> None:
    done = run("call", *arguments, stdin=stdin)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_a_refusal_is_one_line_and_exit_1(run: Run, account: Shop) -> None:
    done = run("call", "GET", "/api/v4/nowhere")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
