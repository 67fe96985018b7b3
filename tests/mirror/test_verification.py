from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from requests import Response

from amocrm import AmoCRM, BlockedError, ConfigurationError
from amocrm.mirror import RowDifference, Verification, verify
from amocrm.mirror.sql.schema import describe_all
from amocrm.sandbox import ManualClock, Sandbox
from tests.conftest import Make
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


def add_elements(shop: Sandbox, count: int) -> int:
    """Add elements to the list of the shop; return its id."""
    (catalog,) = shop.account().shelf("catalogs")
    for begin in range(0, count, 50):
        models = [{"name": str(begin + number)} for number in range(50)]
        shop.call_api("POST", f"/catalogs/{catalog}/elements", models)
    return int(catalog)


@pytest.fixture
def bought(shop: Sandbox, crm: AmoCRM, clock: ManualClock) -> int:
    """A purchase; a lead has moved to another stage as well."""
    customer = crm.customers.create({"name": "Regular", "next_date": int(clock.time())})["id"]
    crm.leads.update(shop.leads()[0]["id"], {"status_id": 142})
    made = crm.customers(customer).transactions.create({"price": 500})["id"]
    clock.advance(600)
    return int(made)


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
    assert found.skipped == {}
    rows = {name: len(place.rows(name)) for name in ("users", "groups", "pipelines", "catalogs",
            "loss_reasons", "status_history")}  # fmt: skip
    assert {name: found.compared[name] for name in rows} == rows
    fields = [found.compared[name] for name in found.compared if name.startswith("fields of ")]
    assert sum(fields) == len(place.rows("fields"))
    (elements,) = (one for one in found.compared if one.startswith("elements of catalog "))
    assert found.counts[elements] == (5, 5)


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
    assert RowDifference("leads", (first,), "price", 7.0, price) in found.differences
    assert RowDifference("leads", (second,), None, False, True) in found.differences
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
        ("fields", "UPDATE {} SET name = 'other' WHERE entity_type = 'companies'"),
        ("fields", "UPDATE {} SET type = 'other' WHERE entity_type = 'catalogs'"),
        ("fields", "DELETE FROM {}"),
        ("enums", "UPDATE {} SET value = 'other'"),
        ("enums", "DELETE FROM {}"),
        ("enums", "UPDATE {} SET id = id + 100000"),
        ("users", "UPDATE {} SET is_admin = 0"),
        ("users", "UPDATE {} SET deleted_at = '2020-01-01 00:00:00'"),
        ("groups", "UPDATE {} SET name = 'other'"),
        ("pipelines", "UPDATE {} SET sort = 77"),
        ("statuses", "UPDATE {} SET color = 'other'"),
        ("statuses", "DELETE FROM {} WHERE id = 142"),
        ("statuses", "UPDATE {} SET id = 7 WHERE id = 142"),
        ("loss_reasons", "UPDATE {} SET name = 'other'"),
        ("catalogs", "UPDATE {} SET sort = 77"),
        ("catalog_elements", "UPDATE {} SET name = 'other'"),
        ("catalog_elements", "DELETE FROM {}"),
        ("field_values", "DELETE FROM {} WHERE entity_type = 'catalog_elements'"),
        ("transactions", "UPDATE {} SET price = 77"),
        ("transactions", "DELETE FROM {}"),
        ("events", "UPDATE {} SET created_by = 77"),
        ("status_history", "UPDATE {} SET to_status_id = 77"),
        ("status_history", "DELETE FROM {}"),
    ],
)
def test_it_finds_every_kind_of_difference(
    file: Place, run: Runs, clock: ManualClock, bought: int, table: str, statement: str
) -> None:
    run(file)
    clock.advance(1000)
    run(file)
    change(file, table, statement)
    assert {one.table for one in check(run, file).differences} == {table}


@pytest.mark.parametrize(
    ("shelf", "table", "listing"),
    [
        ("loss_reasons", "loss_reasons", "loss_reasons"),
        ("catalogs", "catalogs", "catalogs"),
        ("elements", "catalog_elements", "elements of catalog"),
        ("transactions", "transactions", "transactions"),
    ],
)
def test_it_finds_what_whole_listings_do_not_have(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox, bought: int, shelf: str, table: str,
    listing: str,
) -> None:  # fmt: skip
    run(file)
    clock.advance(1000)
    run(file)
    kept = shop.account().shelf(shelf)
    number = max(kept)
    del kept[number]
    found = check(run, file)
    assert RowDifference(table, (number,), None, True, False) in found.differences
    assert {one.table for one in found.differences} == {table}
    (name,) = (one for one in found.miscounted if one.startswith(listing))
    here, there = found.counts[name]
    assert (here - there, found.moving.get(name)) == (1, None)


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
    assert check(run, file).differences == [RowDifference("leads", (number,), "name", "old", "new")]


def test_what_comes_explains_no_row_that_is_lost(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    run(file)
    clock.advance(1000)
    crm.leads.create({"name": "just before"})
    run(file)
    clock.advance(100)
    lost, linked = sorted(one["id"] for one in shop.leads())[:2]
    change(file, "leads", f"DELETE FROM {{}} WHERE id IN ({lost}, {linked})")
    crm.leads.create({"name": "new"})
    end = {"to_entity_id": shop.contacts()[7]["id"], "to_entity_type": "contacts"}
    crm.request.post(f"/api/v4/leads/{linked}/link", [end])
    crm.leads.update(lost, {"name": "edited"})
    found = check(run, file)
    assert found.moving["leads"] == (1, 0)
    assert found.miscounted == {"leads": (15, 18)}
    assert sorted(found.differences) == [
        ("leads", (lost,), None, False, True), ("leads", (linked,), None, False, True),
    ]  # fmt: skip


def test_what_goes_explains_no_row_that_is_too_much(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    run(file)
    clock.advance(1000)
    first, second, third, fourth = sorted(one["id"] for one in shop.contacts())[:4]
    shop.trash("contacts", first)
    run(file)
    clock.advance(30)
    shop.trash("contacts", second)
    shop.merge("contacts", third, fourth)
    assert check(run, file).is_same
    # Nobody told of this one, and the mirror knows the first already.
    number = max(one["id"] for one in shop.contacts())
    del shop.account().entities["contacts"][number]
    found = check(run, file)
    assert found.differences == [("contacts", (number,), None, True, False)]
    assert found.counts["contacts"] == (7, 4)
    # Of two merged ones events do not tell which is gone.
    assert found.moving["contacts"] == (0, 3)


def test_a_lead_that_comes_back_is_no_difference(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    number = shop.leads()[3]["id"]
    run(file)
    shop.trash("leads", number)
    clock.advance(1000)
    run(file)
    clock.advance(100)
    shop.restore("leads", number)
    found = check(run, file)
    assert (found.is_same, found.newer, found.moving["leads"]) == (True, 1, (1, 0))


def test_without_the_right_to_read_events_new_items_are_no_difference(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, shop: Sandbox
) -> None:
    run(file, families=["leads"])
    clock.advance(1000)
    run(file, families=["leads"])
    clock.advance(100)
    crm.leads.create({"name": "new"})
    shop.inject("server_error", path="/api/v4/events", status=402, times=100)
    found = check(run, file, families=["leads"])
    assert found.counts["leads"] == (16, 17)
    assert found.is_same


def test_what_changed_since_whole_listings_were_read_is_not_a_difference(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, bought: int
) -> None:
    run(file)
    clock.advance(1000)
    run(file)
    clock.advance(100)
    catalog, element = (file.rows(name)[0]["id"] for name in ("catalogs", "catalog_elements"))
    customer = file.rows("customers")[0]["id"]
    crm.catalogs.update(catalog, {"name": "renamed"})
    crm.catalogs(catalog).elements.update(element, {"name": "renamed"})
    crm.catalogs(catalog).elements.create({"name": "new"})
    crm.customers(customer).transactions.create({"price": 7})
    crm.leads.loss_reasons.create({"name": "new"})
    found = check(run, file)
    assert found.differences == []
    assert found.is_same
    assert found.counts[f"elements of catalog {catalog}"] == (5, 6)
    assert found.moving[f"elements of catalog {catalog}"] == (1, 0)
    assert found.counts["transactions"] == (1, 2)
    # A field does not tell when it was changed.
    crm.leads.custom_fields.create({"name": "new", "type": "text"})
    assert [one.table for one in check(run, file).differences] == ["fields"]


@pytest.mark.parametrize(("seconds", "is_same"), [(60, True), (61, False)])
def test_the_last_minute_before_the_run_explains_what_is_not_there(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM, seconds: int, is_same: bool
) -> None:
    run(file)
    clock.advance(1000)
    catalog, element = (file.rows(name)[0]["id"] for name in ("catalogs", "catalog_elements"))
    lead = crm.leads.create({"name": "new"})["id"]
    crm.catalogs(catalog).elements.update(element, {"name": "renamed"})
    clock.advance(seconds)
    run(file)
    change(file, "leads", f"DELETE FROM {{}} WHERE id = {lead}")
    change(file, "catalog_elements", f"DELETE FROM {{}} WHERE id = {element}")
    found = check(run, file)
    assert found.is_same == is_same
    assert {one.table for one in found.differences} == (
        set() if is_same else {"leads", "catalog_elements"}
    )
    assert len(found.miscounted) == (0 if is_same else 2)


def test_values_of_a_deleted_field_are_no_difference(
    file: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    run(file)
    field = file.one("fields", code="PAID")["id"]
    crm.request.delete(f"/api/v4/leads/custom_fields/{field}")
    clock.advance(1000)
    run(file)
    assert any(one["field_id"] == field for one in file.rows("field_values"))
    assert check(run, file).is_same


def test_a_list_is_read_as_a_whole_only_if_the_numbers_differ(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    add_elements(shop, 300)
    run(file)
    clock.advance(1000)
    run(file)
    path = f"/api/v4/catalogs/{file.rows('catalogs')[0]['id']}/elements"

    def calls() -> int:
        before = len(shop.log)
        check(run, file, sample=50)
        return sum(one.path == path for one in list(shop.log)[before:])

    assert calls() == 3, "two to count, one to compare"
    change(file, "catalog_elements", "DELETE FROM {} WHERE id % 100 = 1")
    found = check(run, file, sample=50)
    lost = sum(number % 100 == 1 for number in shop.account().shelf("elements"))
    assert len(found.differences) == lost > 0


def test_an_element_that_moves_to_an_earlier_page_is_there(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, make: Make
) -> None:
    catalog = add_elements(shop, 300)
    run(file)
    clock.advance(1000)
    first = min(shop.account().shelf("elements"))
    session = shop.session()

    def delete(response: Response, **_: object) -> None:
        if "/elements" in str(response.url) and "limit=250" in str(response.url):
            shop.account().shelf("elements").pop(first, None)

    session.hooks["response"].append(delete)
    with make({"access_token": shop.issue_long_lived()}, session=session, rate_limiter=None) as crm:
        found = verify(crm, file.url, clock=clock)
    # It was there when its page was read; the one that moved was looked for a second time.
    assert first not in shop.account().shelf("elements")
    assert found.differences == []
    assert found.counts[f"elements of catalog {catalog}"] == (305, 305)


def test_an_element_that_is_marked_as_deleted_is_not_missing(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    shop.account().shelf("elements")[max(shop.account().shelf("elements"))]["is_deleted"] = True
    run(file)
    clock.advance(1000)
    found = check(run, file)
    assert found.is_same
    assert (4, 4) in found.counts.values()


@pytest.mark.parametrize(
    ("families", "listings"),
    [
        (["events"], {"events", "status_history"}),
        (["leads"], {"leads", "fields of leads", "status_history"}),
        (["transactions"], {"transactions"}),
        (["catalogs"], {"catalogs"}),
    ],
)
def test_a_family_alone(
    file: Place, run: Runs, clock: ManualClock, bought: int, families: list[str],
    listings: set[str],
) -> None:  # fmt: skip
    run(file, families=families)
    clock.advance(1000)
    found = check(run, file)
    always = {"groups", "users", "pipelines", "loss_reasons"}
    of_lists = {one for one in found.counts if " of catalog " in one}
    assert found.counts.keys() - of_lists == always | listings
    assert bool(of_lists) == ("catalogs" in families)
    assert found.is_same
    with pytest.raises(ConfigurationError, match="is not mirrored there"):
        check(run, file, families=["contacts"])


def test_moves_of_leads_are_counted_without_the_other_events(
    file: Place, run: Runs, clock: ManualClock, bought: int
) -> None:
    run(file, families=["leads"])
    clock.advance(1000)
    run(file, families=["leads"])
    count = len(file.rows("status_history"))
    assert check(run, file).counts["status_history"] == (count, count)
    change(file, "status_history", "DELETE FROM {}")
    assert check(run, file).miscounted == {"status_history": (0, count)}


def test_users_that_cannot_be_read_are_told(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, make: Make
) -> None:
    run(file)
    token = shop.issue_long_lived(admin=False)
    with make({"access_token": token}, session=shop.session(), rate_limiter=None) as crm:
        found = verify(crm, file.url, clock=clock)
    assert set(found.skipped) == {"users"}
    assert found.differences == []


@pytest.mark.parametrize("status", [402, 404])
def test_what_cannot_be_read_any_more_is_told(
    file: Place, run: Runs, shop: Sandbox, status: int
) -> None:
    run(file)
    shop.inject("server_error", path="/api/v4/customers", status=status, times=100)
    found = check(run, file)
    of_customers = {"customers", "notes/customers", "fields of customers", "transactions"}
    assert set(found.skipped) == of_customers
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
