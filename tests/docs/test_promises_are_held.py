"""Every promise of the documents names the tests that hold it, and those tests exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY = ROOT / "SECURITY.md"
PAIRS = [
    (ROOT / "docs" / f"{name}.md", ROOT / "docs" / f"{name}.ru.md")
    for name in ["authorization", "integration"]
]
PAGES = [SECURITY, *(page for pair in PAIRS for page in pair)]

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
"""A test as pytest names it."""
LINKED = re.compile(r'\]\(\.\./(tests/[\w/]+\.py) "(\w+)"\)')
"""A link to a file of tests; its title is the test's name."""


def named(path: Path) -> list[tuple[str, str]]:
    """Return the tests that a page names, in its order."""
    text = path.read_text(encoding="utf-8")
    found = [*NAMED.finditer(text), *LINKED.finditer(text)]
    return [(one[1], one[2]) for one in sorted(found, key=lambda one: one.start())]


@cache
def names_in(file: str) -> set[str]:
    """Return the names of a file's tests: functions, classes, and state machines."""
    path = ROOT / file
    if not path.exists():
        return set()
    names = set()
    for one in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            names.add(one.name)
        elif isinstance(one, ast.Assign):
            names |= {target.id for target in one.targets if isinstance(target, ast.Name)}
    return {name for name in names if name.lower().startswith("test")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    tests = named(page)
    assert len(tests) > 20
    assert [f"{file}::{name}" for file, name in tests if name not in names_in(file)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_test_is_named_in_one_of_the_two_forms(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count(".py::") == len(NAMED.findall(text))
    assert len(re.findall(r"\]\(\.\./tests/\S+\.py", text)) == len(LINKED.findall(text))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].name)
def test_both_languages_name_the_same_tests_in_the_same_order(pair: tuple[Path, Path]) -> None:
    assert named(pair[0]) == named(pair[1])


def test_every_promise_of_the_policy_names_its_tests() -> None:
    policy = SECURITY.read_text(encoding="utf-8")
    promised = policy.partition("## What is promised")[2].partition("\n## ")[0]
    rows = [
        line
        for line in promised.splitlines()
        if line.startswith("| ") and not line.startswith(("| promise |", "| --- |"))
    ]
    assert len(rows) > 40
    assert [row for row in rows if not NAMED.search(row)] == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].name)
def test_every_promise_of_a_list_names_its_tests(pair: tuple[Path, Path]) -> None:
    for page in pair:
        text = page.read_text(encoding="utf-8")
        lists = re.split(r"^## (?:What cannot be promised|Чего обещать нельзя)", text, flags=re.M)
        points = re.findall(r"^- .*(?:\n  .*)*", lists[0], re.MULTILINE)
        assert len(points) >= 6
        assert [point for point in points if not LINKED.search(point)] == []
