"""Long commands in a real terminal: their progress bars, Ctrl-C, and a window that changes."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests

from amocrm import AmoCRM
from amocrm.cli.progress_bars import MOMENT
from amocrm.sandbox import Sandbox
from tests.cli.conftest import Run
from tests.cli.terminal import Terminal, screen

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LEADS = 600
PAGE = 250
HELD = 60.0
"""Seconds that an answer is held back: longer than any test."""
ITSELF = "/api/v4/lead[s]"
"""The path of leads, as a pattern that none of the paths below it begins with."""
ERASED, HIDDEN, SHOWN = "\x1b[2K", "\x1b[?25l", "\x1b[?25h"


class Holding(Sandbox):
    """A portal that can hold back all pages of a listing but the first.

    They are requested at the same time, so that a fault of the next request may meet any of them.
    """

    def __init__(self) -> None:
        super().__init__(rps=None, seed=0)
        self.passes = Event()
        self.passes.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "page" in environ["QUERY_STRING"] and "page=1" not in environ["QUERY_STRING"].split("&"):
            self.passes.wait(HELD)
        return super().__call__(environ, start_response)


@pytest.fixture
def portal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Holding]:
    portal = Holding()
    with portal.serve() as served:
        monkeypatch.setenv("AMOCRM_DOMAIN", "example")
        monkeypatch.setenv("AMOCRM_BASE_URL", served.url)
        monkeypatch.setenv("AMOCRM_TOKEN", portal.issue_long_lived())
        yield portal
        portal.passes.set()


@pytest.fixture
def leads(portal: Holding) -> Holding:
    """A portal with some pages of leads."""
    token, session = portal.issue_long_lived(), portal.session()
    with AmoCRM("example", {"access_token": token}, session=session, rate_limiter=None) as crm:
        for made in crm.leads.create_many({"name": f"Lead {at}"} for at in range(LEADS)):
            made.unwrap()
    return portal


def hold_back(portal: Sandbox, seconds: float) -> None:
    """Answer one write, and hold back the answers of those that follow."""
    portal.inject("latency", "POST", ITSELF, seconds=0)
    portal.inject("latency", "POST", ITSELF, times=50, seconds=seconds)


def hold_back_no_more(portal: Sandbox) -> None:
    with portal.session() as session:
        for _ in range(50):
            try:
                session.post("https://example.amocrm.ru/api/v4/leads", timeout=0.001)
                return
            except requests.Timeout:
                pass
    raise AssertionError("answers are still held back")


def check_ended(terminal: Terminal) -> None:
    """The bar has ended, the cursor is there again, and no traceback was shown."""
    assert terminal.shown.rindex(HIDDEN) < terminal.shown.rindex(SHOWN)
    assert "Traceback" not in terminal.shown
    told = [line for line in screen(terminal.shown) if "not finished" in line]
    assert told == ["not finished: the same command goes on"]


def test_ctrl_c_ends_an_export_which_goes_on(leads: Holding, run: Run, tmp_path: Path) -> None:
    path, whole = tmp_path / "leads.csv", tmp_path / "whole.csv"
    assert run("--quiet", "export", "leads", "-o", str(whole)).code == 0
    leads.passes.clear()
    with Terminal("export", "leads", "-o", str(path), columns=100) as terminal:
        terminal.read_until("waiting for page 2")
        terminal.resize(40)
        *_, drawn, _ = terminal.read_again(ERASED, times=4).split(ERASED)
        assert 30 <= len(screen(drawn)[0]) <= 40
        terminal.press_ctrl_c()
        assert terminal.end() == 130
    check_ended(terminal)
    assert not path.exists()
    assert json.loads(Path(f"{path}.part.json").read_text())["rows"] == PAGE
    leads.passes.set()
    done = run("export", "leads", "-o", str(path))
    assert done.err == f"{LEADS} rows in {path}, {PAGE} of them earlier\n"
    assert path.read_bytes() == whole.read_bytes()


def test_ctrl_c_ends_an_import_which_goes_on(portal: Sandbox, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("name\n" + "".join(f"Lead {at}\n" for at in range(LEADS)))
    hold_back(portal, 5.0)  # The import must not be over before Ctrl-C is pressed.
    with Terminal("--yes", "import", "leads", str(path), columns=100) as terminal:
        terminal.read_until("50/600")
        terminal.resize(40)
        *_, drawn, _ = terminal.read_again(ERASED, times=3).split(ERASED)
        assert 30 <= len(screen(drawn)[0]) <= 40
        terminal.press_ctrl_c()
        assert terminal.end() == 130
    check_ended(terminal)
    assert "waiting for the rows that were sent" in terminal.shown
    assert Path(f"{path}.leads.journal").exists()
    hold_back_no_more(portal)
    done = run("import", "leads", str(path))
    assert (done.code, f"created {LEADS}" in done.err) == (0, True), done.err
    found = Counter(str(one["name"]) for one in portal.leads())
    assert found == Counter(f"Lead {at}" for at in range(LEADS))


def test_a_second_ctrl_c_ends_an_import_at_once(portal: Sandbox, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("name\n" + "".join(f"Lead {at}\n" for at in range(LEADS)))
    hold_back(portal, HELD)
    with Terminal("--yes", "import", "leads", str(path), columns=100) as terminal:
        terminal.read_until("50/600")
        terminal.press_ctrl_c()
        terminal.read_until("Ctrl-C again ends it at once")
        terminal.read_again(ERASED, times=3)  # Two at the same moment are one.
        terminal.press_ctrl_c()
        assert terminal.end() == 130
    check_ended(terminal)
    hold_back_no_more(portal)
    done = run("import", "leads", str(path))
    assert done.code == 3  # What became of the rows that were sent is not known.
    found = Counter(str(one["name"]) for one in portal.leads())
    assert found == Counter(f"Lead {at}" for at in range(LEADS))


def test_a_long_list_has_a_bar_between_its_rows(leads: Holding) -> None:
    leads.inject("latency", "GET", ITSELF, times=50, seconds=MOMENT)
    leads.passes.clear()
    with Terminal("list", "leads", "--fields", "id,name", columns=80) as terminal:
        terminal.read_until("waiting for page 2")
        leads.passes.set()
        assert terminal.end() == 0
    assert terminal.shown.rindex(HIDDEN) < terminal.shown.rindex(SHOWN)
    head, *rows, last = screen(terminal.shown)
    assert (head.split(), last) == (["id", "name"], "")
    assert [row.split(maxsplit=1)[1] for row in rows] == [f"Lead {at}" for at in range(LEADS)]


def test_a_long_list_through_a_pipe_has_none_and_a_closed_pipe_is_silent(leads: Sandbox) -> None:
    leads.inject("latency", "GET", ITSELF, times=50, seconds=MOMENT)
    with Terminal("list", "leads", stdout=subprocess.PIPE) as terminal:
        assert terminal.process.stdout is not None
        with terminal.process.stdout as rows:
            for _ in range(PAGE + 1):
                assert json.loads(rows.readline())["name"]
        assert terminal.end() == 0
    assert terminal.shown == ""
