"""What amoCRM has never sent is known after one run of `reconcile`, and nothing twice."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, get_args

import pytest

from amocrm import AmoCRM, ConfigurationError
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.schema.enums import WebhookCode
from amocrm.webhooks.event import Event
from amocrm.webhooks.inbox.inbox import Part, RawDelivery
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.parsing.parse import parse
from amocrm.webhooks.reconciliation.reconcile import GRACE, reconcile
from tests.conftest import Make

ALL = get_args(WebhookCode)
LATER = GRACE + 1


@pytest.fixture
def crm(sandbox: Sandbox, make: Make) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()})


@pytest.fixture
def inbox(clock: ManualClock) -> MemoryInbox:
    return MemoryInbox(clock=clock)


def handle(inbox: MemoryInbox) -> list[Event]:
    """Take all events, as a worker does."""
    found: list[Event] = []
    while (lease := inbox.take(60)) is not None:
        for stored in lease.events:
            raw = stored.delivery
            delivery = parse(raw.body, raw.content_type, kind=raw.kind)
            found.append(delivery.events[stored.position])
            inbox.done(lease, stored)
        inbox.release(lease)
    return found


def receive(inbox: MemoryInbox, clock: ManualClock, account_id: int, content: Any) -> None:
    """Store a webhook that amoCRM has sent."""
    body = json.dumps({**content, "account": {"id": str(account_id)}}).encode()
    now = clock.time()
    raw = RawDelivery("account", account_id, "/account/1", "application/json", body, now)
    events = parse(body, "application/json", kind="account", received_at=now).events
    inbox.put(raw, [Part.of(event) for event in events])


def test_a_clock_that_is_ahead_leaves_nothing_out(
    crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox
) -> None:
    begin = clock.time()
    ahead = ManualClock(begin + 3600)
    until = reconcile(crm, inbox, begin - 3600, codes=["add_lead"], clock=ahead).until
    assert until == pytest.approx(begin - GRACE, abs=5)
    crm.leads.create({"name": "Lost"})
    clock.advance(LATER)
    ahead.advance(LATER)
    assert reconcile(crm, inbox, until, codes=["add_lead"], clock=ahead).added == {"add_lead": 1}
    assert reconcile(crm, inbox, begin + 3000, codes=["add_lead"], clock=ahead).checked == 0


def test_everything_that_was_lost_is_found_once(
    crm: AmoCRM, sandbox: Sandbox, clock: ManualClock, inbox: MemoryInbox
) -> None:
    begin = clock.time()
    lead = crm.leads.create({"name": "One"})["id"]
    contact = crm.contacts.create({"name": "Ann"})["id"]
    clock.advance(60)
    stage = sandbox.account().statuses(sandbox.account().main_pipeline["id"])[2]["id"]
    crm.leads(lead).update({"status_id": stage})
    crm.tasks.create({"text": "call", "complete_till": int(begin) + 9000, "entity_id": lead,
                      "entity_type": "leads"})  # fmt: skip
    clock.advance(60)
    sandbox.trash("contacts", contact)
    clock.advance(LATER)
    result = reconcile(crm, inbox, begin, codes=ALL, clock=clock)
    assert result.until == pytest.approx(clock.time() - GRACE, abs=5)
    # The lead's and the task's last states, and what the record says of each of them.
    assert result.added == {
        "add_lead": 1, "add_contact": 1, "status_lead": 1, "add_task": 1, "delete_contact": 1,
        "update_lead": 1, "update_task": 1,
    }  # fmt: skip
    events = handle(inbox)
    assert sorted(event.code for event in events) == sorted(result.added)
    changed = next(event for event in events if event.code == "status_lead")
    assert (changed.id, int(changed.item["status_id"])) == (lead, stage)
    assert changed.previous["status_id"] != stage
    again = reconcile(crm, inbox, begin, codes=ALL, clock=clock)
    assert again.added == {}
    assert again.checked == result.checked


def test_what_a_webhook_told_of_is_not_added(
    crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox
) -> None:
    begin = clock.time()
    account = crm.account.get()["id"]
    lead = crm.leads.create({"name": "One"})["id"]
    now = int(clock.time())
    receive(inbox, clock, account, {"leads": {"add": [{"id": str(lead), "updated_at": str(now)}]}})
    clock.advance(LATER)
    codes = ["add_lead", "update_lead"]
    assert reconcile(crm, inbox, begin, codes=codes, clock=clock).added == {}
    crm.leads(lead).update({"name": "Two"})
    clock.advance(LATER)
    assert reconcile(crm, inbox, begin, codes=codes, clock=clock).added == {"update_lead": 1}


def test_one_lost_change_of_several_is_found(
    crm: AmoCRM, sandbox: Sandbox, clock: ManualClock, inbox: MemoryInbox
) -> None:
    account = crm.account.get()["id"]
    lead = crm.leads.create({"name": "One"})["id"]
    clock.advance(60)
    begin = clock.time()
    stages = [one["id"] for one in sandbox.account().statuses(
        sandbox.account().main_pipeline["id"])][2:5]  # fmt: skip
    for stage in stages:
        crm.leads(lead).update({"status_id": stage})
        if stage != stages[1]:
            item = {"id": str(lead), "status_id": str(stage), "updated_at": str(int(clock.time()))}
            receive(inbox, clock, account, {"leads": {"status": [item]}})
        clock.advance(600)
    handle(inbox)
    assert reconcile(crm, inbox, begin, codes=["status_lead"], clock=clock).added == {
        "status_lead": 1
    }
    (found,) = handle(inbox)
    assert int(found.item["status_id"]) == stages[1]
    assert found.previous["status_id"] == stages[0]


def test_young_changes_are_left_for_the_next_run(
    crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox
) -> None:
    begin = clock.time()
    crm.leads.create({"name": "One"})
    clock.advance(GRACE - 1)
    first = reconcile(crm, inbox, begin, codes=["add_lead"], clock=clock)
    assert first.added == {}
    clock.advance(10)
    second = reconcile(crm, inbox, first.until, codes=["add_lead"], clock=clock)
    assert second.added == {"add_lead": 1}


def test_only_what_the_handlers_need_is_asked_for(
    crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox
) -> None:
    crm.contacts.create({"name": "Ann"})
    clock.advance(LATER)
    before = crm.stats.calls
    found = reconcile(crm, inbox, 0, codes=["add_lead"], clock=clock)
    assert found.added == {}
    assert crm.stats.calls == before + 2  # The account, and one page of its record.
    reconcile(crm, inbox, 0, codes=["add_unsorted"], clock=clock)
    assert crm.stats.calls == before + 3


def test_the_events_are_marked(crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox) -> None:
    crm.leads.create({"name": "One"})
    clock.advance(LATER)
    reconcile(crm, inbox, 0, codes=["add_lead"], clock=clock)
    lease = inbox.take(60)
    assert lease is not None
    assert [one.delivery.synthetic for one in lease.events] == [True]
    assert inbox.last_received() == {}


@pytest.mark.parametrize("since", [None, "yesterday", -1, float("nan"), datetime(2026, 1, 1), []])
def test_since_is_an_instant(crm: AmoCRM, inbox: MemoryInbox, since: Any) -> None:
    with pytest.raises(ConfigurationError, match="since"):
        reconcile(crm, inbox, since, codes=["add_lead"])


def test_since_may_be_a_datetime(crm: AmoCRM, clock: ManualClock, inbox: MemoryInbox) -> None:
    crm.leads.create({"name": "One"})
    clock.advance(LATER)
    since = datetime.fromtimestamp(clock.time() - 3600, timezone.utc)
    found = reconcile(crm, inbox, since, codes=["add_lead"], clock=clock)
    assert found.added == {"add_lead": 1}
