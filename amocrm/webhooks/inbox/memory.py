"""An inbox in memory, for tests and small scripts: what is in it ends with the process."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from amocrm._support.clock import Clock, SystemClock
from amocrm._support.forks import ForkLock
from amocrm.errors import printable
from amocrm.webhooks.inbox.inbox import (
    LEASED,
    UNIQUE_FOR,
    Arrival,
    Counts,
    DeadEvent,
    Lease,
    Part,
    RawDelivery,
    StoredEvent,
)
from amocrm.webhooks.inbox.names import digest_of, name_of, stored_number

_log: Final = logging.getLogger("amocrm.webhooks")


@dataclass
class _Event:
    """One event; its state is undone, done or dead."""

    id: int
    delivery_id: int
    position: int
    queue: str
    code: str
    happened_at: int | None
    state: str = "undone"
    attempts: int = 0
    handled_by: frozenset[str] = frozenset()
    error: str = ""


@dataclass
class _Queue:
    """An entity with undone events; a lease and a pause after a failure are later instants."""

    due_at: float
    owner: str | None = None


class MemoryInbox:
    """Keeps deliveries in memory. Safe for threads; other processes do not see them.

    Args:
        hand_over: see the method.
        clock: the time of leases and pauses.
    """

    def __init__(
        self,
        *,
        hand_over: Callable[[int], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._hand_over = hand_over
        self._clock = clock or SystemClock()
        self._lock = ForkLock()
        self._deliveries: dict[int, RawDelivery] = {}
        self._digests: dict[str, float] = {}
        self._events: dict[int, _Event] = {}
        self._queues: dict[str, _Queue] = {}
        self._delivery_id = self._event_id = 0

    def __repr__(self) -> str:
        return "MemoryInbox()"

    def hand_over(self, call: Callable[[int], object] | None) -> None:
        """Call something with the id of each delivery that was stored; see `SQLInbox`."""
        self._hand_over = call

    def put(self, delivery: RawDelivery, parts: Sequence[Part]) -> int | None:
        """Store a delivery; see `Inbox`."""
        delivery = replace(delivery, account_id=stored_number(delivery.account_id))
        digest = digest_of(delivery)
        with self._lock:
            last = self._digests.get(digest)
            if not delivery.recurs:
                if last is not None and delivery.received_at - last < UNIQUE_FOR:
                    return None
                self._digests[digest] = delivery.received_at
            self._delivery_id = delivery_id = self._delivery_id + 1
            self._deliveries[delivery_id] = delivery
            for position, part in enumerate(parts):
                self._event_id += 1
                self._events[self._event_id] = _Event(
                    self._event_id, delivery_id, position, name_of(part.key), name_of(part.code),
                    stored_number(part.happened_at),
                )  # fmt: skip
                self._queue(name_of(part.key))
        if self._hand_over is not None and parts:
            try:
                self._hand_over(delivery_id)
            except Exception:
                _log.warning("delivery %d was not handed over", delivery_id, exc_info=True)
        return delivery_id

    def take(self, lease: float, key: str | None = None) -> Lease | None:
        """Lease the queue that is due for longest; see `Inbox`."""
        with self._lock:
            names = [name for name in self._queues if key in (None, name)]
            return self._take(names, lease)

    def take_of(self, delivery_id: int, lease: float) -> Lease | None:
        """Lease a queue that holds an event of one delivery; see `Inbox`."""
        with self._lock:
            mine = [one for one in self._undone() if one.delivery_id == delivery_id]
            return self._take([one.queue for one in mine], lease)

    def extend(self, lease: Lease, seconds: float) -> bool:
        """Keep a lease for some more seconds; see `Inbox`."""
        with self._lock:
            queue = self._owned(lease)
            if queue is not None:
                queue.due_at = self._clock.time() + seconds
            return queue is not None

    def handled(self, lease: Lease, event: StoredEvent, handler: str) -> bool:
        """Remember that one handler has finished; see `Inbox`."""
        with self._lock:
            mine = self._mine(lease, event)
            if mine is not None:
                mine.handled_by |= {handler}
            return mine is not None

    def done(self, lease: Lease, event: StoredEvent) -> bool:
        """Mark an event as done; see `Inbox`."""
        with self._lock:
            mine = self._mine(lease, event)
            if mine is not None:
                mine.state = "done"
            return mine is not None

    def failed(self, lease: Lease, event: StoredEvent, error: str, retry_at: float | None) -> bool:
        """Count a failure; see `Inbox`."""
        with self._lock:
            queue, mine = self._owned(lease), self._mine(lease, event)
            if queue is None or mine is None:
                return False
            mine.attempts, mine.error = event.attempts + 1, printable(error)
            if retry_at is None:
                mine.state = "dead"
            else:
                queue.due_at, queue.owner = retry_at, None
            return True

    def release(self, lease: Lease) -> None:
        """Give a queue back; see `Inbox`."""
        with self._lock:
            queue = self._owned(lease)
            if queue is None:
                return
            queue.due_at, queue.owner = self._clock.time(), None
            if not any(one.queue == lease.key for one in self._undone()):
                del self._queues[lease.key]

    def next_due(self) -> float | None:
        """Return the Unix seconds at which the next queue is due; see `Inbox`."""
        with self._lock:
            return min((queue.due_at for queue in self._queues.values()), default=None)

    def arrived(self, keys: Sequence[str], since: float) -> dict[str, list[Arrival]]:
        """Return for each entity what came about changes since some instant; see `Inbox`."""
        found: dict[str, list[Arrival]] = {key: [] for key in keys}
        names = {name_of(key): found[key] for key in keys}
        with self._lock:
            for event in self._events.values():
                arrivals = names.get(event.queue)
                if arrivals is not None:
                    received_at = self._deliveries[event.delivery_id].received_at
                    one = Arrival(event.id, event.code, event.happened_at, received_at)
                    if one.instant >= since:
                        arrivals.append(one)
        return found

    def counts(self) -> Counts:
        """Return how much is undone and dead; see `Inbox`."""
        with self._lock:
            undone = self._undone()
            dead = sum(event.state == "dead" for event in self._events.values())
            oldest = self._deliveries[undone[0].delivery_id].received_at if undone else None
            return Counts(len(undone), dead, oldest)

    def last_received(self) -> dict[int, float]:
        """Return for each account the time of its last delivery; see `Inbox`."""
        found: dict[int, float] = {}
        with self._lock:
            for one in self._deliveries.values():
                if one.account_id is not None and not one.synthetic:
                    before = found.get(one.account_id, one.received_at)
                    found[one.account_id] = max(before, one.received_at)
        return found

    def dead(self, limit: int = 100) -> list[DeadEvent]:
        """Return the dead events, the oldest first; see `Inbox`."""
        with self._lock:
            dead = [event for event in self._events.values() if event.state == "dead"]
            return [
                DeadEvent(
                    one.id, one.delivery_id, one.position, one.code, one.attempts, one.error,
                    self._deliveries[one.delivery_id],
                )
                for one in dead[:limit]
            ]  # fmt: skip

    def replay(
        self,
        ids: Sequence[int] = (),
        *,
        since: float | None = None,
        code: str | None = None,
        done: bool = False,
    ) -> int:
        """Make dead events undone again; see `Inbox`."""
        states = ("dead", "done") if done else ("dead",)
        count = 0
        with self._lock:
            for event in self._events.values():
                received_at = self._deliveries[event.delivery_id].received_at
                is_meant = event.id in ids if ids else (
                    (since is None or received_at >= since)
                    and (code is None or event.code == name_of(code))
                )  # fmt: skip
                if is_meant and event.state in states:
                    # A done event is handled by all again; a dead one by the others.
                    event.handled_by = frozenset() if event.state == "done" else event.handled_by
                    event.state, event.attempts = "undone", 0
                    self._queue(event.queue)
                    count += 1
        return count

    def not_handed_over(self, older_than: float) -> list[int]:
        """Return deliveries with undone events that nobody has taken; see `Inbox`."""
        now = self._clock.time()
        with self._lock:
            due = {name for name, queue in self._queues.items() if queue.due_at <= now}
            ids = {one.delivery_id for one in self._undone() if one.queue in due}
            last = now - older_than
            return sorted(one for one in ids if self._deliveries[one].received_at <= last)

    def purge(self, older_than: float, limit: int = 1000) -> int:
        """Delete deliveries that are done and older; see `Inbox`."""
        before = self._clock.time() - older_than
        with self._lock:
            kept = {one.delivery_id for one in self._events.values() if one.state != "done"}
            old = [
                number
                for number, delivery in self._deliveries.items()
                if delivery.received_at < before and number not in kept
            ][:limit]
            for number in old:
                digest = digest_of(self._deliveries[number])
                if self._digests.get(digest) == self._deliveries.pop(number).received_at:
                    del self._digests[digest]
            gone = set(old)
            self._events = {
                number: event
                for number, event in self._events.items()
                if event.delivery_id not in gone
            }
        return len(old)

    def _undone(self) -> list[_Event]:
        return [event for event in self._events.values() if event.state == "undone"]

    def _queue(self, name: str) -> None:
        self._queues.setdefault(name, _Queue(self._clock.time()))

    def _owned(self, lease: Lease) -> _Queue | None:
        """Return the queue of a lease; None if the lease has been lost."""
        queue = self._queues.get(lease.key)
        return queue if queue is not None and queue.owner == lease.owner else None

    def _mine(self, lease: Lease, event: StoredEvent) -> _Event | None:
        """Return an event; None if the lease has been lost."""
        return None if self._owned(lease) is None else self._events.get(event.id)

    def _take(self, names: Sequence[str], seconds: float) -> Lease | None:
        now = self._clock.time()
        due = [name for name in names if self._queues[name].due_at <= now]
        for name in sorted(due, key=lambda name: self._queues[name].due_at):
            events = [one for one in self._undone() if one.queue == name][:LEASED]
            if not events:  # Its owner ended after the last event.
                del self._queues[name]
                continue
            owner = os.urandom(16).hex()
            self._queues[name] = _Queue(now + seconds, owner)
            return Lease(name, owner, tuple(self._stored(event) for event in events))
        return None

    def _stored(self, event: _Event) -> StoredEvent:
        return StoredEvent(
            event.id, event.delivery_id, event.position, event.attempts, event.handled_by,
            self._deliveries[event.delivery_id],
        )  # fmt: skip
