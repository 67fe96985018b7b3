"""What every inbox must do, wherever it keeps its deliveries."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from amocrm.sandbox import ManualClock
from amocrm.webhooks.inbox.inbox import (
    LEASED,
    UNIQUE_FOR,
    Inbox,
    Lease,
    Part,
    RawDelivery,
    StoredEvent,
)
from amocrm.webhooks.inbox.memory import MemoryInbox
from amocrm.webhooks.inbox.sql import SQLInbox

HOSTILE = [
    "", " ", "1/leads/1 ", " 1/leads/1", "1/leads/1\0", "1/Leads/1", "1/LEADS/1", "1/leads/\ufeff1",
    "1/leads/é", "1/leads/e\u0301", "1/leads/ß", "1/leads/ss", "1/leads/😀", "1/leads/😁",
    "\ud800", "'; DROP TABLE amocrm_deliveries; --", "%", "_", "\\", "~", "x" * 4096,
    "x" * 4096 + " ", "X" * 4096, "x" * 100, "x" * 101, "1/leads/1\n", "1/leads/1\r\n",
]  # fmt: skip
BODIES = [b"", b"\0", bytes(range(256)), b"'; DROP TABLE x; --", b"%s %(a)s :a ?", b"\xff" * 1000]


def beneath(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was raised from."""
    found: list[BaseException | None] = [error]
    for one in found:
        if one is not None:
            yield one
            found += [one.__cause__, one.__context__]


def delivery(body: bytes | str = b"body", **changes: Any) -> RawDelivery:
    whole = {
        "kind": "account", "account_id": 1, "path": "/account/1", "content_type": "text/plain",
        "body": body.encode() if isinstance(body, str) else body, "received_at": 1_700_000_000.25,
        **changes,
    }  # fmt: skip
    return RawDelivery(**whole)


def part(key: str = "1/leads/1", code: str = "add_lead", happened_at: int | None = None) -> Part:
    return Part(key, code, happened_at)


def bodies(lease: Lease | None) -> list[bytes]:
    return [] if lease is None else [event.delivery.body for event in lease.events]


def finish(inbox: Inbox, lease: Lease | None) -> list[bytes]:
    """Mark all events of a lease as done; return their bodies."""
    assert lease is not None
    for event in lease.events:
        assert inbox.done(lease, event)
    inbox.release(lease)
    return bodies(lease)


def drain(inbox: Inbox) -> list[bytes]:
    """Handle all that is due; return the bodies in the order of handling."""
    handled: list[bytes] = []
    while (lease := inbox.take(60)) is not None:
        handled += finish(inbox, lease)
    return handled


class InboxContract:
    """Tests of an inbox, which is empty before each of them."""

    clock: ManualClock
    inbox: MemoryInbox | SQLInbox

    def now(self, body: bytes | str = b"body", **changes: Any) -> RawDelivery:
        """Return a delivery that has just arrived."""
        return delivery(body, received_at=self.clock.time(), **changes)

    def test_it_is_an_inbox(self) -> None:
        assert isinstance(self.inbox, Inbox)
        assert self.inbox.take(60) is None
        assert self.inbox.next_due() is None
        assert self.inbox.counts() == (0, 0, None)
        assert self.inbox.dead() == []
        assert self.inbox.last_received() == {}
        assert self.inbox.not_handed_over(0) == []
        assert self.inbox.purge(0) == 0
        assert self.inbox.replay() == 0
        assert self.inbox.arrived([], 0) == {}

    def test_deliveries_come_back_as_they_were(self) -> None:
        for body in BODIES:
            stored = delivery(
                body, kind="chat", account_id=2**40, path="/chat/é\0\\n",
                content_type="x; y=\ud800", received_at=1_700_000_000.123456, synthetic=True,
            )  # fmt: skip
            number = self.inbox.put(stored, [part()])
            lease = self.inbox.take(60)
            assert lease is not None
            assert lease.key == "1/leads/1"
            assert lease.events[0][1:] == (number, 0, 0, frozenset(), stored)
            assert type(lease.events[0].delivery.body) is bytes
            finish(self.inbox, lease)

    def test_a_delivery_without_an_account_comes_back(self) -> None:
        stored = delivery(account_id=None)
        assert self.inbox.put(stored, [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        assert lease.events[0].delivery == stored

    def test_the_same_body_is_stored_once_in_a_day(self) -> None:
        assert self.inbox.put(self.now(), [part()]) is not None
        assert self.inbox.put(self.now(content_type="other"), [part()]) is None
        assert drain(self.inbox) == [b"body"]
        self.clock.advance(UNIQUE_FOR - 1)
        assert self.inbox.put(self.now(), [part()]) is None
        assert drain(self.inbox) == []
        self.clock.advance(1)
        assert self.inbox.put(self.now(), [part()]) is not None
        assert self.inbox.put(self.now(), [part()]) is None
        assert drain(self.inbox) == [b"body"]

    def test_what_recurs_is_stored_each_time(self) -> None:
        for _ in range(2):
            assert self.inbox.put(self.now(recurs=True), [part()]) is not None
        assert drain(self.inbox) == [b"body", b"body"]
        assert self.inbox.purge(-1) == 2
        assert self.inbox.put(self.now(), [part()]) is not None
        assert self.inbox.put(self.now(recurs=True), [part()]) is not None
        assert self.inbox.put(self.now(), [part()]) is None
        assert drain(self.inbox) == [b"body", b"body"]

    def test_other_accounts_paths_and_bodies_are_other_deliveries(self) -> None:
        others: list[dict[str, Any]] = [
            {}, {"account_id": 2}, {"account_id": None}, {"path": "/account/1/"},
            {"path": "/account/1b", "body": b"ody"}, {"body": b"body "},
        ]  # fmt: skip
        numbers = [self.inbox.put(delivery(**{"body": b"body", **one}), []) for one in others]
        assert len(set(numbers) - {None}) == len(others)

    def test_a_delivery_without_events_is_stored_and_done(self) -> None:
        assert self.inbox.put(self.now(), []) is not None
        assert self.inbox.take(60) is None
        assert self.inbox.last_received() == {1: self.clock.time()}
        self.clock.advance(10)
        assert self.inbox.purge(5) == 1

    def test_events_of_one_entity_come_in_order_and_together(self) -> None:
        for number in range(4):
            self.inbox.put(self.now(f"{number}"), [part(f"1/leads/{number % 2}")])
            self.clock.advance(1)
        first = self.inbox.take(60)
        assert bodies(first) == [b"0", b"2"]
        second = self.inbox.take(60)
        assert bodies(second) == [b"1", b"3"]
        assert self.inbox.take(60) is None

    def test_several_events_of_a_delivery_know_their_positions(self) -> None:
        keys = ["1/leads/1", "1/leads/2", "1/leads/1", "1/contacts/1"]
        self.inbox.put(self.now(), [part(key) for key in keys])
        found = {}
        while (lease := self.inbox.take(60)) is not None:
            found[lease.key] = [event.position for event in lease.events]
            finish(self.inbox, lease)
        assert found == {"1/leads/1": [0, 2], "1/leads/2": [1], "1/contacts/1": [3]}

    def test_an_entity_with_a_lease_is_taken_by_nobody_else(self) -> None:
        self.inbox.put(self.now("one"), [part()])
        lease = self.inbox.take(60)
        self.inbox.put(self.now("two"), [part()])
        self.clock.advance(59)
        assert self.inbox.take(60) is None
        assert finish(self.inbox, lease) == [b"one"]
        assert drain(self.inbox) == [b"two"]

    def test_a_lease_ends_by_itself_and_its_owner_can_do_nothing_any_more(
        self,
    ) -> None:
        self.inbox.put(self.now(), [part()])
        lost = self.inbox.take(60)
        assert lost is not None
        self.clock.advance(60)
        lease = self.inbox.take(60)
        assert lease is not None
        assert lease.events == lost.events
        (event,) = lost.events
        assert not self.inbox.done(lost, event)
        assert not self.inbox.failed(lost, event, "late", None)
        assert not self.inbox.failed(lost, event, "late", self.clock.time())
        assert not self.inbox.handled(lost, event, "handler")
        assert not self.inbox.extend(lost, 600)
        self.inbox.release(lost)
        assert self.inbox.take(60) is None
        assert finish(self.inbox, lease) == [b"body"]
        assert self.inbox.counts() == (0, 0, None)

    def test_an_extended_lease_is_kept(self) -> None:
        self.inbox.put(self.now(), [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        self.clock.advance(59)
        assert self.inbox.extend(lease, 60)
        self.clock.advance(59)
        assert self.inbox.take(60) is None
        assert self.inbox.next_due() == self.clock.time() + 1
        self.clock.advance(1)
        assert self.inbox.take(60) is not None

    def test_a_mark_after_the_end_of_a_lease_counts_if_nobody_has_taken_it(
        self,
    ) -> None:
        self.inbox.put(self.now(), [part()])
        lease = self.inbox.take(60)
        self.clock.advance(600)
        assert finish(self.inbox, lease) == [b"body"]
        assert self.inbox.take(60) is None

    def test_what_is_given_back_is_taken_again_at_once(self) -> None:
        self.inbox.put(self.now("one"), [part()])
        self.inbox.put(self.now("two"), [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        assert self.inbox.done(lease, lease.events[0])
        self.inbox.release(lease)
        assert not self.inbox.done(lease, lease.events[1])
        assert drain(self.inbox) == [b"two"]

    def test_finished_handlers_are_remembered(self) -> None:
        self.inbox.put(self.now(), [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        for name in ("one", "two", "one", "é\0'"):
            assert self.inbox.handled(lease, lease.events[0], name)
        self.inbox.release(lease)
        again = self.inbox.take(60)
        assert again is not None
        assert again.events[0].handled_by == {"one", "two", "é\0'"}

    def test_a_failure_holds_up_its_entity_and_no_other(self) -> None:
        self.inbox.put(self.now("one"), [part()])
        self.inbox.put(self.now("two"), [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        assert self.inbox.failed(lease, lease.events[0], "boom", self.clock.time() + 30)
        assert not self.inbox.done(lease, lease.events[1])
        self.inbox.release(lease)
        self.inbox.put(self.now("three"), [part()])
        self.inbox.put(self.now("other"), [part("1/leads/2")])
        assert drain(self.inbox) == [b"other"]
        assert self.inbox.next_due() == self.clock.time() + 30
        self.clock.advance(30)
        again = self.inbox.take(60)
        assert again is not None
        assert [event.attempts for event in again.events] == [1, 0, 0]
        assert bodies(again) == [b"one", b"two", b"three"]

    def test_a_dead_event_holds_nothing_up_and_is_told(self) -> None:
        number = self.inbox.put(self.now("one"), [part("1/leads/2"), part(code="update_lead")])
        self.inbox.put(self.now("two"), [part()])
        leases = [self.inbox.take(60), self.inbox.take(60)]
        lease = next(one for one in leases if one is not None and one.key == "1/leads/1")
        leases.remove(lease)
        finish(self.inbox, leases[0])
        assert self.inbox.failed(lease, lease.events[0], "boom\x1b[2J\0" + "x" * 9_999, None)
        assert self.inbox.done(lease, lease.events[1])
        self.inbox.release(lease)
        assert self.inbox.take(60) is None
        assert self.inbox.counts() == (0, 1, None)
        (dead,) = self.inbox.dead()
        event = lease.events[0]
        assert dead[:5] == (event.id, number, 1, "update_lead", 1)
        assert dead.error.startswith(r"boom\x1b[2J\x00xxx")
        assert len(dead.error) < 3_000
        assert dead.delivery == event.delivery

    def die(self, *parts: Part, body: str = "body") -> list[int]:
        """Store a delivery whose events all die; return their ids."""
        self.inbox.put(self.now(body), parts)
        ids = []
        while (lease := self.inbox.take(60)) is not None:
            for event in lease.events:
                assert self.inbox.failed(lease, event, "boom", None)
                ids.append(event.id)
            self.inbox.release(lease)
        return ids

    def test_dead_events_are_replayed_by_their_ids(self) -> None:
        ids = self.die(part("1/leads/1"), part("1/leads/2"), part("1/leads/3"))
        assert [dead.id for dead in self.inbox.dead()] == sorted(ids)
        assert [dead.id for dead in self.inbox.dead(2)] == sorted(ids)[:2]
        assert self.inbox.replay([ids[0], ids[0], ids[1], 10**9]) == 2
        assert self.inbox.counts() == (2, 1, self.clock.time())
        lease = self.inbox.take(60)
        assert lease is not None
        (event,) = lease.events
        assert event.attempts == 0
        assert self.inbox.replay([event.id]) == 0, "it is undone already"

    def test_dead_events_are_replayed_by_time_and_code(self) -> None:
        for body in ("early", "late"):
            self.die(
                part("1/leads/1"), part("1/leads/2", "update_lead"),
                part("1/leads/3", "Update_Lead"), body=body,
            )  # fmt: skip
            self.clock.advance(100)
        assert self.inbox.replay(since=self.clock.time() - 100, code="update_lead") == 1
        assert drain(self.inbox) == [b"late"]
        assert self.inbox.replay(since=self.clock.time()) == 0
        assert self.inbox.replay(since=self.clock.time() - 100) == 2
        assert self.inbox.replay(code="update_lead") == 1
        assert self.inbox.replay() == 2
        assert sorted(drain(self.inbox)) == [b"early"] * 3 + [b"late"] * 2

    def test_done_events_are_replayed_on_demand_and_by_all_handlers(self) -> None:
        self.inbox.put(self.now(), [part(), part()])
        lease = self.inbox.take(60)
        assert lease is not None
        done, dead = lease.events
        for event in (done, dead):
            assert self.inbox.handled(lease, event, "one")
        assert self.inbox.failed(lease, dead, "boom", None)
        assert self.inbox.done(lease, done)
        self.inbox.release(lease)
        assert self.inbox.replay([done.id]) == 0
        assert self.inbox.replay(done=True) == 2
        again = self.inbox.take(60)
        assert again is not None
        assert [event.handled_by for event in again.events] == [set(), {"one"}]

    def test_what_is_replayed_during_a_lease_is_not_lost(self) -> None:
        ids = self.die(part(), body="dead")
        self.inbox.put(self.now("new"), [part()])
        lease = self.inbox.take(60)
        assert self.inbox.replay(ids) == 1
        assert self.inbox.take(60) is None
        finish(self.inbox, lease)
        assert drain(self.inbox) == [b"dead"]

    def test_a_lease_of_one_delivery(self) -> None:
        first = self.inbox.put(self.now("one"), [part("1/leads/1"), part("1/leads/2")])
        second = self.inbox.put(self.now("two"), [part("1/leads/1")])
        third = self.inbox.put(self.now("three"), [part("1/leads/3")])
        assert first is not None
        assert second is not None
        assert third is not None
        lease = self.inbox.take_of(second, 60)
        assert bodies(lease) == [b"one", b"two"], "in order, so the earlier one comes, too"
        assert self.inbox.take_of(second, 60) is None
        other = self.inbox.take_of(first, 60)
        assert other is not None
        assert other.key == "1/leads/2"
        assert self.inbox.take_of(first, 60) is None
        finish(self.inbox, lease)
        finish(self.inbox, other)
        assert self.inbox.take_of(first, 60) is None
        assert self.inbox.take_of(10**9, 60) is None
        assert drain(self.inbox) == [b"three"]

    def test_a_lease_of_one_entity(self) -> None:
        for number in range(3):
            self.inbox.put(self.now(f"{number}"), [part(f"1/leads/{number}")])
        lease = self.inbox.take(60, "1/leads/1")
        assert bodies(lease) == [b"1"]
        assert self.inbox.take(60, "1/leads/1") is None
        assert self.inbox.take(60, "1/leads/9") is None
        self.inbox.put(self.now("more"), [part("1/leads/1")])
        finish(self.inbox, lease)
        assert lease is not None
        assert finish(self.inbox, self.inbox.take(60, lease.key)) == [b"more"]
        assert drain(self.inbox) == [b"0", b"2"]

    def test_what_was_handed_over_and_not_taken_is_found(self) -> None:
        handed: list[int] = []
        self.inbox.hand_over(handed.append)
        first = self.inbox.put(self.now("one"), [part()])
        assert self.inbox.put(self.now("one"), [part()]) is None
        assert self.inbox.put(self.now("ping"), [])
        second = self.inbox.put(self.now("two"), [part("1/leads/2")])
        assert handed == [first, second]
        self.clock.advance(10)
        late = self.inbox.put(self.now("late"), [part("1/leads/3")])
        assert self.inbox.not_handed_over(11) == []
        assert self.inbox.not_handed_over(10) == [first, second]
        assert first is not None
        assert second is not None
        lease = self.inbox.take_of(first, 60)
        assert self.inbox.not_handed_over(0) == [second, late]
        self.clock.advance(60)
        assert self.inbox.not_handed_over(0) == [first, second, late], "its worker was killed"
        finish(self.inbox, lease)
        lease = self.inbox.take_of(second, 60)
        assert lease is not None
        assert self.inbox.failed(lease, lease.events[0], "boom", self.clock.time() + 30)
        assert self.inbox.not_handed_over(0) == [late]

    def test_a_broker_that_fails_costs_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail(_: int) -> None:
            raise ConnectionError("no broker")

        self.inbox.hand_over(fail)
        with caplog.at_level(logging.WARNING):
            number = self.inbox.put(self.now(), [part()])
        assert number is not None
        assert f"delivery {number} was not handed over" in caplog.text
        assert self.inbox.not_handed_over(0) == [number]
        self.inbox.hand_over(None)
        assert self.inbox.put(self.now("two"), [part()])
        assert drain(self.inbox) == [b"body", b"two"]

    def test_counts_and_the_last_delivery_of_each_account(self) -> None:
        begin = self.clock.time()
        self.inbox.put(self.now("one"), [part(), part("1/leads/2")])
        self.clock.advance(10)
        self.inbox.put(self.now("two", account_id=2), [part("2/leads/1")])
        self.inbox.put(self.now("nobody's", account_id=None), [])
        self.clock.advance(10)
        self.inbox.put(self.now("made here", synthetic=True), [part()])
        assert self.inbox.counts() == (4, 0, begin)
        assert self.inbox.last_received() == {1: begin, 2: begin + 10}
        drain(self.inbox)
        assert self.inbox.counts() == (0, 0, None)
        assert self.inbox.last_received() == {1: begin, 2: begin + 10}

    def test_old_done_deliveries_are_purged_and_no_others(self) -> None:
        for number in range(5):
            self.inbox.put(self.now(f"done {number}"), [part(f"1/leads/{number}")])
        drain(self.inbox)
        ids = self.die(part("1/leads/8"), part("1/leads/9"), body="dead")
        self.inbox.put(self.now("undone"), [part()])
        self.clock.advance(100)
        self.inbox.put(self.now("young"), [])
        assert self.inbox.purge(101) == 0
        assert self.inbox.purge(99, limit=3) == 3
        assert self.inbox.purge(99) == 2
        assert self.inbox.purge(99) == 0
        assert [dead.id for dead in self.inbox.dead()] == ids
        assert self.inbox.replay(ids[:1]) == 1
        assert sorted(drain(self.inbox)) == [b"dead", b"undone"]
        assert self.inbox.purge(99) == 1, "one event of the dead delivery is still dead"
        assert self.inbox.replay() == 1
        drain(self.inbox)
        assert self.inbox.purge(99) == 1
        assert self.inbox.purge(-1) == 1
        assert self.inbox.replay(done=True) == 0

    def test_a_purged_body_is_new(self) -> None:
        self.inbox.put(self.now(), [part()])
        drain(self.inbox)
        self.clock.advance(1)
        assert self.inbox.purge(0) == 1
        assert self.inbox.put(self.now(), [part()]) is not None
        assert drain(self.inbox) == [b"body"]

    def test_what_came_about_an_entity_is_told(self) -> None:
        begin = self.clock.time()
        self.inbox.put(self.now("a"), [part(happened_at=int(begin)), part(code="note_lead")])
        self.inbox.put(self.now("b"), [part(happened_at=int(begin) - 50), part("1/leads/2")])
        found = self.inbox.arrived(["1/leads/1", "1/leads/3"], begin - 1)
        assert found.keys() == {"1/leads/1", "1/leads/3"}
        assert found["1/leads/3"] == []
        assert {one[1:] for one in found["1/leads/1"]} == {
            ("add_lead", int(begin), begin), ("note_lead", None, begin),
        }  # fmt: skip
        assert len(self.inbox.arrived(["1/leads/1"], begin - 50)["1/leads/1"]) == 3

    def test_numbers_that_no_column_holds_are_left_out(self) -> None:
        for number in (-(2**63), 2**63 - 1):
            self.inbox.put(delivery(f"{number}"), [part("1/leads/2", happened_at=number)])
        for number in (2**63, -(2**63) - 1, 10**40):
            parts = [part("1/leads/3", happened_at=number)]
            self.inbox.put(delivery(f"{number}", account_id=number), parts)
        fitting = self.inbox.arrived(["1/leads/2"], -(2**63))["1/leads/2"]
        assert {one.happened_at for one in fitting} == {-(2**63), 2**63 - 1}
        assert [one.happened_at for one in self.inbox.arrived(["1/leads/3"], 0)["1/leads/3"]] == [
            None
        ] * 3
        assert self.inbox.last_received() == {1: 1_700_000_000.25}
        drain(self.inbox)
        number = 10**40
        assert self.inbox.put(delivery(account_id=number), [part(happened_at=number)]) is not None
        (arrival,) = self.inbox.arrived(["1/leads/1"], 0)["1/leads/1"]
        assert arrival.happened_at is None
        lease = self.inbox.take(60)
        assert lease is not None
        assert lease.events[0].delivery == delivery(account_id=None)

    def test_hostile_keys_are_different_keys(self) -> None:
        self.inbox.put(self.now(), [part(key) for key in HOSTILE])
        leases = [lease for _ in HOSTILE if (lease := self.inbox.take(60)) is not None]
        positions = sorted(event.position for lease in leases for event in lease.events)
        assert positions == list(range(len(HOSTILE)))
        assert len({lease.key for lease in leases}) == len(HOSTILE)
        assert self.inbox.take(60) is None
        for lease in leases[:3]:
            finish(self.inbox, lease)
        assert self.inbox.counts().undone == len(HOSTILE) - 3
        assert all(len(arrivals) == 1 for arrivals in self.inbox.arrived(HOSTILE, 0).values())

    def test_hostile_codes_are_different_codes(self) -> None:
        self.die(*(part(code=code) for code in HOSTILE))
        for code in HOSTILE:
            assert self.inbox.replay(code=code) == 1
        assert self.inbox.replay() == 0

    def test_a_body_of_a_megabyte_with_any_bytes(self) -> None:
        body = bytes(range(256)) * 4096
        assert self.inbox.put(delivery(body), [part(), part("1/leads/2")]) is not None
        assert self.inbox.put(delivery(body), []) is None
        assert drain(self.inbox) == [body, body]

    def test_a_delivery_of_thousands_of_events(self) -> None:
        parts = [part(f"1/leads/{number % 700}") for number in range(2_100)]
        assert self.inbox.put(self.now(), parts) is not None
        assert self.inbox.counts().undone == 2_100
        lease = self.inbox.take(60)
        assert lease is not None
        assert len(lease.events) == 3
        finish(self.inbox, lease)
        assert self.inbox.counts().undone == 2_097

    def test_a_lease_holds_a_bounded_number_of_events(self) -> None:
        self.inbox.put(self.now(), [part() for _ in range(LEASED + 1)])
        lease = self.inbox.take(60)
        assert lease is not None
        assert [event.position for event in lease.events] == list(range(LEASED))
        finish(self.inbox, lease)
        rest = self.inbox.take(60)
        assert rest is not None
        assert [event.position for event in rest.events] == [LEASED]

    def test_threads_store_the_same_body_once(self) -> None:
        # With events of different entities and of none, so that no queue keeps them apart.
        parts = [[part(f"1/leads/{number}")] if number else [] for number in range(3)]
        found = self.at_once(lambda number: self.inbox.put(self.now(), parts[number % 3]))
        assert len([number for number in found if number is not None]) == 1
        assert len(drain(self.inbox)) <= 1
        assert self.inbox.counts() == (0, 0, None)

    def test_threads_store_an_old_body_anew_once(self) -> None:
        self.inbox.put(self.now(), [part()])
        self.clock.advance(UNIQUE_FOR)
        found = self.at_once(lambda _: self.inbox.put(self.now(), [part()]))
        assert len([number for number in found if number is not None]) == 1
        assert drain(self.inbox) == [b"body"] * 2

    def test_threads_take_different_entities(self) -> None:
        for number in range(12):
            self.inbox.put(self.now(f"{number}"), [part(f"1/leads/{number % 6}")])
        leases = [
            lease for lease in self.at_once(lambda _: self.inbox.take(60)) if lease is not None
        ]
        assert len({lease.key for lease in leases}) == 6
        assert all(len(lease.events) == 2 for lease in leases)

    def test_putters_and_workers_at_once_lose_nothing_and_keep_the_order(
        self,
    ) -> None:
        entities, each = 3, 12
        handled: dict[str, list[bytes]] = {}
        ended: list[int] = []
        failed = threading.Event()  # Then nobody waits for what does not come.

        def put(number: int) -> int:
            for turn in range(each):
                parts = [part(f"1/leads/{at % entities}") for at in (number, number + 1)]
                assert self.inbox.put(self.now(f"{number} {turn:03}"), parts) is not None
            ended.append(number)
            return 0

        def handle() -> int:
            count = 0
            while not failed.is_set() and (len(ended) < entities or self.inbox.counts().undone):
                lease = self.inbox.take(60)
                if lease is not None:
                    # Nobody else has this entity, so nobody else appends here.
                    handled.setdefault(lease.key, []).extend(bodies(lease))
                    count += len(finish(self.inbox, lease))
            return count

        def work(number: int) -> int:
            try:
                return put(number) if number < entities else handle()
            except BaseException:
                failed.set()
                raise

        assert sum(self.at_once(work, entities + 3)) == 2 * entities * each
        assert self.inbox.counts() == (0, 0, None)
        assert self.inbox.next_due() is None
        for entity in range(entities):
            for number in (entity, (entity - 1) % entities):
                mine = [
                    body
                    for body in handled[f"1/leads/{entity}"]
                    if body.startswith(f"{number} ".encode())
                ]
                assert mine == [f"{number} {turn:03}".encode() for turn in range(each)]

    def at_once(self, work: Callable[[int], Any], threads: int = 6) -> list[Any]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, range(threads), timeout=100))

    def test_an_event_that_is_gone_is_marked_by_nobody(self) -> None:
        self.inbox.put(self.now(), [part()])
        lease = self.inbox.take(60)
        assert lease is not None
        unknown = StoredEvent(10**9, 1, 0, 0, frozenset(), lease.events[0].delivery)
        assert not self.inbox.done(lease, unknown)
        assert not self.inbox.handled(lease, unknown, "one")
        assert not self.inbox.failed(lease, unknown, "boom", None)
