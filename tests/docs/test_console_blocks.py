"""Every `console` block of the documents runs, and shows what it says.

A line that begins with `$ ` is a command: `amocrm ...`, with `echo ... |` before it or `> file`
behind it. The lines below it are what it shows; a line `...` stands for any number of lines. Blocks
of a page continue one another, and share a folder and a portal.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from amocrm.cli.texts import language
from amocrm.sandbox import Sandbox
from tests.docs.console import run
from tests.docs.make_session import PICTURE, record
from tests.docs.test_documents import PAIRS, blocks, is_russian, with_slow_twins

PAGES = [page for pair in PAIRS for page in pair if blocks(page, "console")]


def commands(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page, each with what it shows."""
    found: list[tuple[str, str]] = []
    for block in blocks(page, "console"):
        assert block.startswith("$ "), "a block begins with a command"
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


@pytest.mark.parametrize(
    "page", with_slow_twins(PAGES, lambda page: True), ids=lambda page: page.name
)
def test_every_command_shows_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = Sandbox(("mycompany",), rps=None, seed=0)
    portal.add_shop()
    monkeypatch.chdir(tmp_path)
    one = portal.integration
    with portal.serve() as served:
        settings = {
            "AMOCRM_CONFIG_DIR": str(tmp_path / "config"), "AMOCRM_BASE_URL": served.url,
            "AMOCRM_LANG": "ru" if is_russian(page) else "en", "NO_COLOR": "1", "COLUMNS": "100",
            "AMOCRM_CLIENT_SECRET": one.client_secret, "CLIENT_ID": one.client_id,
            "TOKEN": portal.issue_long_lived(), "CODE": portal.issue_code(),
        }  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        language.cache_clear()
        try:
            for command, expected in commands(page):
                check(command, run(command, monkeypatch), expected)
        finally:
            language.cache_clear()


def check(command: str, shown: str, expected: str) -> None:
    """Compare what a command shows; `...` is any number of lines."""
    pattern = re.escape(expected.rstrip("\n")).replace(r"\.\.\.", r"(?:.*)")
    assert re.fullmatch(pattern, shown.rstrip("\n"), re.DOTALL), f"$ {command}\n{shown}"


def test_both_languages_have_the_same_commands() -> None:
    for ours, theirs in PAIRS:
        names = [
            [re.findall(r"amocrm \w+", command) for command, _ in commands(page)]
            for page in (ours, theirs)
        ]
        assert names[0] == names[1]


def test_the_picture_of_the_first_page_shows_commands_that_run(tmp_path: Path) -> None:
    shown = html.unescape(PICTURE.read_text(encoding="utf-8")).replace("\xa0", " ")
    for command, told in record(str(tmp_path / "config")):
        assert command in shown
        assert told.splitlines()[-1].partition("  ")[0] in shown
