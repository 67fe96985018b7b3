"""`amocrm stubs`: the types of an account.

What the checkers make of them is in `tests/typing/check_stubs.py`, whose stub is compared here;
`python -m tests.cli.test_stubs` writes it anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.cli.stubs import StubbedAccount, StubbedPipeline, read_account, write_stub
from amocrm.resources.custom_fields.definitions import FieldDefinition, Option
from amocrm.sandbox import Sandbox
from tests.cli.conftest import ROOT, Done, Run

STUB = ROOT / "tests" / "typing" / "shop.pyi"
FIELDS: list[Any] = [
    {"name": "Region", "type": "select", "enums": [{"value": "North"}, {"value": "South"}]},
    {"name": "Weight", "type": "numeric"},
    {"name": "Colors", "type": "multiselect", "enums": [{"value": "red"}, {"value": "blue"}]},
    {"name": 'Say "hi"\\', "type": "text"},
]


def shop_portal() -> Sandbox:
    portal = Sandbox(rps=None, seed=0)
    portal.add_shop()
    with client(portal) as crm:
        for one in crm.leads.custom_fields.create_many(FIELDS):
            one.unwrap()
    return portal


def client(portal: Sandbox) -> AmoCRM:
    token = portal.issue_long_lived()
    return AmoCRM("example", {"access_token": token}, session=portal.session(), rate_limiter=None)


@pytest.fixture(scope="module")
def portal() -> Sandbox:
    return shop_portal()


@pytest.fixture
def run_here(portal: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with portal.serve() as served:
        monkeypatch.setenv("AMOCRM_DOMAIN", "example")
        monkeypatch.setenv("AMOCRM_BASE_URL", served.url)
        monkeypatch.setenv("AMOCRM_TOKEN", portal.issue_long_lived())
        yield run


def test_the_stub_that_both_checkers_read(portal: Sandbox) -> None:
    with client(portal) as crm:
        assert write_stub(read_account(crm), "shop") == STUB.read_text(encoding="utf-8")


def test_a_file_and_whether_it_is_up_to_date(run_here: Run, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "shop.pyi"

    def stubs(*arguments: str) -> Done:
        (folder / "rate-limits").unlink(missing_ok=True)  # So that no run waits for the one before.
        return run_here("stubs", *arguments)

    assert stubs("-o", str(path), "--check").code == 1
    assert not path.exists()
    assert stubs("-o", str(path)).code == 0
    assert path.read_text(encoding="utf-8") == STUB.read_text(encoding="utf-8")
    assert stubs("-o", str(path), "--check").code == 0
    path.write_text("old", encoding="utf-8")
    old = stubs("-o", str(path), "--check")
    assert (old.code, old.err) == (1, f"{path} is out of date\n")
    assert 'cast("account.Client"' in stubs().out


@pytest.mark.parametrize("name", ["my shop.pyi", "shop.py", "5.pyi", "shop.txt"])
def test_a_name_that_cannot_be_imported(run_here: Run, tmp_path: Path, name: str) -> None:
    ran = run_here("stubs", "-o", str(tmp_path / name))
    assert (ran.code, ran.out) == (2, "")
    assert not list(tmp_path.glob("*py*"))


HOSTILE = [
    '"] = 1\nimport os #', "a\\", "\x00\x1b[31m", "\u2028", "\u202e", '"""', "{}", "'", "\ud800",
    "", " ", "Имя", "class",
]  # fmt: skip


def account(names: list[str]) -> StubbedAccount:
    fields = [
        FieldDefinition(
            number, name, None, "select", (Option(number + 100, name), Option(number + 200, "b"))
        )
        for number, name in enumerate(names, 1)
    ]
    pipelines = [StubbedPipeline(number, name, {number: name, 142: "Won"})
                 for number, name in enumerate(names, 1)]  # fmt: skip
    users = dict(enumerate(names, 1))
    return StubbedAccount("a.amocrm.ru", {"leads": fields}, pipelines, users)


def test_hostile_names_stay_in_their_quotes() -> None:
    text = write_stub(account(HOSTILE), "shop")
    tree = ast.parse(text.encode())
    imported = [one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
    assert not [one for one in ast.walk(tree) if isinstance(one, ast.Import)]
    assert "os" not in imported
    texts = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
    assert {name for name in HOSTILE if name} <= texts
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_two_fields_of_one_name_are_named_by_their_ids() -> None:
    text = write_stub(account(["Region", "Region", "region"]), "shop")
    assert "key: Literal[1])" in text
    assert 'key: Literal["region", 3])' in text
    assert 'Literal["Region", ' not in text
    # A stage that several pipelines have needs its pipeline; so does a pipeline of another's name.
    assert "pipeline: Literal[1])" in text
    assert '_OwnStage = Literal[\n    "region",\n]' in text


def test_an_account_without_anything() -> None:
    tree = ast.parse(write_stub(StubbedAccount("a.amocrm.ru", {}, [], {}), "shop"))
    assert any(isinstance(one, ast.ClassDef) and one.name == "Client" for one in tree.body)


if __name__ == "__main__":
    with client(shop_portal()) as crm:
        STUB.write_text(write_stub(read_account(crm), "shop"), encoding="utf-8")
