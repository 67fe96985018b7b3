"""`amocrm fields`, `pipelines`, `users`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from tests.cli.served import Run, runner, served


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    portal = Sandbox(rps=None, seed=0)
    token = portal.issue_long_lived()
    fields: list[Any] = [
        {"name": "Region", "type": "select", "enums": [{"value": "North"}, {"value": "South"}]},
        {"name": "Weight", "type": "numeric", "code": "WEIGHT"},
    ]
    with AmoCRM("example", {"access_token": token}, session=portal.session()) as crm:
        for one in crm.leads.custom_fields.create_many(fields):
            one.unwrap()
    with served(portal) as url:
        yield {"AMOCRM_DOMAIN": "example", "AMOCRM_TOKEN": token, "AMOCRM_BASE_URL": url}


@pytest.fixture
def amocrm(
    settings: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    return runner(tmp_path, monkeypatch, capsys, settings)


def test_fields_with_their_choices(amocrm: Run) -> None:
    ran = amocrm("fields", "leads")
    assert (ran.code, ran.err) == (0, "")
    found = {row["name"]: row for row in ran.rows}
    assert found["Region"]["type"] == "select"
    assert [one["value"] for one in found["Region"]["choices"]] == ["North", "South"]
    assert all(isinstance(one["id"], int) for one in found["Region"]["choices"])
    assert found["Weight"]["code"] == "WEIGHT"
    assert found["Weight"]["choices"] == []


def test_a_table_has_the_choices_as_one_text(amocrm: Run) -> None:
    choices = {row["name"]: row["choices"] for row in amocrm("fields", "leads").rows}["Region"]
    ran = amocrm("fields", "leads", "-o", "csv")
    assert ran.out.splitlines()[0] == "id,name,type,code,choices"
    assert ", ".join(f"{one['value']} ({one['id']})" for one in choices) in ran.out


@pytest.mark.parametrize("kind", ["lead", "../account", "catalogs/x", "catalogs/0", ""])
def test_a_kind_without_fields_is_refused(amocrm: Run, kind: str) -> None:
    ran = amocrm("fields", kind)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "catalogs/ID" in ran.err


def test_pipelines_with_their_stages(amocrm: Run) -> None:
    rows = amocrm("pipelines").rows
    assert list(rows[0]) == ["pipeline_id", "pipeline", "stage_id", "stage", "kind"]
    kinds = [row["kind"] for row in rows if row["pipeline_id"] == rows[0]["pipeline_id"]]
    assert kinds[0] == "unsorted"
    assert kinds[-2:] == ["won", "lost"]
    assert set(kinds[1:-2]) == {None}


def test_users(amocrm: Run) -> None:
    (user,) = [row for row in amocrm("users").rows if row["admin"]][:1]
    assert user["active"] is True
    assert "@" in user["email"]
    assert amocrm("users", "-o", "table").out.split()[:3] == ["id", "name", "email"]
