"""Every code block of the documents runs; both languages hold the same code."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import shlex
import signal
import stat
import subprocess
import sys
import urllib.request
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import amocrm
from amocrm import AmoCRM, __version__
from amocrm._support.emitter import EVENTS
from amocrm.http.stats import Stats, Waits
from amocrm.sandbox import Sandbox
from amocrm.sandbox.faults.plan import KINDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENGLISH, RUSSIAN = ROOT / "README.md", DOCS / "README.ru.md"
GENERATED = DOCS / "api.md"
"""It has a test of its own."""


def twin(path: Path) -> Path:
    """Return the same page in Russian."""
    return RUSSIAN if path == ENGLISH else path.with_suffix(".ru.md")


def is_russian(path: Path) -> bool:
    return path.name.endswith(".ru.md")


SUBJECTS = sorted({path for path in DOCS.glob("*.md") if ".ru" not in path.name} - {GENERATED})
PAIRS = [(path, twin(path)) for path in [ENGLISH, *SUBJECTS]]
"""Every page in both languages."""

READMES = pytest.mark.parametrize("path", [ENGLISH, RUSSIAN], ids=["en", "ru"])
PAGES = pytest.mark.parametrize(
    "path", [page for pair in PAIRS for page in pair], ids=lambda path: path.name
)
SLOW = {"guides", "mirror", "mirror-guides", "mirror-warehouses", "resources"}
"""Pages whose blocks take seconds. Their Russian twins, which hold the same code, run in CI."""


def with_slow_twins(pages: list[Path], is_slow: Callable[[Path], bool]) -> list[Any]:
    """Return pages as parameters; slow ones in Russian have the marker `endurance`."""
    return [
        pytest.param(one, marks=pytest.mark.endurance) if is_russian(one) and is_slow(one) else one
        for one in pages
    ]


TWINS = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].name)
LANGUAGES = pytest.mark.parametrize("suffix", [".md", ".ru.md"], ids=["en", "ru"])

QUICKSTART = "pip install . && python examples/quickstart.py"
TESTS = "pip install -e '.[dev]' && pytest"
SERVE = "python -m amocrm.sandbox --port 8080"

FOREIGN = {"sh", "javascript", "php", "go"}
"""Programs; `test_other_languages` and `test_control_page` run them."""

NEEDED = {"mirror-warehouses": ("dlt", "duckdb")}
"""What the blocks of some pages import, besides what `dev` installs."""

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(path: Path, language: str) -> list[str]:
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def outputs(path: Path) -> list[str | None]:
    """Return what each Python block prints, where a block of text behind it says so."""
    found = FENCE.findall(path.read_text(encoding="utf-8"))
    following = [*found[1:], ("", "")]
    return [
        text if language == "text" else None
        for (name, _), (language, text) in zip(found, following, strict=False)
        if name == "python"
    ]


@pytest.fixture
def make_portal(monkeypatch: pytest.MonkeyPatch, free_port: int) -> Callable[[str], Sandbox]:
    """Puts a portal behind every address: the documents call an account that is not there."""

    def make(account: str) -> Sandbox:
        portal = Sandbox((account,), rps=None, redirect_uri=f"http://127.0.0.1:{free_port}/")
        with portal.session() as session:
            adapter = session.get_adapter("https://mycompany.amocrm.ru")
        over_tcp = HTTPAdapter.send

        def send(self: HTTPAdapter, request: Any, *args: Any, **settings: Any) -> Any:
            if request.url.startswith("http://127.0.0.1:"):  # A sandbox that a page serves.
                return over_tcp(self, request, *args, **settings)
            return adapter.send(request, *args, **settings)

        monkeypatch.setattr(HTTPAdapter, "send", send)
        channel = portal.add_channel()
        settings = {
            "DOMAIN": account,
            "TOKEN": portal.issue_long_lived(),
            "CLIENT_ID": portal.integration.client_id,
            "CLIENT_SECRET": portal.integration.client_secret,
            "REDIRECT_URI": portal.integration.redirect_uri,
            "CODE": portal.issue_code(),
            "CHANNEL_ID": channel.id,
            "CHANNEL_SECRET": channel.secret,
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"AMOCRM_{name}", value)
        return portal

    return make


def agreeing(portal: Sandbox) -> Callable[[str], None]:
    """A browser whose user agrees."""

    def open_browser(url: str) -> None:
        with urllib.request.urlopen(portal.agree(url), timeout=5) as page:
            assert page.status == 200

    return open_browser


SHOP_IN_RUSSIAN = {
    "Sales": "Продажи",
    "New": "Первичный контакт",
    "Agreed": "Согласовано",
    "Paid": "Оплачено",
    "Won": "Успешно реализовано",
    "Lost": "Закрыто и не реализовано",
    "Too expensive": "Слишком дорого",
    "Delivery": "Доставка",
}


def furnish(portal: Sandbox, names: dict[str, str]) -> None:
    """Make the account the shop of the guides."""
    shop = importlib.import_module("shop")
    token = portal.issue_long_lived()
    with AmoCRM(
        portal.account().host, {"access_token": token}, session=portal.session(), rate_limiter=None
    ) as crm:
        shop.furnish(crm, names)


@pytest.mark.parametrize(
    "path",
    with_slow_twins(
        [page for pair in PAIRS for page in pair], lambda page: page.name.partition(".")[0] in SLOW
    ),
    ids=lambda path: path.name,
)
def test_every_python_block_runs(
    path: Path,
    make_portal: Callable[[str], Sandbox],
    free_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Blocks run in their order and share their names; nothing else is there."""
    for module in NEEDED.get(path.name.partition(".")[0], ()):
        pytest.importorskip(module, reason=f"{module} is not installed: it is too heavy for `dev`")
    portal = make_portal("mycompany" if is_russian(path) else "mycompany.kommo.com")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(webbrowser, "open", agreeing(portal))
    copy = tmp_path / path.name
    text = path.read_text(encoding="utf-8")
    copy.write_text(text.replace("3000", str(free_port)), encoding="utf-8")
    if "guides" in path.name:
        monkeypatch.syspath_prepend(str(ROOT / "examples"))
        furnish(portal, SHOP_IN_RUSSIAN if is_russian(path) else {})

    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(copy)
    document.namespace["__name__"] = "__main__"
    examples = list(document.examples())
    assert len(examples) == len(blocks(path, "python"))
    capsys.readouterr()
    for example, printed in zip(examples, outputs(path), strict=True):
        example.evaluate()
        said = capsys.readouterr().out
        assert printed is None or said == printed
    if path.name.startswith("authorization"):
        assert portal.counters["grants.code"] == 2
        assert (tmp_path / "token.json").exists() is False, "the recipe saves at the next grant"
        (tmp_path / "token.json").touch(0o644)
        document.namespace["save"](SimpleNamespace(data={"access_token": "a"}))
        assert stat.S_IMODE((tmp_path / "token.json").stat().st_mode) & 0o077 == 0
        assert json.loads((tmp_path / "token.json").read_text()) == {"access_token": "a"}


@PAGES
def test_blocks_that_need_earlier_ones_say_so(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    words = ["продолжают"] if is_russian(path) else ["continue one another", "continue the one"]
    plain = " ".join(text.split())
    assert len(blocks(path, "python")) < 2 or any(one in plain for one in words)


@PAGES
def test_there_are_no_fences_that_do_not_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    fences = set(re.findall(r"^```(\w+)$", text, re.MULTILINE))
    with_programs = ("sandbox-other-languages", "sandbox-control")
    foreign = FOREIGN if path.name.startswith(with_programs) else set[str]()
    assert fences <= {"python", "bash", "text", "console"} | foreign
    printed = [one for one in outputs(path) if one is not None]
    assert len(printed) == len(blocks(path, "text")), "a text that no block prints"
    assert path in (ENGLISH, RUSSIAN) or blocks(path, "bash") == []


@READMES
def test_every_command_is_one_that_runs(path: Path) -> None:
    assert [block.strip() for block in blocks(path, "bash")] == [QUICKSTART, SERVE, TESTS]


@READMES
def test_the_first_page_is_short_and_begins_with_a_call(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    language, first = FENCE.findall(text)[0]
    assert language == "python"
    assert "AMOCRM_TOKEN" in first


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


def same_code(ours: str, theirs: str) -> bool:
    """Tell if two blocks differ in nothing but comments and texts that are put into Russian."""
    first, second = (list(ast.walk(ast.parse(one))) for one in (ours, theirs))
    for left, right in zip(first, second, strict=True):
        assert type(left) is type(right)
        if not isinstance(left, ast.Constant) or not isinstance(right, ast.Constant):
            continue
        if left.value != right.value:
            assert re.search("[а-яё]", str(right.value), re.IGNORECASE), right.value
            left.value = right.value
    return ast.dump(first[0]) == ast.dump(second[0])


@TWINS
def test_both_languages_hold_the_same_code_and_the_same_tables(pair: tuple[Path, Path]) -> None:
    ours, theirs = (blocks(page, "python") for page in pair)
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        assert same_code(left, right)
    assert blocks(pair[0], "bash") == blocks(pair[1], "bash")

    def shape(path: Path) -> list[str]:
        text = path.read_text(encoding="utf-8")
        kinds = re.findall(r"^(#+ |\| |- |```\w+)", text, re.MULTILINE)
        return [kind.strip() for kind in kinds]

    assert shape(pair[0]) == shape(pair[1])


def test_every_page_is_there_in_both_languages() -> None:
    russian = set(DOCS.glob("*.ru.md"))
    assert russian == {twin(path) for path in [ENGLISH, *SUBJECTS, GENERATED]}


def anchors(path: Path) -> set[str]:
    """Return the names of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@PAGES
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?", text):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def test_pictures_are_light_and_each_is_shown() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for pair in PAIRS for path in pair)
    for picture in (DOCS / "img").iterdir():
        assert picture.name in pages
        assert picture.stat().st_size < 150_000, picture.name


@READMES
def test_every_page_is_linked_from_the_first_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    pages = [twin(one) if is_russian(path) else one for one in [*SUBJECTS, GENERATED]]
    assert [one.name for one in pages if f"{one.name})" not in text.replace("#", ")#")] == []


@LANGUAGES
def test_every_setting_event_error_and_fault_is_on_its_page(suffix: str) -> None:
    def missing(page: str, names: list[str]) -> list[str]:
        text = (DOCS / page).with_suffix(suffix).read_text(encoding="utf-8")
        return [name for name in names if f"`{name}`" not in text]

    settings = list(inspect.signature(amocrm.AmoCRM.__init__).parameters)[1:]
    assert missing("settings", settings) == []
    assert missing("settings", list(amocrm.AuthSettings.__annotations__)) == []
    abstract = {"AmoCRMError", "AuthorizationError", "TransportError"}
    errors = [name for name in amocrm.__all__ if name.endswith("Error") and name not in abstract]
    assert missing("requests-and-errors", errors) == []
    sources = "".join(one.read_text("utf-8") for one in (ROOT / "amocrm").rglob("*.py"))
    loggers = set(re.findall(r'getLogger\("([\w.]+)"\)', sources))
    told = [*EVENTS, *loggers, *set(Stats._fields) - {"sent", "received"}, *Waits._fields]
    assert missing("events-and-logging", told) == []
    assert missing("sandbox", list(KINDS)) == []


BRITISH = re.compile(
    r"\w*(?:authoris|organis|recognis|normalis|synchronis|optimis|cancell|behaviour|colour|licence"
    r"|favour|centre)\w*|for ever\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "path",
    [*(pair[0] for pair in PAIRS), *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "SECURITY"))],
    ids=lambda path: path.name,
)
def test_the_spelling_is_american(path: Path) -> None:
    text = re.sub(r'`[^`]*`|\]\([^)]*"[^"]*"\)', "", path.read_text(encoding="utf-8"))
    assert BRITISH.findall(text) == []


def test_every_place_that_the_map_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:amocrm|tests|docs|\.ci)/[\w./]+)`", text))
    assert len(named) > 30
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_the_changelog_s_newest_entry_is_this_version_or_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[?([\w.]+)", text, re.MULTILINE)[0]
    assert newest in ("Unreleased", __version__)


@pytest.mark.parametrize(
    "module", ["amocrm.sandbox", "amocrm.sandbox.oauth.tokens", "amocrm.testing"]
)
def test_examples_in_docstrings_hold(module: str) -> None:
    import doctest

    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_exported_name_is_explained() -> None:
    bare_names = [
        name
        for name in amocrm.__all__
        if name != "__version__" and not (getattr(amocrm, name).__doc__ or "").strip()
    ]
    assert bare_names == []
