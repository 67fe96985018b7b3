"""The commands of docs/sandbox-control.md run, and its table names the actions that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from amocrm.sandbox import Sandbox
from amocrm.sandbox.control.actions import ACTIONS
from tests.docs.test_documents import DOCS, blocks
from tests.docs.test_other_languages import call, need

PAGES = pytest.mark.parametrize(
    "page", [DOCS / "sandbox-control.md", DOCS / "sandbox-control.ru.md"], ids=["en", "ru"]
)


@PAGES
def test_the_commands_run(page: Path, tmp_path: Path) -> None:
    need("curl")
    storm, between = blocks(page, "sh")
    portal = Sandbox(seed=1)
    portal.add_shop()
    with portal.serve(threads=4) as served:
        shown = call(["bash", "-ec", storm], portal, served.url, tmp_path)
        assert re.findall(r"^(?:.*\})?(\d{3})$", shown, re.MULTILINE) == ["429", "200"]
        call(["bash", "-ec", between], portal, served.url, tmp_path)
    assert len(portal.leads()) == 50


@PAGES
def test_the_table_names_every_action(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    named = {("GET" if "GET" in part else "POST", name)
             for row in rows
             for part in re.split("; ", row.split("|")[2])
             for name in re.findall(r"`(?:GET |POST )?([\w/{}-]+)`", part)}  # fmt: skip
    known = {(one.method, one.path.removeprefix("/_sandbox/")) for one in ACTIONS}
    same = {
        (method, path) for method, path in known if not path.startswith(("contacts", "companies"))
    }
    assert named == same
