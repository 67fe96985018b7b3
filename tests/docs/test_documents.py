"""Every code block of the documents runs; both languages hold the same code."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from amocrm import AmoCRM, __version__
from amocrm.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
ENGLISH, RUSSIAN = ROOT / "README.md", ROOT / "docs" / "README.ru.md"
PAIRS = [
    (ENGLISH, RUSSIAN),
    *(
        (ROOT / "docs" / f"{name}.md", ROOT / "docs" / f"{name}.ru.md")
        for name in ["authorisation", "integration", "guides"]
    ),
]
"""Every page in both languages."""

READMES = pytest.mark.parametrize("path", [ENGLISH, RUSSIAN], ids=["en", "ru"])
PAGES = pytest.mark.parametrize(
    "path", [page for pair in PAIRS for page in pair], ids=lambda path: path.name
)
TWINS = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].name)

QUICKSTART = "pip install . && python examples/quickstart.py"
TESTS = "pip install -e '.[dev]' && pytest"
SERVE = "python -m amocrm.sandbox --port 8080"


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A portal behind every address: the documents talk to an account that is not there."""
    portal = Sandbox(
        ("mycompany",),
        rps=None,
        client_id="9b61a1c4-6c4f-4f1d-8a0e-2f6f0f8a7f10",
        client_secret="kX2o0FqGm1hUuWl3",
        redirect_uri="https://mycompany.example/amo",
    )
    with portal.session() as session:
        adapter = session.get_adapter("https://mycompany.amocrm.ru")

    def send(_: HTTPAdapter, *args: Any, **settings: Any) -> Any:
        return adapter.send(*args, **settings)

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return portal


def agreeing(portal: Sandbox) -> Callable[[str], None]:
    """A browser whose user agrees. It is not `requests`: those addresses lead to the portal."""

    def open_browser(url: str) -> None:
        with urllib.request.urlopen(portal.agree(url), timeout=5) as page:
            assert page.status == 200

    return open_browser


def furnish(portal: Sandbox) -> None:
    """Make the account the one that the guides speak of."""
    shop = importlib.import_module("shop")
    token = portal.issue_long_lived()
    with AmoCRM(
        "mycompany", {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        shop.furnish(crm)


@PAGES
def test_every_python_block_runs(
    path: Path,
    portal: Sandbox,
    free_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    text = path.read_text(encoding="utf-8").replace("3000", str(free_port))
    copy = tmp_path / path.name
    copy.write_text(text.replace("def50200a1b2c3", portal.issue_code()), encoding="utf-8")
    asking = portal.add_integration(f"http://127.0.0.1:{free_port}/")

    if path.name.startswith("guides"):
        monkeypatch.syspath_prepend(str(ROOT / "examples"))
        furnish(portal)

    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(copy)
    document.namespace.update(
        client_id=asking.client_id,
        client_secret=asking.client_secret,
        open_browser=agreeing(portal),
        long_lived_token=portal.issue_long_lived(),
        auth={"access_token": portal.issue_long_lived()},
        portal=portal,
    )
    examples = list(document.examples())
    assert len(examples) == len(blocks(path, "python")) > 5
    for example in examples:
        example.evaluate()
    if path in (ENGLISH, RUSSIAN):
        assert (tmp_path / "token.json").exists() is False, "the recipe saves at the next grant"
        assert portal.counters["grants.code"] == 2
        (tmp_path / "token.json").touch(0o644)
        document.namespace["save"](SimpleNamespace(data={"access_token": "a"}))
        assert stat.S_IMODE((tmp_path / "token.json").stat().st_mode) & 0o077 == 0
        assert json.loads((tmp_path / "token.json").read_text()) == {"access_token": "a"}


@PAGES
def test_there_are_no_fences_that_do_not_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) <= {"python", "bash"}


@READMES
def test_every_command_is_one_that_runs(path: Path) -> None:
    assert [block.strip() for block in blocks(path, "bash")] == [QUICKSTART, SERVE, TESTS]


def test_the_gate_runs_the_two_commands_as_they_stand() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert QUICKSTART in gate
    assert TESTS in gate


def test_the_sandbox_command_serves_until_it_is_told_to_stop(free_port: int) -> None:
    command = shlex.split(SERVE.replace("8080", str(free_port)))
    with subprocess.Popen(
        [sys.executable, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert str(free_port) in first
    assert process.returncode == 0


def bare(block: str) -> str:
    """A block without its comments, which are in the reader's language."""
    return re.sub(r"\s*#.*", "", block)


@TWINS
def test_both_languages_hold_the_same_code_and_the_same_tables(pair: tuple[Path, Path]) -> None:
    for language in ("python", "bash"):
        ours, theirs = (blocks(page, language) for page in pair)
        assert [bare(block) for block in ours] == [bare(block) for block in theirs]

    def shape(path: Path) -> list[str]:
        text = path.read_text(encoding="utf-8")
        kinds = re.findall(r"^(#+ |\| |- |```\w+)", text, re.MULTILINE)
        return [kind.strip() for kind in kinds]

    assert shape(pair[0]) == shape(pair[1])


@PAGES
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readmes_name_every_setting_event_and_error() -> None:
    import inspect

    import amocrm
    from amocrm._support.emitter import EVENTS

    text = ENGLISH.read_text(encoding="utf-8")
    settings = list(inspect.signature(amocrm.AmoCRM.__init__).parameters)[3:]
    missing = [name for name in (*settings, *EVENTS) if name not in text and name != "clock"]
    abstract = {"AmoCRMError", "AuthorizationError", "TransportError", "ReplyError", "WebhookError"}
    missing += [
        name
        for name in amocrm.__all__
        if name.endswith("Error") and name not in abstract and f"`{name}`" not in text
    ]
    assert missing == []


def test_the_changelog_s_newest_entry_is_this_version_or_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[?([\w.]+)", text, re.MULTILINE)[0]
    assert newest in ("Unreleased", __version__)


@pytest.mark.parametrize("module", ["amocrm.sandbox", "amocrm.sandbox.oauth.tokens"])
def test_examples_in_docstrings_hold(module: str) -> None:
    import doctest
    import importlib

    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_exported_name_is_explained() -> None:
    import amocrm

    bare_names = [
        name
        for name in amocrm.__all__
        if name != "__version__" and not (getattr(amocrm, name).__doc__ or "").strip()
    ]
    assert bare_names == []
