"""`health` tells what needs a person, without secrets."""

from __future__ import annotations

import pytest

from amocrm import AmoCRM
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks.addresses import path_of
from amocrm.webhooks.health import health
from amocrm.webhooks.inbox.inbox import Part, RawDelivery
from amocrm.webhooks.inbox.memory import MemoryInbox
from tests.conftest import Make

ADDRESS = "https://hooks.example.com" + path_of("k" * 43, "account", 12345)


@pytest.fixture
def crm(sandbox: Sandbox, make: Make) -> AmoCRM:
    return make({"access_token": sandbox.issue_long_lived()})


@pytest.fixture
def inbox(clock: ManualClock) -> MemoryInbox:
    return MemoryInbox(clock=clock)


def put(inbox: MemoryInbox, clock: ManualClock, account_id: int, number: int = 0) -> None:
    body = b"leads[add][0][id]=%d" % number
    raw = RawDelivery("account", account_id, "/account", "", body, clock.time())
    inbox.put(raw, [Part(f"{account_id}/leads/{number}", "add_lead", None)])


def test_all_is_well(crm: AmoCRM, inbox: MemoryInbox, clock: ManualClock) -> None:
    crm.webhooks.create({"destination": ADDRESS, "settings": ["add_lead"]})
    put(inbox, clock, crm.account.get()["id"])
    clock.advance(299)
    state = health(inbox, [crm], clock=clock)
    assert (state.undone, state.dead, state.waiting_for) == (1, 0, 299)
    assert [(one.silent_for, one.disabled) for one in state.accounts] == [(299, ())]
    assert state.problems(silent=300) == []


def test_each_problem_is_told(
    crm: AmoCRM, sandbox: Sandbox, inbox: MemoryInbox, clock: ManualClock
) -> None:
    account = crm.account.get()["id"]
    other = "https://other.example.com/secret-of-theirs"
    for destination in (ADDRESS, other):
        made = crm.webhooks.create({"destination": destination, "settings": ["add_lead"]})
        sandbox.account().shelf("webhooks")[made["id"]]["disabled"] = True
    put(inbox, clock, account, 1)
    put(inbox, clock, account, 2)
    lease = inbox.take(60)
    assert lease is not None
    inbox.failed(lease, lease.events[0], "no such table", None)
    inbox.release(lease)
    clock.advance(7200)
    state = health(inbox, [crm], clock=clock)
    assert (state.undone, state.dead, state.waiting_for) == (1, 1, 7200)
    problems = state.problems(silent=3600)
    assert problems == [
        "1 events are not handled, the oldest one for 7200 s: is a worker running?",
        "1 events are dead: see inbox.dead(), mend, inbox.replay()",
        f"account {account}: the subscription of https://hooks.example.com/account/12345/... "
        "is switched off",
        f"account {account}: the subscription of other.example.com/... is switched off",
        f"account {account}: no webhook has come for 7200 s",
    ]
    assert "secret" not in str(state)
    assert ADDRESS.rpartition("/")[2] not in str(state)


def test_an_account_that_never_sent_is_silent(
    crm: AmoCRM, inbox: MemoryInbox, clock: ManualClock
) -> None:
    state = health(inbox, [crm], clock=clock)
    assert state.accounts[0].silent_for is None
    account = state.accounts[0].account_id
    missing = f"account {account}: no address is subscribed to its webhooks"
    assert state.problems() == [missing]
    assert state.problems(silent=60) == [missing, f"account {account}: no webhook has come ever"]


def test_an_account_that_cannot_be_asked_hides_no_other_one(
    crm: AmoCRM, make: Make, inbox: MemoryInbox, clock: ManualClock
) -> None:
    crm.webhooks.create({"destination": ADDRESS, "settings": ["add_lead"]})
    gone = make({"access_token": "a.secret.token"}, "other")
    state = health(inbox, [gone, crm], clock=clock)
    assert [one.subscriptions for one in state.accounts] == [None, 1]
    (problem,) = state.problems()
    assert problem.startswith("account other.amocrm.ru cannot be asked: GET /api/v4/account")
    assert "secret" not in problem
