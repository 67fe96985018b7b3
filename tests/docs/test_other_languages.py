"""The programs of docs/sandbox-other-languages.md run against a served sandbox.

Those in PHP and Go run where PHP and Go are installed; curl and node are needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from amocrm.sandbox import Sandbox
from tests.docs.test_documents import DOCS, blocks
from tests.testing.conftest import OPTIONS

pytest_plugins = ["pytester"]

PAGES = pytest.mark.parametrize(
    "page",
    [DOCS / "sandbox-other-languages.md", DOCS / "sandbox-other-languages.ru.md"],
    ids=["en", "ru"],
)

PROGRAMS = {
    "javascript": ("node", "order.mjs", ["node", "order.mjs"]),
    "php": ("php", "order.php", ["php", "order.php"]),
    "go": ("go", "order.go", ["go", "run", "order.go"]),
}


def call(command: list[str], portal: Sandbox, url: str, folder: Path) -> str:
    environment = {
        **os.environ, "AMOCRM_URL": url, "AMOCRM_TOKEN": portal.issue_long_lived(),
        "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def need(program: str) -> None:
    """Skip without a program; where `CI` is set, curl and node have to be there."""
    if shutil.which(program) is None:
        is_needed = program in ("curl", "node") and os.environ.get("CI")
        (pytest.fail if is_needed else pytest.skip)(f"{program} is not installed")


@PAGES
@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_creates_a_lead(language: str, page: Path, tmp_path: Path) -> None:
    program, name, command = PROGRAMS[language]
    need(program)
    (text,) = blocks(page, language)
    (tmp_path / name).write_text(text, encoding="utf-8")
    portal = Sandbox()
    with portal.serve(threads=4) as served:
        printed = call(command, portal, served.url, tmp_path)
    (lead,) = portal.leads()
    assert (printed, lead["price"]) == (f"{lead['name']} 1500\n", 1500)


@PAGES
def test_the_commands_of_curl_run(page: Path, tmp_path: Path) -> None:
    need("curl")
    first, second = blocks(page, "sh")
    portal = Sandbox()
    with portal.serve(threads=4) as served:
        assert "_embedded" in call(["bash", "-ec", first], portal, served.url, tmp_path)
        assert [lead["price"] for lead in portal.leads()] == [1500]
        call(["bash", "-ec", second], portal, served.url, tmp_path)
    assert len(portal.leads()) == 1, "they were reset"
    assert len(portal.account().shelf("webhooks")) == 1
    assert portal.faults.latency == 0


@PAGES
def test_pytest_starts_the_program(
    page: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("node")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (pytester.path / "order.mjs").write_text(blocks(page, "javascript")[0], encoding="utf-8")
    pytester.makepyfile(*blocks(page, "python"))
    done = pytester.runpytest_inprocess(*OPTIONS)
    done.assert_outcomes(passed=1)


def test_both_languages_have_the_same_programs() -> None:
    ours, theirs = (DOCS / f"sandbox-other-languages{end}" for end in (".md", ".ru.md"))
    for language in (*PROGRAMS, "sh"):
        pairs = zip(blocks(ours, language), blocks(theirs, language), strict=True)
        for left, right in pairs:
            assert len(left.splitlines()) == len(right.splitlines())
