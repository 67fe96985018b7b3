"""`list`, `get`, `create`, `update`: by names, against a served shop."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.cli.conftest import Done, Run, Shop


def rows(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_items_come_as_the_api_has_them_when_piped(run: Run, account: Shop) -> None:
    found = rows(run("list", "leads"))
    assert len(found) > 10
    assert {"id", "name", "_embedded", "custom_fields_values"} <= found[0].keys()


def test_names_stand_for_ids_in_filters_and_columns(run: Run, account: Shop) -> None:
    fields = "id,stage,pipeline,responsible,tags,cf.Оплачено,cf.delivery"
    found = rows(
        run("list", "leads", "--filter", "stage=переговоры", "--filter", "responsible=Ann",
            "--filter", "pipeline=Воронка", "--fields", fields)
    )  # fmt: skip
    assert found
    assert list(found[0]) == fields.split(",")
    assert {(one["stage"], one["pipeline"], one["responsible"]) for one in found} == {
        ("Переговоры", "Воронка", "Ann")
    }
    assert all(isinstance(one["tags"], list) for one in found)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["id=7001,7003"], [7001, 7003]),
        (["id=7001", "id=7003"], [7001, 7003]),
        (["price.from=100000", "price.to=200000"], "price"),
        (["created_at.from=2020-01-01", "created_at.to=2020-02-01"], []),
        (["created_at.to=1"], None),
        (["cf.Оплачено=true"], "paid"),
        (["cf.DELIVERY_DATE.from=2026-11-10"], "some"),
        (["cf.Способ доставки=Самовывоз"], "some"),
    ],
    ids=str,
)
def test_filters_of_every_kind(run: Run, account: Shop, filters: list[str], expected: Any) -> None:
    given = [part for one in filters for part in ("--filter", one)]
    done = run("list", "leads", *given, "--fields", "id,price,cf.Оплачено")
    if expected is None:
        assert (done.code, "is no time" in done.err) == (2, True)
        return
    found = rows(done)
    if isinstance(expected, list):
        assert [one["id"] for one in found] == expected
    elif expected == "price":
        assert found
        assert all(100_000 <= one["price"] <= 200_000 for one in found)
    else:
        assert 0 < len(found) < 16
        assert expected != "paid" or all(one["cf.Оплачено"] is True for one in found)


def test_order_words_and_limit(run: Run, account: Shop) -> None:
    found = rows(run("list", "leads", "--order", "id=desc", "--limit", "3", "--fields", "id"))
    numbers = [one["id"] for one in found]
    assert len(numbers) == 3
    assert numbers == sorted(numbers, reverse=True)
    assert rows(run("list", "contacts", "--query", "Петрова", "--fields", "name"))


def test_csv_has_columns_and_no_formulas(run: Run, account: Shop) -> None:
    made = rows(run("create", "contacts", "name==1+1", "cf.PHONE=+79990001122"))
    done = run("list", "contacts", "--filter", f"id={made[0]['id']}", "-o", "csv",
               "--fields", "id,name,cf.PHONE")  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["name"] == "'=1+1"
    assert row["cf.PHONE"] == '["+79990001122"]'


def test_other_resources_are_listed(run: Run, account: Shop) -> None:
    assert rows(run("list", "pipelines", "--fields", "name")) == [{"name": "Воронка"}]
    assert rows(run("list", "leads/7001/notes")) or True
    assert rows(run("list", "users", "--fields", "name"))[0] == {"name": "Ann"}
    assert json.loads(run("list", "catalogs", "-o", "json").out)[0]["name"] == "Товары"


def test_an_entity_is_created_changed_and_read(run: Run, account: Shop) -> None:
    made = rows(
        run("create", "leads", "name=Order", "price=10", "stage=Переговоры", "responsible=Bob",
            "tags=a,b", "cf.Оплачено=yes", "cf.Дата доставки=2026-12-01",
            "cf.DELIVERY=Самовывоз")
    )  # fmt: skip
    number = str(made[0]["id"])
    fields = "name,price,stage,responsible,tags,cf.Оплачено,cf.Дата доставки,cf.DELIVERY"
    assert rows(run("get", "leads", number, "--fields", fields)) == [
        dict(zip(fields.split(","), [
            "Order", 10, "Переговоры", "Bob", ["a", "b"], True, "2026-12-01", "Самовывоз",
        ], strict=True))
    ]  # fmt: skip
    changed = run("update", "leads", number, "price=20", "cf.Дата доставки=", "cf.Оплачено=no")
    assert rows(changed)[0]["id"] == int(number)
    assert rows(run("get", "leads", number, "--fields", fields))[0] | {"stage": ""} == {
        "name": "Order", "price": 20, "stage": "", "responsible": "Bob", "tags": ["a", "b"],
        "cf.Оплачено": False, "cf.Дата доставки": None, "cf.DELIVERY": "Самовывоз",
    }  # fmt: skip


def test_an_item_may_be_json(run: Run, account: Shop) -> None:
    made = rows(run("create", "leads", "--input", "-", "price=7", stdin='{"name": "From JSON"}'))
    number = str(made[0]["id"])
    found = rows(run("get", "leads", number, "--fields", "name,price"))
    assert found == [{"name": "From JSON", "price": 7}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "lead"], "did you mean 'leads'?"),
        (["list", "calls"], "cannot be listed"),
        (["get", "webhooks", "1"], "cannot be read one by one"),
        (["create", "events", "a=b"], "cannot be created"),
        (["update", "events", "1", "a=b"], "cannot be changed"),
        (["list", "leads", "--filter", "prise=1"], "did you mean 'price'?"),
        (["list", "leads", "--filter", "price"], "NAME=VALUE"),
        (["list", "leads", "--filter", "price=x"], "is no number"),
        (["list", "leads", "--filter", "cf.Nope=1"], "Nope"),
        (["list", "leads", "--filter", "stage=Nope"], "there is no stage 'Nope'"),
        (["list", "leads", "--filter", "responsible=Nope"], "there is no user 'Nope'"),
        (["list", "leads", "--filter", "cf.Оплачено=perhaps"], "neither true nor false"),
        (["list", "leads", "--fields", "cf.Nope"], "Nope"),
        (["list", "leads", "--with", "nope"], "no with_ 'nope'"),
        (["list", "leads", "--order", "name"], "no order 'name'"),
        (["list", "users", "--filter", "cf.A=1"], "no custom fields"),
        (["list", "leads", "--limit", "0"], "--limit"),
        (["get", "leads", "x"], "id"),
        (["create", "leads", "nmae=x"], "did you mean 'name'?"),
        (["create", "leads", "price=x"], "is no number"),
        (["create", "leads", "--input", "/nowhere"], "/nowhere"),
        (["update", "leads", "7001"], "nothing to change"),
        (["create", "leads", "cf.DELIVERY=Nope"], "Nope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_2(
    run: Run, account: Shop, arguments: list[str], said: str
) -> None:
    before = account.portal.counters["created"]
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert account.portal.counters["created"] == before


def test_what_is_not_there_is_exit_1(run: Run, account: Shop) -> None:
    done = run("get", "leads", "999999")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
