from __future__ import annotations

from pathlib import Path

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.types import NewLink
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


def test_a_first_copy_has_everything(everywhere: Place, run: Runs, shop: Sandbox) -> None:
    place = everywhere
    report = run(place)
    assert report.is_whole
    leads = {one["id"]: one for one in shop.leads()}
    rows = place.rows("leads")
    assert {row["id"] for row in rows} == set(leads)
    for row in rows:
        lead = leads[row["id"]]
        assert (row["name"], row["price"], row["status_id"], row["updated_at"]) == (
            lead["name"], lead["price"], lead["status_id"], lead["updated_at"],
        )  # fmt: skip
        assert row["account_id"] == shop.account().id
        assert row["deleted_at"] is None
    tags = {(row["entity_id"], row["name"]) for row in place.rows("entity_tags")}
    assert {(one["id"], tag) for one in leads.values() for tag in one["tags"]} <= tags
    links = {
        (row["entity_id"], row["to_entity_id"])
        for row in place.rows("links")
        if (row["entity_type"], row["to_entity_type"]) == ("leads", "contacts")
    }
    assert links == {(one["id"], contact) for one in leads.values() for contact in one["contacts"]}
    for table in ("contacts", "companies", "events", "tasks", "notes", "users", "groups",
                  "pipelines", "statuses", "fields", "enums", "loss_reasons", "catalogs",
                  "catalog_elements", "field_values"):  # fmt: skip
        assert place.rows(table), table
    run.check(place)


def test_a_run_that_finds_nothing_new_writes_nothing(
    place: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    run(place)
    clock.advance(100)
    run(place)
    before = len(shop.log)
    report = run(place)
    assert report.written == {}
    paths = [one.path for one in list(shop.log)[before:]]
    assert len(paths) == len(set(paths)), "one call for each listing"
    # The account, and leads, contacts, companies, customers, tasks, four kinds of notes, events.
    assert len(paths) == 11


def test_what_was_edited_is_brought_up_to_date(
    place: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    run(place)
    clock.advance(100)
    lead = next(iter(crm.leads.list()))
    crm.leads.update(lead["id"], {"name": "Новое", "tags_to_add": [{"name": "срочно"}]})
    contact = crm.contacts.create({"name": "Анна"})
    end: NewLink = {"to_entity_id": contact["id"], "to_entity_type": "contacts"}
    crm.leads(lead["id"]).links.link([end])
    report = run(place)
    assert report.written["leads"] == 1
    assert place.one("leads", id=lead["id"])["name"] == "Новое"
    tags = [one["name"] for one in place.rows("entity_tags") if one["entity_id"] == lead["id"]]
    assert "срочно" in tags
    assert place.one("links", entity_id=lead["id"], to_entity_id=contact["id"])
    run.check(place)


def test_the_last_tag_and_the_last_link_go(
    place: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    run(place)
    clock.advance(100)
    lead = next(one for one in crm.leads.list(with_=["contacts"]) if one["_embedded"]["tags"]
                and one["_embedded"]["contacts"])  # fmt: skip
    crm.leads.update(lead["id"], {"_embedded": {"tags": None}})
    for contact in lead["_embedded"]["contacts"]:
        end: NewLink = {"to_entity_id": contact["id"], "to_entity_type": "contacts"}
        crm.leads(lead["id"]).links.unlink([end])
    run(place)
    mine = {"entity_type": "leads", "entity_id": lead["id"]}
    assert not [one for one in place.rows("entity_tags") if mine.items() <= one.items()]
    mine["to_entity_type"] = "contacts"
    assert not [one for one in place.rows("links") if mine.items() <= one.items()]
    run.check(place)


def test_a_deleted_lead_is_marked_and_rises_only_when_it_is_restored(
    everywhere: Place, run: Runs, clock: ManualClock, shop: Sandbox
) -> None:
    place = everywhere
    run(place)
    number = shop.leads()[0]["id"]
    clock.advance(100)
    shop.trash("leads", number)
    deleted_at = int(clock.time())
    assert run(place).deleted == 1
    row = place.one("leads", id=number)
    assert row["deleted_at"] == deleted_at
    assert row["name"]
    clock.advance(100)
    run(place)
    assert place.one("leads", id=number)["deleted_at"] == deleted_at
    run.check(place)
    shop.restore("leads", number)
    assert run(place).restored == 1
    assert place.one("leads", id=number)["deleted_at"] is None
    run.check(place)


def test_a_lead_edited_and_deleted_in_one_second_stays_deleted(
    file: Place, run: Runs, crm: AmoCRM, shop: Sandbox
) -> None:
    number = shop.leads()[0]["id"]
    crm.leads.update(number, {"name": "edited"})
    run(file)
    shop.trash("leads", number)
    run(file)
    assert file.one("leads", id=number)["deleted_at"] is not None
    shop.restore("leads", number)
    run(file)
    assert file.one("leads", id=number)["deleted_at"] is None
    run.check(file)


@pytest.mark.parametrize("kind", ["contacts", "companies", "leads"])
def test_merged_ones_go(
    file: Place, run: Runs, clock: ManualClock, shop: Sandbox, kind: str
) -> None:
    run(file)
    clock.advance(100)
    kept, gone = [int(one) for one in run.crm.listing(f"/api/v4/{kind}").ids()][:2]
    shop.merge(kind, kept, gone)
    run(file)
    assert file.one(kind, id=gone)["deleted_at"] == int(clock.time())
    assert file.one(kind, id=kept)["deleted_at"] is None
    run.check(file)


def test_moves_become_history(place: Place, run: Runs, clock: ManualClock, crm: AmoCRM) -> None:
    run(place)
    clock.advance(100)
    lead = next(one for one in crm.leads.list() if one["status_id"] not in (142, 143))
    for status in (143, 142):
        crm.leads.update(lead["id"], {"status_id": status, "pipeline_id": lead["pipeline_id"]})
    run(place)
    run(place)
    history = [one for one in place.rows("status_history") if one["lead_id"] == lead["id"]]
    assert [(one["from_status_id"], one["to_status_id"]) for one in history] == [
        (lead["status_id"], 143), (143, 142),
    ]  # fmt: skip
    assert history[0]["changed_at"] == int(clock.time())


def test_fields_that_change_need_no_change_of_the_tables(
    place: Place, run: Runs, clock: ManualClock, crm: AmoCRM
) -> None:
    fields = crm.leads.custom_fields
    made = fields.create({"name": "Регион", "type": "select", "enums": [{"value": "север"}]})
    region = made["id"]
    other = fields.create({"name": "Лишнее", "type": "text"})["id"]
    lead = next(iter(crm.leads.list()))
    enum = (made["enums"] or [])[0]["id"]
    crm.leads.update(lead["id"], {"custom_fields_values": [
        {"field_id": region, "values": [{"enum_id": enum}]},
        {"field_id": other, "values": [{"value": "x"}]},
    ]})  # fmt: skip
    clock.advance(100)
    run(place)
    assert place.one("field_values", field_id=region)["value_text"] == "север"
    clock.advance(1000)
    fields.update(region, {"name": "Край", "enums": [{"value": "юг"}]})
    fields.delete(other)
    run(place)
    assert place.one("fields", id=region)["name"] == "Край"
    assert place.one("enums", field_id=region, id=enum)["deleted_at"] == int(clock.time())
    assert place.one("enums", field_id=region, deleted_at=None)["value"] == "юг"
    assert place.one("fields", id=other)["deleted_at"] is not None
    assert place.one("field_values", field_id=other)["value_text"] == "x", "nothing is lost"


def test_several_accounts_share_the_tables(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    token = shop.issue_long_lived(shop.add_account("second"))
    second = AmoCRM("second", {"access_token": token}, session=shop.session(), clock=clock)
    second.leads.create({"name": "Чужая"})
    run(place)
    Runs(second, clock, tmp_path)(place)
    assert len({row["account_id"] for row in place.rows("leads")}) == 2
    clock.advance(1000)
    run(place)
    assert place.one("leads", name="Чужая")["deleted_at"] is None
    assert [one["deleted_at"] for one in place.rows("statuses")] == [None] * 14


def test_a_call_is_mirrored_with_its_note(place: Place, run: Runs, crm: AmoCRM) -> None:
    lead = crm.leads.create({"name": "Order"})["id"]
    call = {"uniq": "c-1", "phone": "+79005554433", "duration": 5, "source": "telephony"}
    note = crm.leads(lead).notes.create({"note_type": "call_in", "params": call})["id"]
    run(place)
    row = place.one("calls", note_id=note)
    assert (row["entity_id"], row["phone"], row["duration"]) == (lead, "+79005554433", 5)
