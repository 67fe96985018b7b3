"""`amocrm fields`, `pipelines`, `users`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amocrm import AmoCRM
from tests.cli.conftest import Done, Run, Shop

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture(scope="module", autouse=True)
def fields(shop: Shop) -> None:
    made: list[Any] = [
        {"name": "Region", "type": "select", "enums": [{"value": "North"}, {"value": "South"}]},
        {"name": "Weight", "type": "numeric", "code": "WEIGHT"},
    ]
    session = shop.portal.session()
    with AmoCRM("example", {"access_token": shop.token}, session=session) as crm:
        for one in crm.companies.custom_fields.create_many(made):
            one.unwrap()


def rows(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_fields_with_their_choices(run: Run) -> None:
    ran = run("fields", "companies")
    assert (ran.code, ran.err) == (0, "")
    found = {row["name"]: row for row in rows(ran)}
    assert found["Region"]["type"] == "select"
    assert [one["value"] for one in found["Region"]["choices"]] == ["North", "South"]
    assert all(isinstance(one["id"], int) for one in found["Region"]["choices"])
    assert found["Weight"]["code"] == "WEIGHT"
    assert found["Weight"]["choices"] == []


def test_a_table_has_the_choices_as_one_text(run: Run) -> None:
    choices = {row["name"]: row["choices"] for row in rows(run("fields", "companies"))}["Region"]
    ran = run("fields", "companies", "-o", "csv")
    assert ran.out.splitlines()[0] == "id,name,type,code,choices"
    assert ", ".join(f"{one['value']} ({one['id']})" for one in choices) in ran.out


@pytest.mark.parametrize("kind", ["lead", "../account", "catalogs/x", "catalogs/0", ""])
def test_a_kind_without_fields_is_refused(run: Run, kind: str) -> None:
    ran = run("fields", kind)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "catalogs/ID" in ran.err


def test_pipelines_with_their_stages(run: Run) -> None:
    stages = rows(run("pipelines"))
    assert list(stages[0]) == ["pipeline_id", "pipeline", "stage_id", "stage", "kind"]
    kinds = [row["kind"] for row in stages if row["pipeline_id"] == stages[0]["pipeline_id"]]
    assert kinds[0] == "unsorted"
    assert kinds[-2:] == ["won", "lost"]
    assert set(kinds[1:-2]) == {None}


def test_users(run: Run) -> None:
    (user,) = [row for row in rows(run("users")) if row["admin"]][:1]
    assert user["active"] is True
    assert "@" in user["email"]
    assert run("users", "-o", "table").out.split()[:3] == ["id", "name", "email"]
