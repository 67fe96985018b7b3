from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM, ConfigurationError, MirrorError
from amocrm.mirror import forget, mirror, verify
from amocrm.mirror.sql.schema import describe_all
from amocrm.mirror.tables.definitions import TABLES
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.types import NotePatch
from tests.mirror.conftest import Runs
from tests.mirror.places import Place

PHONE = "+7 (900) 777-45-67"
OTHER = "+79005554433"


@pytest.fixture
def person(crm: AmoCRM) -> int:
    """A contact with a number, a lead, a note, a task, and calls of both."""
    contact = crm.contacts.create(
        {"name": "Forgetta Person", "custom_fields_values": [
            {"field_code": "PHONE", "values": [{"value": PHONE, "enum_code": "WORK"}]},
        ], "_embedded": {"tags": [{"name": "vip"}]}}
    )["id"]  # fmt: skip
    lead = crm.leads.create({"name": "Order", "_embedded": {"contacts": [{"id": contact}]}})["id"]
    crm.contacts(contact).notes.create(
        {"note_type": "common", "params": {"text": "Forgetta called back"}}
    )
    for number in ("89007774567", OTHER):
        crm.leads(lead).notes.create({
            "note_type": "call_in",
            "params": {"uniq": number, "phone": number, "duration": 5, "source": "telephony"},
        })  # fmt: skip
    crm.leads(lead).notes.create(
        {"note_type": "sms_out", "params": {"text": "Dear Forgetta", "phone": PHONE}}
    )
    crm.tasks.create(
        {"text": "Ask Forgetta", "complete_till": 1800000000, "entity_id": contact,
         "entity_type": "contacts"}
    )  # fmt: skip
    return int(contact)


def traces(place: Place) -> list[str]:
    """Tables in which something of the person is."""
    return [
        name for name in TABLES
        if any("Forgetta" in str(row) or "777-45-67" in str(row) or "9007774567" in str(row)
               for row in place.rows(name, raw=True))
    ]  # fmt: skip


def test_a_person_is_forgotten_and_does_not_come_back(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int
) -> None:
    account = shop.account().id
    run(place)
    assert set(traces(place)) >= {"contacts", "field_values", "notes", "calls", "tasks"}
    before = {name: len(place.rows(name)) for name in TABLES}
    clock.advance(100)
    shop.trash("contacts", person)
    erased = forget(place.url, account, person, prefix=place.prefix, clock=clock)
    assert traces(place) == []
    after = {name: len(place.rows(name)) for name in TABLES}
    assert erased == {
        name: before[name] - after[name] for name in TABLES if before[name] != after[name]
    }
    assert erased["contacts"] == 1
    assert erased["calls"] == 1, "the call of another number stays"
    assert not [row for row in place.rows("leads") if row["main_contact_id"] == person]
    # Without its state, everything is read again, with the events of a year.
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        state = describe_all(place.prefix).state
        connection.execute(sa.delete(state).where(state.c.account_id == account))
    engine.dispose()
    run(place)
    assert traces(place) == []
    assert forget(place.url, account, person, prefix=place.prefix, clock=clock) == {}


def test_who_exists_anew_is_mirrored_again(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int, crm: AmoCRM
) -> None:
    run(file)
    clock.advance(100)
    forget(file.url, shop.account().id, person, clock=clock)
    run(file)
    assert traces(file) == []
    clock.advance(100)
    crm.contacts.update(person, {"name": "Forgetta Person, back"})
    run(file)
    assert file.one("contacts", id=person)["name"] == "Forgetta Person, back"
    assert "notes" not in traces(file)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_forgotten_person_is_not_missing(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int, is_deleted: bool
) -> None:
    run(place)
    clock.advance(1000)
    if is_deleted:
        shop.trash("contacts", person)
    run(place)
    clock.advance(100)
    forget(place.url, shop.account().id, person, prefix=place.prefix, clock=clock)
    clock.advance(1000)
    found = verify(run.crm, place.url, prefix=place.prefix, clock=clock)
    assert found.differences == []
    assert found.miscounted == {}
    assert found.compared["contacts"] == 8
    assert found.counts["notes/leads"] == (4, 4), "the call of another number is there"
    assert found.counts["notes/contacts"] == (0, 0)
    assert found.counts["tasks"] == (4, 4)
    assert found.counts["events"] == (len(place.rows("events")),) * 2
    assert found.moving == {}


def test_a_forgotten_person_hides_no_other_difference(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int, crm: AmoCRM
) -> None:
    run(file)
    clock.advance(1000)
    forget(file.url, shop.account().id, person, clock=clock)
    clock.advance(1000)
    run(file)
    clock.advance(1000)
    engine = sa.create_engine(file.url)
    with engine.begin() as connection:
        for name in ("contacts", "notes", "tasks"):
            connection.exec_driver_sql(
                f"DELETE FROM {name} WHERE id = (SELECT min(id) FROM {name})"
            )
        connection.exec_driver_sql("DELETE FROM events WHERE type = 'task_added'")
    engine.dispose()
    found = verify(crm, file.url, clock=clock)
    assert {one.table for one in found.differences} == {"contacts", "notes", "tasks", "events"}
    assert found.counts["contacts"] == (7, 8)
    assert found.counts["tasks"] == (3, 4)
    assert found.miscounted.keys() == {"contacts", "notes/leads", "tasks", "events"}


def test_who_exists_anew_is_compared(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int, crm: AmoCRM
) -> None:
    run(file)
    clock.advance(1000)
    forget(file.url, shop.account().id, person, clock=clock)
    clock.advance(1000)
    crm.contacts.update(person, {"name": "Forgetta Person, back"})
    clock.advance(1000)
    run(file)
    clock.advance(1000)
    found = verify(crm, file.url, clock=clock)
    assert (found.differences, found.counts["contacts"]) == ([], (9, 9))
    engine = sa.create_engine(file.url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE contacts SET name = 'x' WHERE id = {person}"))
    engine.dispose()
    (found_one,) = verify(crm, file.url, clock=clock).differences
    assert found_one.key == (person,)


def test_nothing_is_left_in_the_file(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int, tmp_path: Path
) -> None:
    run(file)
    assert b"Forgetta" in (tmp_path / "mirror.db").read_bytes()
    forget(file.url, shop.account().id, person, clock=clock)
    for path in tmp_path.glob("mirror.db*"):
        assert b"Forgetta" not in path.read_bytes(), path.name


def test_nothing_is_left_of_earlier_versions_while_others_read(
    file: Place, shop: Sandbox, clock: ManualClock, crm: AmoCRM, person: int, tmp_path: Path
) -> None:
    engine = sa.create_engine(file.url)
    # As SQLite is built by others than Debian; the connection stays open in the pool.
    sa.event.listen(engine, "connect", lambda one, _: one.execute("PRAGMA secure_delete=OFF"))
    note = next(iter(crm.contacts(person).notes.list()))["id"]
    for text in ("Forgetta " * 3000, "short", "Forgetta " * 3000, "shorter"):
        clock.advance(100)
        patch: NotePatch = {"note_type": "common", "params": {"text": text}}
        crm.contacts(person).notes.update(note, patch)
        mirror(crm, engine, clock=clock)
    with engine.connect() as reader:
        reader.exec_driver_sql("SELECT COUNT(*) FROM leads").all()
        forget(file.url, shop.account().id, person, clock=clock)
        for path in tmp_path.glob("mirror.db*"):
            assert b"Forgetta" not in path.read_bytes(), path.name
    engine.dispose()


def test_who_reads_at_that_moment_is_told_of(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, person: int
) -> None:
    run(file)
    engine, account = sa.create_engine(file.url), shop.account().id
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT COUNT(*) FROM leads").all()
        with pytest.raises(MirrorError, match="SQLite's log still has it"):
            forget(file.url, account, person, clock=clock)
        assert traces(file) == []
    engine.dispose()
    assert forget(file.url, account, person, clock=clock) == {}


@pytest.mark.parametrize(
    ("number", "called", "erased"),
    [
        ("+372 512-34-56", "3725123456", 1),
        ("55-12-34", "551234", 1),
        ("55-12-34", "+79005551234", 0),
        ("101", "101", 0),
    ],
)
def test_calls_of_short_numbers(
    file: Place, run: Runs, shop: Sandbox, crm: AmoCRM, number: str, called: str, erased: int
) -> None:
    person = crm.contacts.create(
        {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": number}]}]}
    )["id"]
    lead = next(iter(crm.leads.list()))["id"]
    crm.leads(lead).notes.create({
        "note_type": "call_in",
        "params": {"uniq": "1", "phone": called, "duration": 5, "source": "telephony"},
    })  # fmt: skip
    run(file)
    assert forget(file.url, shop.account().id, person).get("calls", 0) == erased


@pytest.mark.parametrize("ids", [(0, 1), (1, -5), (1, True), (1, "7")])
def test_wrong_ids_are_refused(file: Place, ids: tuple[int, int]) -> None:
    with pytest.raises(ConfigurationError, match="_id must be a positive whole number"):
        forget(file.url, *ids)


def test_a_database_without_a_mirror_is_told(file: Place) -> None:
    with pytest.raises(MirrorError, match="has no mirror"):
        forget(file.url, 1, 2)
