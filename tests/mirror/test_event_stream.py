"""Events are read once for each choice of families, and none of them is missed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from amocrm import AmoCRM
from amocrm.mirror import MirrorProgress
from amocrm.sandbox import ManualClock, Sandbox
from tests.mirror.conftest import Runs
from tests.mirror.places import Place


class StoppedError(Exception):
    """Ends a run where a test wants it."""


def deleted(place: Place, kind: str) -> int:
    """The number of deletions of a kind that the mirror knows."""
    engine = sa.create_engine(place.url, poolclass=sa.pool.NullPool)
    query = sa.text("SELECT COUNT(*) FROM mirror_deletions WHERE kind = :kind")
    with engine.connect() as connection:
        return int(connection.execute(query, {"kind": kind}).scalar() or 0)


def test_families_that_are_added_while_events_are_being_copied(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    shop.trash("contacts", shop.contacts()[0]["id"])
    for number in [shop.add("leads", {"name": str(one)}) for one in range(250)]:
        shop.trash("leads", number)
    clock.advance(600)

    def stop(progress: MirrorProgress) -> None:
        if progress.family == "events/needed" and progress.done > 100:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(file, families=["leads"], progress=stop)
    # The pages of these events are others: the next one is not the third.
    run(file, families=["leads", "contacts"])
    assert (deleted(file, "contacts"), deleted(file, "leads")) == (1, 250)


def test_two_choices_of_families_read_events_once_each(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock
) -> None:
    choices = [["leads"], ["contacts", "tasks"]]
    for families in choices:
        assert "events/needed" in run(file, families=families).first_copies
    clock.advance(1000)
    for families in choices:
        assert run(file, families=families).first_copies == []


def test_a_link_that_does_not_change_the_lead(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    number = shop.add("leads", {"name": "linked later"})
    clock.advance(1000)
    run(file, families=["leads"])
    clock.advance(1000)
    lead, contact = shop.account().entities["leads"][number], shop.contacts()[0]["id"]
    before = lead["updated_at"]
    end = {"to_entity_id": contact, "to_entity_type": "contacts"}
    crm.request.post(f"/api/v4/leads/{number}/link", [end])
    lead["updated_at"] = before
    run(file, families=["leads"])
    assert file.one("links", entity_id=number)["to_entity_id"] == contact


def test_what_was_merged_is_gone_although_an_event_came_after_it(
    place: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    into, other = sorted(one["id"] for one in shop.leads())[:2]
    crm.leads(other).links.link([
        {"to_entity_id": shop.contacts()[0]["id"], "to_entity_type": "contacts"}
    ])  # fmt: skip
    run(place)
    clock.advance(1000)
    shop.merge("leads", into, other)
    # A listing may begin with the newest events, and its links are cut in the same second.
    events = shop.account().entities["events"]
    for key in reversed([*events]):
        events[key] = events.pop(key)
    run(place)
    assert place.one("leads", id=other)["deleted_at"] == int(clock.time())
    run.check(place)


def test_a_link_whose_event_is_the_contact_s_alone(
    file: Place, run: Runs, shop: Sandbox, clock: ManualClock, crm: AmoCRM
) -> None:
    number = shop.add("leads", {"name": "linked later"})
    clock.advance(1000)
    run(file)
    clock.advance(1000)
    lead, contact = shop.account().entities["leads"][number], shop.contacts()[0]["id"]
    before = lead["updated_at"]
    crm.leads(number).links.link([{"to_entity_id": contact, "to_entity_type": "contacts"}])
    lead["updated_at"] = before
    events = shop.account().entities["events"]
    for key in [key for key, one in events.items() if one["type"] == "contact_linked"]:
        del events[key]
    run(file)
    assert file.one("links", entity_id=number)["to_entity_id"] == contact
