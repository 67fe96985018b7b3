"""Programs that keep data in order: duplicates, an employee who leaves, a local copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from amocrm import AmoCRM, Done
from amocrm.sandbox import Sandbox
from tests.bulk.test_listing import client_of
from tests.canned import Canned, listing
from tests.docs import test_examples
from tests.docs.test_examples import run

# pytest finds fixtures by the names of a module.
load, portal, crm = test_examples.load, test_examples.portal, test_examples.crm


def person(name: str, phone: str = "", email: str = "", **more: Any) -> Any:
    fields = [("PHONE", phone), ("EMAIL", email)]
    values = [{"field_code": code, "values": [{"value": one}]} for code, one in fields if one]
    return {"name": name, "custom_fields_values": values, **more}


@contextmanager
def stopped_after(crm: AmoCRM, writes: int) -> Generator[None, None, None]:
    """End the program after some writes."""
    done = 0

    def stop(call: Done) -> None:
        nonlocal done
        done += call.method != "GET"
        if done == writes:
            raise InterruptedError

    crm.on("request:done", stop)
    yield
    crm.off("request:done")


def test_duplicates_are_settled_once(tmp_path: Path) -> None:
    *settled, first, second = run("find_duplicates.py", tmp_path)
    assert [line.split(" (")[0] for line in settled] == ["phone: Anna", "email: A. Petrova"]
    assert all("-> Anna Petrova (" in line for line in settled)
    assert (first, second) == ("2 settled", "0 settled in the second run")


def add_two(crm: AmoCRM) -> tuple[int, int, int, int]:
    """Two contacts with one phone; the newer one has two leads, of one of them as its main one."""
    old = crm.contacts.create(person("Anna", "8 (999) 123-45-67"))["id"]
    new = crm.contacts.create(person("Anna P.", "+79991234567", "anna@example.com"))["id"]
    contact = crm.contacts.get(new)
    crm.contacts.cf(contact)["POSITION"] = "Director"
    crm.contacts.update(new, {"custom_fields_values": contact["custom_fields_values"]})
    main = crm.leads.create({"name": "Main", "_embedded": {"contacts": [{"id": new}]}})["id"]
    both: Any = {"contacts": [{"id": old, "is_main": True}, {"id": new, "is_main": False}]}
    shared = crm.leads.create({"name": "Shared", "_embedded": both})["id"]
    for done in (False, True):
        crm.tasks.create(
            {"text": "T", "complete_till": 2_000_000_000, "entity_id": new,
             "entity_type": "contacts", "is_completed": done}
        )  # fmt: skip
    return old, new, main, shared


def check_settled(crm: AmoCRM, old: int, new: int, main: int, shared: int) -> None:
    for lead in (main, shared):
        parts = crm.leads.get(lead, with_=["contacts"])["_embedded"]
        assert parts.get("contacts") == [{"id": old, "is_main": True, "_links": _any(parts)}]
    fields = crm.contacts.cf(crm.contacts.get(old))
    assert [one.value for one in fields["PHONE"]] == ["8 (999) 123-45-67"]
    assert [one.value for one in fields["EMAIL"]] == ["anna@example.com"]
    assert fields["POSITION"] == "Director"
    tasks = {one["is_completed"]: one["entity_id"] for one in crm.tasks.list()}
    assert tasks == {False: old, True: new}
    assert [one["name"] for one in crm.contacts.get(new)["_embedded"]["tags"]] == ["duplicate"]
    assert crm.contacts.get(old)["_embedded"]["tags"] == []


def _any(parts: Any) -> Any:
    return parts["contacts"][0].get("_links")


def test_everything_of_the_newer_contact_goes_to_the_oldest(load: Any, crm: AmoCRM) -> None:
    numbers = add_two(crm)
    assert load("find_duplicates").settle_all(crm) == 1
    check_settled(crm, *numbers)


@pytest.mark.parametrize("calls", range(1, 7))
def test_a_run_that_was_stopped_is_finished_by_the_next_one(
    load: Any, crm: AmoCRM, portal: Sandbox, calls: int
) -> None:
    numbers = add_two(crm)
    program = load("find_duplicates")
    with stopped_after(crm, calls), pytest.raises(InterruptedError):
        program.settle_all(crm)
    program.settle_all(crm)
    check_settled(crm, *numbers)


def test_an_employee_leaves_and_nothing_is_left(tmp_path: Path) -> None:
    assert run("employee_leaves.py", tmp_path) == [
        "leads: 3 of 3", "contacts: 1 of 1", "companies: 1 of 1", "tasks: 1 of 1",
        "left: 0 leads, 0 contacts, 0 companies, 0 customers, 0 tasks",
    ]  # fmt: skip


def furnish(crm: AmoCRM, portal: Sandbox, leads: int) -> tuple[int, int]:
    portal.account().customers_mode = "segments"
    boss = crm.account.get()["current_user_id"]
    leaver = next(one["id"] for one in crm.users.list() if one["id"] != boss)
    for _ in range(leads):
        portal.add("leads", {"name": "L", "responsible_user_id": leaver})
    for kind in ("contacts", "companies", "customers"):
        portal.add(kind, {"name": "N", "responsible_user_id": leaver})
    crm.tasks.create({"text": "T", "complete_till": 2_000_000_000, "responsible_user_id": leaver})
    return boss, leaver


@pytest.mark.parametrize("calls", range(1, 8))
def test_a_hand_over_that_was_stopped_goes_on(
    load: Any, crm: AmoCRM, portal: Sandbox, capsys: pytest.CaptureFixture[str], calls: int
) -> None:
    program = load("employee_leaves")
    boss, leaver = furnish(crm, portal, 600)
    with stopped_after(crm, calls), pytest.raises(InterruptedError):
        program.hand_over(crm, leaver, boss)
    assert program.hand_over(crm, leaver, boss) == 0
    for kind in program.KINDS:
        assert program.find(crm, kind, leaver) == []
    (task,) = crm.tasks.list()
    assert task["responsible_user_id"] == boss
    assert {one["responsible_user_id"] for one in portal.leads()} == {boss}
    assert "left: 0 leads" in capsys.readouterr().out


def test_lost_answers_are_made_good(
    load: Any, crm: AmoCRM, portal: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    program = load("employee_leaves")
    boss, leaver = furnish(crm, portal, 600)
    portal.inject("lost_after", method="PATCH", path="/api/v4/leads", times=2)
    assert program.hand_over(crm, leaver, boss) == 0
    assert "leads: 600 of 600" in capsys.readouterr().out


def test_only_the_leaver_s_items_are_taken_where_filters_do_not_work(load: Any, clock: Any) -> None:
    items = [{"id": 1, "responsible_user_id": 5}, {"id": 2, "responsible_user_id": 6}]
    server = Canned(lambda path, query: listing(path, query, items, more=False))
    with client_of(server.session(), clock) as crm:
        assert load("employee_leaves").find(crm, "leads", 5) == [1]


def test_what_could_not_be_handed_over_is_counted(
    load: Any, crm: AmoCRM, portal: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    program = load("employee_leaves")
    _, leaver = furnish(crm, portal, 2)
    assert program.hand_over(crm, leaver, 10**9) == 6
    said = capsys.readouterr()
    assert "not handed over: leads" in said.err
    assert "left: 2 leads, 1 contacts, 1 companies, 1 customers, 1 tasks" in said.out


def test_a_local_table_stays_equal(tmp_path: Path) -> None:
    assert run("local_copy.py", tmp_path) == [
        "[('Kettle', 2490), ('Cups', 1200)]",
        "[('Kettle', 2990), ('Samovar', 18900)]",
    ]


def test_a_write_that_failed_is_made_good_by_the_next_run(
    load: Any, crm: AmoCRM, portal: Sandbox, tmp_path: Path
) -> None:
    program = load("local_copy")
    before = program.update(crm, tmp_path)
    assert len(before) == 7
    lead = min(before)
    crm.leads.update(lead, {"price": 1})
    crm.leads.create({"name": "New"})
    portal.trash("leads", max(before))
    with closing(sqlite3.connect(tmp_path / "leads.db")) as database:
        database.execute("ALTER TABLE leads RENAME TO hidden")
        database.execute("CREATE TABLE leads (wrong TEXT)")
    with pytest.raises(sqlite3.OperationalError):
        program.update(crm, tmp_path)
    with closing(sqlite3.connect(tmp_path / "leads.db")) as database:
        database.execute("DROP TABLE leads")
        database.execute("ALTER TABLE hidden RENAME TO leads")
    after = program.update(crm, tmp_path)
    assert after == {
        one["id"]: (one["name"], one["price"]) for one in portal.leads() if not one["is_deleted"]
    }
