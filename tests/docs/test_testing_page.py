"""The tests that docs/testing.md and the README show pass, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.test_documents import DOCS, ENGLISH, RUSSIAN, blocks
from tests.testing.conftest import OPTIONS

pytest_plugins = ["pytester"]

PAGES = pytest.mark.parametrize(
    ("page", "least"),
    [(DOCS / "testing.md", 12), (DOCS / "testing.ru.md", 12), (ENGLISH, 1), (RUSSIAN, 1)],
    ids=["en", "ru", "README", "README-ru"],
)


def files(page: Path) -> dict[str, str]:
    """Return the blocks with tests, each as a file."""
    found = [block for block in blocks(page, "python") if "def test_" in block]
    return {f"test_{number}": block for number, block in enumerate(found)}


@PAGES
def test_the_tests_of_the_page_pass(
    page: Path, least: int, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(**files(page))
    done = pytester.runpytest_inprocess(*OPTIONS)
    count = sum(block.count("def test_") for block in files(page).values())
    assert count >= least
    done.assert_outcomes(passed=count)
