from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM, BlockedError, ConfigurationError
from amocrm.mirror import Difference, Verification, verify
from amocrm.mirror.sql.schema import describe_all
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


def check(run: Runs, place: Place, **settings: Any) -> Verification:
    return verify(run.crm, place.url, prefix=place.prefix, clock=run.clock, **settings)


def change(place: Place, table: str, statement: str) -> None:
    target = describe_all(place.prefix).of[table]
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    name = engine.dialect.identifier_preparer.format_table(target)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement.format(name))


def test_a_mirror_is_as_its_account(place: Place, run: Runs, clock: ManualClock) -> None:
    run(place)
    clock.advance(100)
    run(place)
    found = check(run, place)
    assert found.differences == []
    assert found.is_same
    assert found.counts["leads"] == (16, 16)
    assert found.counts["events"] == (108, 108)
    assert found.compared["contacts"] == 8


def test_it_tells_what_differs(
    everywhere: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    place = everywhere
    run(place)
    clock.advance(100)
    run(place)
    first, second, third = sorted(one["id"] for one in shop.leads())[:3]
    change(place, "leads", f"UPDATE {{}} SET price = 7 WHERE id = {first}")
    change(place, "leads", f"DELETE FROM {{}} WHERE id = {second}")
    change(place, "entity_tags", f"DELETE FROM {{}} WHERE entity_id = {third}")
    found = check(run, place)
    assert not found.is_same
    assert found.counts["leads"] == (15, 16)
    price = next(one["price"] for one in shop.leads() if one["id"] == first)
    assert Difference("leads", (first,), "price", 7.0, price) in found.differences
    assert Difference("leads", (second,), None, False, True) in found.differences
    assert {one.key[1] for one in found.differences if one.table == "entity_tags"} <= {third}
    assert {one.table for one in found.differences} <= {"leads", "entity_tags"}


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("contacts", "UPDATE {} SET name = 'other'"),
        ("companies", "UPDATE {} SET responsible_user_id = 1"),
        ("leads", "UPDATE {} SET created_at = NULL"),
        ("leads", "UPDATE {} SET deleted_at = '2020-01-01 00:00:00'"),
        ("tasks", "DELETE FROM {}"),
        ("notes", "UPDATE {} SET text = 'other'"),
        ("field_values", "UPDATE {} SET value_text = 'other'"),
        ("field_values", "UPDATE {} SET n = n + 5"),
        ("links", "DELETE FROM {}"),
    ],
)
def test_it_finds_every_kind_of_difference(
    file: Place, run: Runs, clock: ManualClock, table: str, statement: str
) -> None:
    run(file)
    clock.advance(100)
    run(file)
    change(file, table, statement)
    assert {one.table for one in check(run, file).differences} == {table}


def test_it_finds_rows_that_the_account_does_not_have(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    run(file)
    clock.advance(100)
    run(file)
    number = sorted(one["id"] for one in shop.leads())[5]
    # Not visible any more, and no event tells why.
    del shop.account().entities["leads"][number]
    found = check(run, file)
    assert found.counts["leads"] == (16, 15)
    assert [(one.table, one.key, one.column) for one in found.differences] == [
        ("leads", (number,), None)
    ]


def test_what_changed_since_the_last_run_is_not_a_difference(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    run(file)
    clock.advance(100)
    run(file)
    lead = next(iter(crm.leads.list()))
    crm.leads.update(lead["id"], {"name": "later"})
    found = check(run, file)
    assert found.is_same
    assert found.newer == 1


def test_an_account_that_is_being_edited_is_no_difference(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    run(file)
    clock.advance(1000)
    run(file)
    clock.advance(100)
    first, second, third = sorted(one["id"] for one in shop.leads())[:3]
    shop.trash("leads", first)
    before = shop.account().entities["leads"][second]["updated_at"]
    end = {"to_entity_id": shop.contacts()[7]["id"], "to_entity_type": "contacts"}
    crm.request.post(f"/api/v4/leads/{second}/link", [end])
    # Nobody documents that a link changes it.
    shop.account().entities["leads"][second]["updated_at"] = before
    crm.leads.create({"name": "new"})
    crm.leads.create({"name": "newer"})
    crm.leads(third).notes.create({"note_type": "common", "params": {"text": "new"}})
    found = check(run, file)
    assert found.counts["leads"] == (16, 17)
    assert found.counts["notes/leads"] == (3, 4)
    assert found.differences == []
    assert found.is_same
    # It still finds what nothing explains.
    change(file, "leads", "DELETE FROM {} WHERE id % 3 > 0")
    assert set(check(run, file).miscounted) == {"leads"}


def test_it_finds_differences_of_a_plan_without_filters(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    shop.set_plan("basic")
    run(file)
    number = shop.leads()[0]["id"]
    clock.advance(1000)
    crm.leads.update(number, {"name": "new"})
    clock.advance(1000)
    run(file)
    change(file, "leads", f"UPDATE {{}} SET name = 'old' WHERE id = {number}")
    assert check(run, file).differences == [Difference("leads", (number,), "name", "old", "new")]


@pytest.mark.parametrize("status", [402, 404])
def test_what_cannot_be_read_any_more_is_told(
    file: Place, run: Runs, shop: Sandbox, status: int
) -> None:
    run(file)
    shop.inject("server_error", path="/api/v4/customers", status=status, times=100)
    found = check(run, file)
    assert set(found.skipped) == {"customers", "notes/customers"}
    assert found.compared["leads"] == 16


def test_a_block_ends_it(file: Place, run: Runs, shop: Sandbox) -> None:
    run(file)
    shop.inject("forbidden", path="/api/v4/leads")
    with pytest.raises(BlockedError):
        check(run, file)


def test_it_needs_a_mirror(file: Place, run: Runs) -> None:
    with pytest.raises(ConfigurationError, match="is not mirrored there"):
        check(run, file)


def test_a_sample_reads_little(file: Place, run: Runs, shop: Sandbox, clock: ManualClock) -> None:
    for number in range(300):
        shop.add("leads", {"name": str(number)})
    clock.advance(100)
    run(file)
    clock.advance(100)
    run(file)
    before = len(shop.log)
    found = check(run, file, sample=50, seed=1)
    assert found.counts["leads"] == (316, 316)
    assert found.compared["leads"] <= 50
    calls = [one for one in list(shop.log)[before:] if one.path == "/api/v4/leads"]
    assert len(calls) == 3, "two to count, one to compare"
