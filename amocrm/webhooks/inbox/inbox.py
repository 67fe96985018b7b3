"""What an inbox promises, and the values that go in and out.

A delivery is stored with its raw body and with one row for each of its events. The undone events
of one entity (`Event.key`) form a queue. A worker leases a queue, handles its events in the order
of their arrival, and releases it; another worker cannot take an event of that entity meanwhile. A
lease that is not extended ends by itself, so that a killed worker loses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, runtime_checkable

from amocrm.webhooks.event import Event, Kind

UNIQUE_FOR: Final = 86_400.0
"""Seconds during which the same body is stored once."""
LEASED: Final = 50
"""The largest number of events of one lease."""


@dataclass(frozen=True)
class RawDelivery:
    """A delivery as it is stored: enough to read it again with a newer version of the library.

    Attributes:
        kind: who sent it; decided by the path, not by the body.
        account_id: of the account that the path belongs to; None if it is not known.
        path: where it came to, without its secret: `/account/12345`.
        content_type: of the body.
        body: the bytes as they came; of a GET, its query.
        received_at: Unix seconds.
        synthetic: made by `reconcile`.
        recurs: the same body may tell of another change, so that it is stored each time it comes.
            It is not stored itself.
    """

    kind: Kind
    account_id: int | None
    path: str
    content_type: str
    body: bytes
    received_at: float
    synthetic: bool = False
    recurs: bool = field(default=False, compare=False)


class Part(NamedTuple):
    """What the inbox keeps about one event, beside the body."""

    key: str
    code: str
    happened_at: int | None

    @classmethod
    def of(cls, event: Event) -> Part:
        """Describe an event."""
        return cls(event.key, event.code, event.happened_at)


class StoredEvent(NamedTuple):
    """One undone event of a leased queue.

    Attributes:
        id: of the event in the inbox.
        delivery_id: of its delivery in the inbox.
        position: of the event in `parse(...).events`.
        attempts: that have failed so far.
        handled_by: names of the handlers that have finished; they are not called again.
        delivery: what came.
    """

    id: int
    delivery_id: int
    position: int
    attempts: int
    handled_by: frozenset[str]
    delivery: RawDelivery


class Lease(NamedTuple):
    """The right to handle one entity's events.

    Attributes:
        key: `Event.key`, or a digest of it if it is long or unusual.
        owner: this lease.
        events: undone ones, in the order of their arrival.
    """

    key: str
    owner: str
    events: tuple[StoredEvent, ...]


class Arrival(NamedTuple):
    """An event that came: its id in the inbox, what it is, and when it happened and came here."""

    id: int
    code: str
    happened_at: int | None
    received_at: float

    @property
    def instant(self) -> float:
        """When it happened; of an event that does not say it, when it came."""
        return self.received_at if self.happened_at is None else self.happened_at


class Counts(NamedTuple):
    """The state of an inbox: numbers of events, and Unix seconds of the oldest undone one."""

    undone: int
    dead: int
    oldest_undone: float | None


class DeadEvent(NamedTuple):
    """An event whose handler failed too often."""

    id: int
    delivery_id: int
    position: int
    code: str
    attempts: int
    error: str
    delivery: RawDelivery


@runtime_checkable
class Inbox(Protocol):
    """A place for deliveries. Every method is safe for threads and, but for memory, processes.

    All raise InboxError if the place cannot be read or written; nothing is lost then.
    """

    def put(self, delivery: RawDelivery, parts: Sequence[Part]) -> int | None:
        """Store a delivery durably, before this returns.

        Returns:
            Its id; None if the same body came to the same path within `UNIQUE_FOR` seconds, unless
            it `recurs`.
        """
        ...

    def take(self, lease: float, key: str | None = None) -> Lease | None:
        """Lease the queue that is due for longest, for some seconds; None if none is due.

        With the `key` of a lease before, only that queue is leased, if it is due.
        Its events are at most `LEASED` undone ones, the oldest first.
        """
        ...

    def take_of(self, delivery_id: int, lease: float) -> Lease | None:
        """Lease a queue that holds an event of one delivery; None if none is free."""
        ...

    def extend(self, lease: Lease, seconds: float) -> bool:
        """Keep a lease for some more seconds; False if it has been lost."""
        ...

    def handled(self, lease: Lease, event: StoredEvent, handler: str) -> bool:
        """Remember that one handler has finished; False if the lease has been lost."""
        ...

    def done(self, lease: Lease, event: StoredEvent) -> bool:
        """Mark an event as done; False if the lease has been lost."""
        ...

    def failed(self, lease: Lease, event: StoredEvent, error: str, retry_at: float | None) -> bool:
        """Count a failure; False if the lease has been lost.

        With `retry_at` the lease ends, and the entity's queue waits until then. With None the event
        is dead, and does not hold up the later ones of its entity.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give a queue back; what is undone in it can be taken by anybody."""
        ...

    def next_due(self) -> float | None:
        """Return the Unix seconds at which the next queue is due; None if all is done."""
        ...

    def arrived(self, keys: Sequence[str], since: float) -> dict[str, list[Arrival]]:
        """Return for each entity what came about changes since some Unix seconds, done or not."""
        ...

    def counts(self) -> Counts:
        """Return how much is undone and dead."""
        ...

    def last_received(self) -> dict[int, float]:
        """Return for each account the Unix seconds of its last delivery that amoCRM sent."""
        ...

    def dead(self, limit: int = 100) -> list[DeadEvent]:
        """Return the dead events, the oldest first."""
        ...

    def replay(
        self,
        ids: Sequence[int] = (),
        *,
        since: float | None = None,
        code: str | None = None,
        done: bool = False,
    ) -> int:
        """Make dead events undone again (with `done=True`, done ones too); return how many.

        Without `ids`, all that arrived `since` and have the `code`.
        """
        ...

    def not_handed_over(self, older_than: float) -> list[int]:
        """Return deliveries with undone, due and unleased events that are older, in seconds.

        The oldest come first; of many, the others are returned when these are done.
        """
        ...

    def purge(self, older_than: float, limit: int = 1000) -> int:
        """Delete at most `limit` deliveries that are done and older, in seconds; how many."""
        ...
