"""What people and periodic tasks ask of an inbox in a database: counts, dead events, old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from amocrm._support.clock import Clock
from amocrm.stores.database import sa
from amocrm.stores.transactions import DatabaseTransactions
from amocrm.webhooks.inbox.inbox import Arrival, Counts, DeadEvent
from amocrm.webhooks.inbox.names import name_of
from amocrm.webhooks.inbox.rows import DeliveryRows, Row, dead_event
from amocrm.webhooks.inbox.tables import DEAD, DONE, UNDONE, Tables

T = TypeVar("T")

CHUNK: Final = 500
"""The largest number of values or rows in one statement."""
LONGER: Final = 15.0
"""Seconds that everything but a `put` may take: nobody waits for an answer."""
SWEPT: Final = 1000
"""The largest number of deliveries that `not_handed_over` returns."""


class SQLReports:
    """A part of `SQLInbox`.

    Args:
        database: runs the transactions.
        tables: of the inbox.
        rows: of its deliveries.
        clock: the time of leases and pauses.
    """

    def __init__(
        self, database: DatabaseTransactions, tables: Tables, rows: DeliveryRows, clock: Clock
    ) -> None:
        self._database = database
        self._tables = tables
        self._rows = rows
        self._clock = clock
        # Made once: making a statement takes longer than many a database does.
        self._insert_delivery = sa.insert(tables.deliveries)
        self._insert_event = sa.insert(tables.events)
        self._insert_queue = database.insert_or_lock(tables.queues)

    def next_due(self) -> float | None:
        """Return the Unix seconds at which the next queue is due; see `Inbox`."""
        first = sa.func.min(self._tables.queues.c.due_at).label("due_at")
        (row,) = self._read("read the queues", sa.select(first))
        return None if row["due_at"] is None else float(row["due_at"])

    def arrived(self, keys: Sequence[str], since: float) -> dict[str, list[Arrival]]:
        """Return for each entity what came about changes since some instant; see `Inbox`."""
        deliveries, events, _ = (table.c for table in self._tables)
        found: dict[str, list[Arrival]] = {key: [] for key in keys}
        names = {name_of(key): found[key] for key in keys}
        instant = sa.func.coalesce(events.happened_at, deliveries.received_at)
        columns = events.queue, events.id, events.code, events.happened_at, deliveries.received_at
        for some in _chunks(list(names)):
            query = (
                sa.select(*columns)
                .join(self._tables.deliveries, deliveries.id == events.delivery_id)
                .where(events.queue.in_(some), instant >= since)
            )
            for row in self._read("read the events", query):
                at, received_at = row["happened_at"], float(row["received_at"])
                one = Arrival(int(row["id"]), str(row["code"]), at, received_at)
                names[row["queue"]].append(one)
        return found

    def counts(self) -> Counts:
        """Return how much is undone and dead; see `Inbox`."""
        deliveries, events, _ = (table.c for table in self._tables)
        undone, dead = (
            sa.select(sa.func.count()).where(events.state == state).scalar_subquery()
            for state in (UNDONE, DEAD)
        )
        first = sa.select(sa.func.min(events.id)).where(events.state == UNDONE).scalar_subquery()
        its = sa.select(events.delivery_id).where(events.id == first).scalar_subquery()
        oldest = sa.select(deliveries.received_at).where(deliveries.id == its).scalar_subquery()
        query = sa.select(undone.label("undone"), dead.label("dead"), oldest.label("oldest"))
        (row,) = self._read("count the events", query)
        return Counts(int(row["undone"]), int(row["dead"]), row["oldest"])

    def last_received(self) -> dict[int, float]:
        """Return for each account the time of its last delivery; see `Inbox`."""
        columns = self._tables.deliveries.c
        last = sa.func.max(columns.received_at).label("last")
        query = (
            sa.select(columns.account_id, last)
            .where(columns.account_id.is_not(None), columns.synthetic.is_(False))
            .group_by(columns.account_id)
        )
        rows = self._read("read the deliveries", query)
        return {int(row["account_id"]): float(row["last"]) for row in rows}

    def dead(self, limit: int = 100) -> list[DeadEvent]:
        """Return the dead events, the oldest first; see `Inbox`."""
        events = self._tables.events
        query = sa.select(events).where(events.c.state == DEAD).order_by(events.c.id).limit(limit)

        def read(connection: sa.Connection) -> tuple[Sequence[Row], dict[int, Row]]:
            rows = connection.execute(query).mappings().all()
            ids = {int(row["delivery_id"]) for row in rows}
            return rows, self._rows.fetch(connection, ids)

        rows, found = self._run("read the dead events", read, is_read=True)
        deliveries = {number: self._rows.delivery(row) for number, row in found.items()}
        return [dead_event(row, deliveries) for row in rows if row["delivery_id"] in deliveries]

    def replay(
        self,
        ids: Sequence[int] = (),
        *,
        since: float | None = None,
        code: str | None = None,
        done: bool = False,
    ) -> int:
        """Make dead events undone again; see `Inbox`."""
        states = [DEAD, DONE] if done else [DEAD]
        if ids:
            return sum(self._replay(some, states) for some in _chunks(sorted(set(ids))))
        deliveries, events, _ = (table.c for table in self._tables)
        query = sa.select(events.id).order_by(events.id).limit(CHUNK)
        if since is not None:
            query = query.join(self._tables.deliveries, deliveries.id == events.delivery_id)
            query = query.where(deliveries.received_at >= since)
        if code is not None:
            query = query.where(events.code == name_of(code))
        total, last = 0, 0
        while True:
            more = query.where(events.state.in_(states), events.id > last)
            some = [int(row["id"]) for row in self._read("read the events", more)]
            if not some:
                return total
            total, last = total + self._replay(some, states), some[-1]

    def not_handed_over(self, older_than: float) -> list[int]:
        """Return deliveries with undone events that nobody has taken; see `Inbox`."""
        deliveries, events, queues = (table.c for table in self._tables)
        now = self._clock.time()
        query = (
            sa.select(events.delivery_id)
            .join(self._tables.queues, queues.name == events.queue)
            .join(self._tables.deliveries, deliveries.id == events.delivery_id)
            .where(events.state == UNDONE, queues.due_at <= now)
            .where(deliveries.received_at <= now - older_than)
            .distinct()
            .order_by(events.delivery_id)
            .limit(SWEPT)
        )
        return [int(row["delivery_id"]) for row in self._read("read the deliveries", query)]

    def purge(self, older_than: float, limit: int = 1000) -> int:
        """Delete deliveries that are done and older; see `Inbox`."""
        deliveries, events, _ = self._tables
        is_open = sa.exists().where(events.c.delivery_id == deliveries.c.id, events.c.state != DONE)
        query = (
            sa.select(deliveries.c.id)
            .where(deliveries.c.received_at < self._clock.time() - older_than, ~is_open)
            .order_by(deliveries.c.received_at)
            .limit(limit)
        )
        ids = [int(row["id"]) for row in self._read("read the deliveries", query)]
        return sum(self._delete(some) for some in _chunks(ids))

    def _delete(self, ids: Sequence[int]) -> int:
        """Delete deliveries, but for those that have been replayed since they were looked for."""
        deliveries, events, _ = self._tables
        # Locked, so that who replays one meanwhile waits, and finds that it is gone.
        states = (
            sa.select(events.c.delivery_id, events.c.state)
            .where(events.c.delivery_id.in_(ids))
            .order_by(events.c.id)
            .with_for_update()
        )

        def delete(connection: sa.Connection) -> int:
            is_open = {number for number, state in connection.execute(states) if state != DONE}
            closed = [number for number in ids if number not in is_open]
            connection.execute(sa.delete(events).where(events.c.delivery_id.in_(closed)))
            gone = sa.delete(deliveries).where(deliveries.c.id.in_(closed))
            return connection.execute(gone).rowcount

        return self._run("delete deliveries", delete)

    def _replay(self, ids: Sequence[int], states: Sequence[str]) -> int:
        events = self._tables.events
        those = events.c.id.in_(ids) & events.c.state.in_(states)

        def work(connection: sa.Connection) -> int:
            names = connection.execute(sa.select(events.c.queue).where(those).distinct()).scalars()
            due = self._clock.time()
            rows = [{"name": name, "due_at": due} for name in sorted(names)]
            if not rows:
                return 0
            connection.execute(self._insert_queue, rows)
            # A done event is handled by all again; a dead one by those that have not finished.
            handlers = sa.case((events.c.state == DONE, "[]"), else_=events.c.handled_by)
            change = sa.update(events).where(those)
            # In this order: MySQL sees the new state of a row in what follows.
            fresh = {"handled_by": handlers, "state": UNDONE, "attempts": 0, "done_at": None}
            return connection.execute(change.ordered_values(*fresh.items())).rowcount

        return self._run("replay events", work)

    def _read(self, what: str, query: sa.Executable) -> Sequence[Row]:
        def read(connection: sa.Connection) -> Sequence[Row]:
            return connection.execute(query).mappings().all()

        return self._run(what, read, is_read=True)

    def _run(self, what: str, work: Callable[[sa.Connection], T], *, is_read: bool = False) -> T:
        return self._database.run(what, work, patience=LONGER, is_read=is_read)


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
