from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from amocrm import (
    AmoCRM,
    ConfigurationError,
    InboxError,
    Integration,
    MemoryStore,
    NotAuthorizedError,
    NotFoundError,
    NotOfferedError,
)
from amocrm.sandbox import ManualClock, Sandbox
from amocrm.webhooks import Event, Handled, Hooks, Worker
from amocrm.webhooks.inbox.inbox import Lease, StoredEvent
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.inbox.sql import SQLInbox
from tests.webhooks.arrivals import form, put

SECRET = "Anna Petrova +79991234567"


class FlakyInbox(MemoryInbox):
    """An inbox that cannot be reached for some calls, and that remembers the marks."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock=clock)
        self.failures: dict[str, int] = {}
        self.marks: list[str] = []

    def _try(self, name: str) -> None:
        if self.failures.get(name, 0) > 0:
            self.failures[name] -= 1
            raise InboxError("the database is gone")
        self.marks.append(name)

    def take(self, lease: float, key: str | None = None) -> Lease | None:
        self._try("take")
        return super().take(lease, key)

    def extend(self, lease: Lease, seconds: float) -> bool:
        self._try("extend")
        return super().extend(lease, seconds)

    def handled(self, lease: Lease, event: StoredEvent, handler: str) -> bool:
        self._try("handled")
        return super().handled(lease, event, handler)

    def done(self, lease: Lease, event: StoredEvent) -> bool:
        self._try("done")
        return super().done(lease, event)


@pytest.fixture
def inbox(clock: ManualClock) -> FlakyInbox:
    return FlakyInbox(clock)


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def worker(inbox: FlakyInbox, hooks: Hooks, connected: AmoCRM, clock: ManualClock) -> Worker:
    return Worker(inbox, hooks, connected, attempts=3, clock=clock)


@pytest.fixture
def account(sandbox: Sandbox) -> int:
    return sandbox.account().id


def seen_by(hooks: Hooks, *codes: str, **conditions: Any) -> list[Event]:
    """Add a handler that remembers its events."""
    events: list[Event] = []

    def remember(event: Event, crm: AmoCRM) -> None:
        events.append(event)

    conditions.setdefault("name", f"remember {codes} {conditions}")
    hooks.on(*codes, **conditions)(remember)
    return events


class Failing:
    """A handler that raises the first errors of a list, and then works."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, event: Event, crm: AmoCRM) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


# What is handled, and in which order --------------------------------------------------------------


def test_events_are_handled_in_order_with_their_client(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM
) -> None:
    clients = []
    events = seen_by(hooks, "add_lead", "update_lead")
    hooks.on("add_lead")(lambda event, crm: clients.append(crm))
    put(inbox, form("leads", "add", {"id": 1}, {"id": 2}), account=account, received_at=5)
    put(inbox, form("leads", "update", {"id": 1, "name": "a"}), account=account, received_at=6)
    put(inbox, form("leads", "update", {"id": 1, "name": "b"}), account=account, received_at=7)
    assert worker.run_until_empty() == Handled(done=4)
    first = [(one.action, one.item.get("name")) for one in events if one.id == 1]
    assert first == [("add", None), ("update", "a"), ("update", "b")]
    assert [one.received_at for one in events if one.id == 2] == [5]
    assert clients == [connected, connected]
    assert worker.run_until_empty() == Handled()


def test_a_number_that_is_given_again_is_another_delivery(
    tmp_path: Path, hooks: Hooks, connected: AmoCRM, account: int, clock: ManualClock
) -> None:
    events = seen_by(hooks, "add_lead")
    inbox = SQLInbox(f"sqlite:///{tmp_path / 'inbox.db'}", clock=clock)
    inbox.create_table()
    worker = Worker(inbox, hooks, connected, clock=clock)
    first = put(inbox, form("leads", "add", {"id": 1}, {"id": 2}), account=account)
    assert worker.run_until_empty() == Handled(done=2)
    assert inbox.purge(1) == 1
    second = put(inbox, form("leads", "add", {"id": 3}, {"id": 4}), account=account)
    assert worker.run_until_empty() == Handled(done=2)
    inbox.close()
    assert first == second, "SQLite counts anew"
    assert [one.id for one in events] == [1, 2, 3, 4]


def test_an_event_without_handlers_is_done_without_a_client(
    inbox: FlakyInbox, hooks: Hooks, clock: ManualClock
) -> None:
    def no_client(account_id: int) -> AmoCRM:
        raise NotAuthorizedError("nobody")

    put(inbox, form("leads", "add", {"id": 1}))
    assert Worker(inbox, hooks, no_client, clock=clock).run_until_empty() == Handled(done=1)


def test_async_handlers_share_the_loop_of_their_thread(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    loops = []

    @hooks.on("add_lead")
    async def remember(event: Event, crm: AmoCRM) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    put(inbox, form("leads", "add", {"id": 1}, {"id": 2}), account=account)
    assert worker.run_until_empty() == Handled(done=2)
    assert len(set(loops)) == 1


def test_async_handlers_need_a_thread_without_a_loop(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    @hooks.on("add_lead")
    async def never(event: Event, crm: AmoCRM) -> None: ...

    put(inbox, form("leads", "add", {"id": 1}), account=account)

    async def inside() -> Handled:
        return worker.run_until_empty()

    assert asyncio.run(inside()) == Handled(failed=1)


def test_routes_by_names_ask_the_account_once(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM,
    sandbox: Sandbox,
) -> None:  # fmt: skip
    pipeline = next(iter(connected.leads.pipelines.list()))
    stage = pipeline["_embedded"]["statuses"][1]
    events = seen_by(hooks, "status_lead", pipeline=pipeline["name"], stage=stage["name"])
    place = {"pipeline_id": pipeline["id"], "status_id": stage["id"]}
    items = [{"id": number, **place} for number in range(1, 5)]
    before = len(sandbox.log)
    other = {"id": 9, "pipeline_id": pipeline["id"], "status_id": 142}
    put(inbox, form("leads", "status", *items, other), account=account)
    assert worker.run_until_empty() == Handled(done=5)
    assert [one.id for one in events] == [1, 2, 3, 4]
    assert len(sandbox.log) == before + 1


def test_own_writes_are_left_out(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM
) -> None:
    me = connected.account.get()["current_user_id"]
    events = seen_by(hooks, "update_lead", ignore_own=True)
    items = [{"id": 1, "modified_user_id": me}, {"id": 2, "modified_user_id": me + 1}]
    put(inbox, form("leads", "update", *items), account=account)
    assert worker.run_until_empty() == Handled(done=2)
    assert [one.id for one in events] == [2]


# Fetching -----------------------------------------------------------------------------------------


def test_the_events_of_an_entity_share_one_fetch(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM,
    sandbox: Sandbox,
) -> None:  # fmt: skip
    lead = connected.leads.create({"name": "now"})
    names = []

    @hooks.on(entity="leads")
    def first(event: Event, crm: AmoCRM) -> None:
        read = event.fetch()
        names.append(read["name"])
        read["name"] = "changed by a handler"

    hooks.on(entity="leads", name="second")(lambda event, crm: names.append(event.fetch()["name"]))
    for action in ("add", "update", "status"):
        put(inbox, form("leads", action, {"id": lead["id"], "name": "then"}), account=account)
    before = len(sandbox.log)
    assert worker.run_until_empty() == Handled(done=3)
    assert names == ["now"] * 6
    assert len(sandbox.log) == before + 1


def test_a_fetch_can_be_repeated_and_ask_for_more(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM
) -> None:
    lead = connected.leads.create({"name": "old"})
    seen: list[Any] = []

    @hooks.on(entity="leads")
    def read(event: Event, crm: AmoCRM) -> None:
        event.fetch()
        crm.leads.update(lead["id"], {"name": "new"})
        seen.extend([event.fetch()["name"], event.fetch(again=True)["name"]])
        seen.append(event.fetch(with_=["contacts"])["_embedded"]["contacts"])

    put(inbox, form("leads", "add", {"id": lead["id"]}), account=account)
    assert worker.run_until_empty() == Handled(done=1)
    assert seen == ["old", "new", []]


def test_what_is_gone_or_cannot_be_read_is_told(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    errors: list[Exception] = []

    @hooks.on_any
    def read(event: Event, crm: AmoCRM) -> None:
        try:
            event.fetch()
        except (NotFoundError, NotOfferedError) as error:
            errors.append(error)

    put(inbox, form("leads", "delete", {"id": 999}), account=account)
    put(inbox, form("message", "add", {"id": "a-b", "chat_id": "c"}), account=account)
    put(inbox, form("unsorted", "delete", {"uid": "abc"}), account=account)
    assert worker.run_until_empty() == Handled(done=3)
    assert [type(error) for error in errors] == [NotFoundError, NotOfferedError, NotFoundError]
    outside = Event("account", "add_lead", "leads/add", "leads", "add", 1, {}, 1, None)
    with pytest.raises(ConfigurationError, match="only an event that a worker gives"):
        outside.fetch()


def test_every_entity_is_read_through_its_resource(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, connected: AmoCRM
) -> None:
    found = {}

    @hooks.on_any
    def read(event: Event, crm: AmoCRM) -> None:
        found[event.entity] = event.fetch()["id"]

    lead = connected.leads.create({"name": "a"})["id"]
    contact = connected.contacts.create({"name": "a"})["id"]
    company = connected.companies.create({"name": "a"})["id"]
    task = connected.tasks.create({"text": "a", "complete_till": 2_000_000_000})["id"]
    catalog = connected.catalogs.create({"name": "a", "type": "regular"})["id"]
    element = connected.catalogs(catalog).elements.create({"name": "a"})["id"]
    put(inbox, form("leads", "add", {"id": lead}), account=account)
    put(inbox, form("contacts", "add", {"id": contact, "type": "contact"}), account=account)
    put(inbox, form("contacts", "add", {"id": company, "type": "company"}), account=account)
    put(inbox, form("task", "add", {"id": task}), account=account)
    put(inbox, form("catalogs", "add", {"id": element, "catalog_id": catalog}), account=account)
    assert worker.run_until_empty() == Handled(done=5)
    assert found == {
        "leads": lead, "contacts": contact, "companies": company, "tasks": task,
        "catalog_elements": element,
    }  # fmt: skip


# Failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError(SECRET), SystemExit(SECRET), KeyboardInterrupt()])
def test_a_failure_is_told_and_tried_again(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock,
    error: BaseException, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    handler = Failing(error)
    hooks.on("add_lead", name="handler")(handler)
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    assert in_thread(worker.run_until_empty) == Handled(failed=1)
    (record,) = [one for one in caplog.records if one.name == "amocrm.webhooks"]
    assert record.levelno == logging.ERROR
    assert "handler failed (event 1 of delivery 1, attempt 1 of 3, again in" in record.message
    assert type(error).__name__ in record.message
    assert SECRET not in caplog.text
    assert worker.run_until_empty() == Handled()
    clock.sleep(13)
    assert worker.run_until_empty() == Handled(done=1)
    assert handler.calls == 2


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_an_order_to_end_reaches_the_program_in_its_main_thread(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock,
    error: BaseException,
) -> None:  # fmt: skip
    hooks.on("add_lead", name="handler")(Failing(error))
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "add", {"id": 2}), account=account)
    with pytest.raises(type(error)):
        worker.run_until_empty()
    assert inbox.counts().undone == 2
    clock.sleep(13)
    assert worker.run_until_empty() == Handled(done=2)


def test_system_exit_of_an_async_handler_does_not_stay_in_the_loop(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock
) -> None:
    errors = [SystemExit(1)]

    @hooks.on("add_lead")
    async def leave(event: Event, crm: AmoCRM) -> None:
        await asyncio.sleep(0)
        if errors:
            raise errors.pop()

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "add", {"id": 2}), account=account)

    assert in_thread(worker.run_until_empty) == Handled(done=1, failed=1)


def test_each_handler_and_each_attempt_gets_the_item_as_it_came(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, clock: ManualClock, account: int
) -> None:
    seen: list[list[str]] = []

    def change(event: Event, crm: AmoCRM) -> None:
        seen.append(sorted(event.item))
        del event.item["name"]
        if len(seen) < 3:
            raise OSError

    hooks.on("add_lead", name="one")(change)
    hooks.on("add_lead", name="two")(lambda event, crm: change(event, crm))
    put(
        inbox, form("leads", "add", {"id": 1, "name": "a"}, {"id": 2, "name": "b"}), account=account
    )
    worker.run_until_empty()
    clock.advance(60)
    worker.run_until_empty()
    assert seen == [["id", "name"]] * len(seen)
    assert len(seen) > 4


def test_later_events_of_the_entity_wait_and_others_do_not(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock
) -> None:
    order: list[str] = []
    failing = Failing(ValueError())

    @hooks.on(entity="leads")
    def handle(event: Event, crm: AmoCRM) -> None:
        if event.id == 1:
            failing(event, crm)
        order.append(f"{event.action} {event.id}")

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "update", {"id": 1}), account=account)
    put(inbox, form("leads", "add", {"id": 2}), account=account)
    assert worker.run_until_empty() == Handled(done=1, failed=1)
    clock.sleep(13)
    assert worker.run_until_empty() == Handled(done=2)
    assert order == ["add 2", "add 1", "update 1"]


def test_after_all_attempts_an_event_is_dead_and_holds_nothing_up(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    failing = Failing(*[ValueError(SECRET)] * 3)
    hooks.on("add_lead", name="failing")(failing)
    events = seen_by(hooks, "update_lead")
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "update", {"id": 1}), account=account)
    for handled in (Handled(failed=1), Handled(failed=1), Handled(done=1, dead=1)):
        assert worker.run_until_empty() == handled
        clock.sleep(200)
    assert "attempt 3 of 3, dead" in caplog.text
    assert [one.action for one in events] == ["update"]
    (dead,) = inbox.dead()
    assert dead.error == f"failing: ValueError: {SECRET}"
    inbox.replay([dead.id])
    assert worker.run_until_empty() == Handled(done=1)


def test_a_handler_that_has_finished_is_not_called_again(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock
) -> None:
    first, last = seen_by(hooks, "add_lead", name="first"), Failing(ValueError("a"))
    hooks.on("add_lead", name="failing")(last)
    third = seen_by(hooks, "add_lead", name="third")
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    assert worker.run_until_empty() == Handled(failed=1)
    clock.sleep(13)
    assert worker.run_until_empty() == Handled(done=1)
    assert (len(first), len(third), last.calls) == (1, 1, 2)


def test_one_handler_costs_one_mark(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    seen_by(hooks, "add_lead")
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    worker.run_until_empty()
    assert [one for one in inbox.marks if one != "take"] == ["done"]


def test_what_cannot_be_read_any_more_is_dead_at_once(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    events = seen_by(hooks, entity="leads")
    put(inbox, form("leads", "add", {"id": 1}, {"id": 2}), account=account)
    raw = inbox._deliveries[1]
    object.__setattr__(raw, "body", form("leads", "add", {"id": 1}))
    assert worker.run_until_empty() == Handled(done=1, dead=1)
    assert [one.id for one in events] == [1]
    assert "the webhook has no event 1" in inbox.dead()[0].error


def test_unknown_names_are_failures(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    seen_by(hooks, "status_lead", stage="Payd")
    item = {"id": 1, "status_id": 5, "pipeline_id": 6}
    put(inbox, form("leads", "status", item), account=account)
    assert worker.run_until_empty() == Handled(failed=1)
    assert "routing status_lead failed" in caplog.text
    assert "there is no stage 'Payd'" in caplog.text


def in_thread(work: Callable[[], Handled]) -> Handled:
    results: list[Handled] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(60)
    return results[0]


# Accounts -----------------------------------------------------------------------------------------


def test_a_webhook_of_another_account_gets_no_client(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    events = seen_by(hooks, "add_lead")
    put(inbox, form("leads", "add", {"id": 1}), account=account + 1)
    assert worker.run_until_empty() == Handled(failed=1)
    assert events == []


def test_an_integration_finds_the_client_of_each_account(
    inbox: FlakyInbox, hooks: Hooks, sandbox: Sandbox, clock: ManualClock
) -> None:
    one = sandbox.integration
    with Integration(
        one.client_id, one.client_secret, one.redirect_uri, store=MemoryStore(),
        session=sandbox.session(), clock=clock,
    ) as integration:  # fmt: skip
        for name in ("example", "other"):
            query = {"code": sandbox.issue_code(name), "referer": f"{name}.amocrm.ru", "state": "s"}
            integration.callback(query, "s")
        hosts = []
        hooks.on_any(lambda event, crm: hosts.append(crm and crm.connection.host))
        worker = Worker(inbox, hooks, integration, clock=clock)
        for name in ("example", "other"):
            put(inbox, form("leads", "add", {"id": 1}), account=sandbox.account(name).id)
        assert worker.run_until_empty() == Handled(done=2)
        assert sorted(hosts) == ["example.amocrm.ru", "other.amocrm.ru"]
        # An account that has gone fails, but for the webhook that says so.
        hosts.clear()
        put(inbox, form("leads", "add", {"id": 1}, account=5), account=5)
        put(inbox, {"account_id": 5, "signature": "x"}, kind="uninstall", account=5)
        assert worker.run_until_empty() == Handled(done=1, failed=1)
        assert hosts == [None]


def test_a_function_finds_the_client_and_an_account_is_needed(
    inbox: FlakyInbox, hooks: Hooks, connected: AmoCRM, clock: ManualClock
) -> None:
    asked: list[int] = []

    def client(account_id: int) -> AmoCRM:
        asked.append(account_id)
        return connected

    seen_by(hooks, "add_lead")
    worker = Worker(inbox, hooks, client, clock=clock)
    put(inbox, form("leads", "add", {"id": 1}, account=7), account=None)
    put(inbox, b"leads[add][0][id]=1", account=None)
    assert worker.run_until_empty() == Handled(done=1, failed=1)
    assert asked == [7]


# An inbox that cannot be reached ------------------------------------------------------------------


def test_marks_wait_for_the_inbox(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    events = seen_by(hooks, "add_lead")
    inbox.failures["done"] = 1
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    assert worker.run_until_empty() == Handled(done=1)
    assert len(events) == 1
    assert "the inbox cannot be written: the database is gone" in caplog.text


def test_an_inbox_that_stays_away_is_told_to_the_caller(
    inbox: FlakyInbox, hooks: Hooks, connected: AmoCRM, account: int, clock: ManualClock
) -> None:
    events = seen_by(hooks, "add_lead")
    worker = Worker(inbox, hooks, connected, lease=0.05, clock=clock)
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    inbox.failures["done"] = 100
    with pytest.raises(InboxError):
        worker.run_until_empty()
    inbox.failures.clear()
    assert worker.run_until_empty() == Handled(done=1)
    assert len(events) == 2


def test_a_lost_lease_ends_the_handling(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    other = Worker(inbox, Hooks(), worker._handler._accounts._clients, clock=clock)
    calls = []

    @hooks.on(entity="leads")
    def slow(event: Event, crm: AmoCRM) -> None:
        calls.append(event.action)
        clock.sleep(61)  # The worker is stopped for so long that the lease ends.
        assert other.run_until_empty() == Handled(done=2)

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "update", {"id": 1}), account=account)
    assert worker.run_until_empty() == Handled()
    assert calls == ["add"]
    assert "a lease was lost" in caplog.text


# Task queues --------------------------------------------------------------------------------------


def test_a_task_handles_its_delivery_and_what_came_meanwhile(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int
) -> None:
    order: list[tuple[str, Any]] = []

    @hooks.on(entity="leads")
    def handle(event: Event, crm: AmoCRM) -> None:
        if not order:
            late = put(inbox, form("leads", "update", {"id": 1}), account=account)
            assert worker.handle(late) == Handled()  # The entity is leased.
        order.append((event.action, event.id))

    first = put(inbox, form("leads", "add", {"id": 1}, {"id": 2}), account=account)
    put(inbox, form("leads", "add", {"id": 3}), account=account)
    assert worker.handle(first) == Handled(done=3)
    assert order == [("add", 1), ("update", 1), ("add", 2)]
    assert worker.handle(first) == worker.handle(999) == Handled()


def test_the_sweep_hands_over_what_was_lost_or_is_due_again(
    inbox: FlakyInbox, hooks: Hooks, worker: Worker, account: int, clock: ManualClock
) -> None:
    hooks.on("add_lead", name="failing")(Failing(ValueError()))
    now = clock.time()
    lost = put(inbox, form("leads", "add", {"id": 1}), account=account, received_at=now)
    sent: list[int] = []
    assert worker.sweep(sent.append) == 0
    clock.sleep(61)
    assert worker.sweep(sent.append) == 1
    assert sent == [lost]
    assert worker.handle(lost) == Handled(failed=1)
    assert worker.sweep(sent.append) == 0
    clock.sleep(13)
    assert worker.sweep(sent.append) == 1
    assert worker.handle(lost) == Handled(done=1)
    clock.sleep(15 * 86_400)
    assert worker.sweep(sent.append) == 0
    assert inbox._deliveries == {}


def test_a_broker_that_is_down_ends_the_sweep(
    inbox: FlakyInbox, worker: Worker, account: int, clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for number in (1, 2):
        put(inbox, form("leads", "add", {"id": number}), account=account)

    def down(delivery_id: int) -> None:
        raise ConnectionError(SECRET)

    assert worker.sweep(down) == 0
    assert caplog.text.count("the task queue cannot be reached: ConnectionError") == 1
    assert SECRET not in caplog.text
    with pytest.raises(ConfigurationError, match="hand_over must be a function"):
        worker.sweep(5)  # type: ignore[arg-type]


# Running ------------------------------------------------------------------------------------------


@contextmanager
def running(worker: Worker) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(20)  # Less than it waits for threads that do not end.
        assert not thread.is_alive()


def test_a_running_worker_is_woken_and_stops(hooks: Hooks, connected: AmoCRM, account: int) -> None:
    inbox, came = FlakyInbox(), threading.Event()
    worker = Worker(inbox, hooks, connected, threads=2, poll=3600)
    inbox.hand_over(worker.wake)
    hooks.on("add_lead")(lambda event, crm: came.set())
    with running(worker):
        put(inbox, form("leads", "add", {"id": 1}), account=account)
        assert came.wait(60)
    assert inbox.counts().undone == 0


def test_a_worker_goes_on_when_the_inbox_comes_back(
    hooks: Hooks, connected: AmoCRM, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, came = FlakyInbox(), threading.Event()
    inbox.failures = {"take": 2, "done": 1}
    hooks.on("add_lead")(lambda event, crm: came.set())
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    with running(Worker(inbox, hooks, connected, threads=1)):
        assert came.wait(60)
    assert inbox.counts().undone == 0
    assert caplog.text.count("the inbox cannot be read") == 2


def test_long_handlers_keep_their_lease_and_are_told(
    hooks: Hooks, connected: AmoCRM, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, extended = FlakyInbox(), threading.Event()

    class Watched(FlakyInbox):
        def extend(self, lease: Lease, seconds: float) -> bool:
            extended.set()
            return super().extend(lease, seconds)

    inbox = Watched()
    hooks.on("add_lead")(lambda event, crm: extended.wait(60))
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    assert Worker(inbox, hooks, connected, lease=0.1).run_until_empty() == Handled(done=1)
    assert extended.is_set()


def test_a_handler_that_hangs_is_replaced_and_holds_nothing_up(
    hooks: Hooks, connected: AmoCRM, account: int, clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    inbox, go_on, came = FlakyInbox(), threading.Event(), threading.Event()

    @hooks.on("add_lead")
    def hang(event: Event, crm: AmoCRM) -> None:
        clock.advance(1)  # No other time passes: the next handler does not hang.
        go_on.wait(60)

    hooks.on("update_lead")(lambda event, crm: came.set())
    limits: Any = {"threads": 1, "attempts": 1, "timeout": 0.2}
    worker = Worker(inbox, hooks, connected, poll=0.05, clock=clock, **limits)
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "update", {"id": 1}), account=account)
    with running(worker):
        assert came.wait(60)
        hanging, *others = worker._pool
        go_on.set()
        hanging.join(60)
        assert not hanging.is_alive()
        assert all(one.is_alive() for one in others)
    assert "hang failed (event 1 of delivery 1, attempt 1 of 1, dead): TimeoutError" in caplog.text
    assert caplog.text.count("failed") == 1
    assert inbox.counts()[:2] == (0, 1)


def test_a_lease_that_was_lost_meanwhile_is_not_marked(
    hooks: Hooks, connected: AmoCRM, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    asked = threading.Event()

    class Lost(FlakyInbox):
        def extend(self, lease: Lease, seconds: float) -> bool:
            asked.set()
            return False

    inbox = Lost()

    @hooks.on("add_lead")
    def slow(event: Event, crm: AmoCRM) -> None:
        assert asked.wait(60)
        while "a lease was lost" not in caplog.text:
            asked.wait(0.01)
        raise ValueError("it was for nothing")

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    worker = Worker(inbox, hooks, connected, lease=0.1)
    lease = inbox.take(60)
    assert lease is not None
    assert worker._handler.handle(lease)[0] == Handled()
    assert inbox.marks == ["take"]
    assert "slow failed" not in caplog.text


def test_an_async_handler_that_hangs_is_canceled(
    inbox: FlakyInbox, hooks: Hooks, connected: AmoCRM, account: int, clock: ManualClock
) -> None:
    canceled = []

    @hooks.on("add_lead")
    async def hang(event: Event, crm: AmoCRM) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            canceled.append(event.id)
            raise

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    worker = Worker(inbox, hooks, connected, timeout=0.05, clock=clock)
    assert worker.run_until_empty() == Handled(failed=1)
    assert canceled == [1]


def test_a_stop_waits_for_handlers_and_gives_the_rest_back(
    hooks: Hooks, connected: AmoCRM, account: int
) -> None:
    inbox, begun, go_on = FlakyInbox(), threading.Event(), threading.Event()
    done: list[Any] = []

    @hooks.on(entity="leads")
    def slow(event: Event, crm: AmoCRM) -> None:
        begun.set()
        go_on.wait(60)
        done.append(event.action)

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    put(inbox, form("leads", "update", {"id": 1}), account=account)
    worker = Worker(inbox, hooks, connected, threads=1)
    with running(worker) as thread:
        assert begun.wait(60)
        worker.stop()
        assert worker._stopping.wait(60)
        go_on.set()
        thread.join(60)
    assert done == ["add"]
    lease = inbox.take(60)
    assert lease is not None
    assert [one.position for one in lease.events] == [0]
    assert inbox.counts().undone == 1


def test_a_handler_that_does_not_end_loses_its_lease(
    hooks: Hooks, connected: AmoCRM, account: int, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, begun, go_on = FlakyInbox(), threading.Event(), threading.Event()

    @hooks.on("add_lead")
    def slow(event: Event, crm: AmoCRM) -> None:
        begun.set()
        go_on.wait(60)

    put(inbox, form("leads", "add", {"id": 1}), account=account)
    with running(Worker(inbox, hooks, connected, threads=1, grace=0.05)):
        assert begun.wait(60)
    assert "slow still runs; its event 1 is given back" in caplog.text
    assert inbox.take(60) is not None
    go_on.set()


SCRIPT = """
import logging
import sys
from amocrm import AmoCRM
from amocrm.webhooks import Hooks, Worker
from amocrm.webhooks.inbox.memory import MemoryInbox

# Its first line comes when it receives signals.
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
worker = Worker(MemoryInbox(), Hooks(), AmoCRM("example", {"access_token": "a.b.c"}))
worker.run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "handling webhooks in 4 threads\n"
        process.send_signal(number)
        assert process.communicate(timeout=60)[0] == "handling webhooks has ended\n"
    assert process.returncode == 0


FORKING = """
import os, sys
from amocrm import AmoCRM
from amocrm.webhooks import Hooks, Worker
from amocrm.webhooks.inbox.sql import SQLInbox

hooks = Hooks()


@hooks.on("add_lead")
def start(event, crm):
    child = os.fork()
    if not child:
        sys.exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


@hooks.on("update_lead")
def come_back(event, crm):
    child = os.fork()
    if not child:
        return
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


inbox = SQLInbox(sys.argv[1])
crm = AmoCRM("example", {"access_token": "token"})
print(*Worker(inbox, hooks, crm).run_until_empty(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_a_handler_forks_marks_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    inbox = SQLInbox(url)
    inbox.create_table()
    for action in ("add", "update"):
        put(inbox, form("leads", action, {"id": 1}))
    told = subprocess.run(
        [sys.executable, "-c", FORKING, url], capture_output=True, text=True, check=False,
        timeout=120, env=dict(os.environ),
    )  # fmt: skip
    assert told.stdout.split("\n") == ["3", "0", "2 0 0", ""], told.stderr
    assert [(one.state, one.attempts) for one in inbox.listed()] == [("done", 0)] * 2
    inbox.close()


def test_old_deliveries_are_deleted(hooks: Hooks, connected: AmoCRM, account: int) -> None:
    purged = threading.Event()

    class Watched(FlakyInbox):
        def purge(self, older_than: float, limit: int = 1000) -> int:
            purged.set()
            return super().purge(older_than, limit)

    inbox = Watched()
    put(inbox, form("leads", "add", {"id": 1}), account=account)
    worker = Worker(inbox, hooks, connected, retention=60)
    worker.run_until_empty()
    with running(worker):
        assert purged.wait(60)
    assert inbox._deliveries == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inbox": 5}, "expected an inbox, not int"),
        ({"hooks": 5}, "expected Hooks, not int"),
        ({"clients": 5}, "clients must be an AmoCRM, an Integration"),
        ({"threads": 0}, "threads must be a whole number from 1"),
        ({"attempts": 0}, "attempts must be a whole number from 1"),
        ({"lease": 0}, "lease must be a positive number"),
        ({"timeout": "5"}, "timeout must be a positive number"),
        ({"poll": True}, "poll must be a positive number"),
    ],
)
def test_wrong_settings_are_told(
    changes: dict[str, Any], message: str, inbox: FlakyInbox, hooks: Hooks, connected: AmoCRM
) -> None:
    settings: dict[str, Any] = {"inbox": inbox, "hooks": hooks, "clients": connected, **changes}
    with pytest.raises(ConfigurationError, match=message):
        Worker(**settings)
