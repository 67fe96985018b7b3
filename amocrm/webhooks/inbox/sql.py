"""An inbox in a database: SQLite for one host, PostgreSQL, MySQL or MariaDB for several.

Instants are those of the hosts' clocks: keep them together with NTP. A clock that is ahead by some
seconds shortens the leases of the others by as much.

Needs the extra `sql` and the driver of the database. PostgreSQL from 9.5, MySQL from 8.0, MariaDB
from 10.6: older versions cannot skip a locked row.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from amocrm._support.clock import Clock, SystemClock
from amocrm.errors import InboxError, printable
from amocrm.stores.database import sa
from amocrm.stores.transactions import DatabaseTransactions
from amocrm.webhooks.inbox.inbox import (
    LEASED,
    UNIQUE_FOR,
    Lease,
    Part,
    RawDelivery,
    StoredEvent,
)
from amocrm.webhooks.inbox.names import digest_of, name_of, stored_number
from amocrm.webhooks.inbox.rows import DeliveryRows, Row, event_rows, stored_event
from amocrm.webhooks.inbox.sql_listing import SQLListing
from amocrm.webhooks.inbox.tables import DEAD, DONE, UNDONE, describe_tables

if TYPE_CHECKING:
    from amocrm.webhooks.inbox.encryption import BodyEncryption

PATIENCE: Final = 1.5
"""Seconds that a `put` may take."""

_log: Final = logging.getLogger("amocrm.webhooks")


class SQLInbox(SQLListing):
    """Keeps deliveries in tables. Safe for threads, processes and hosts that share the database.

    Args:
        engine: an engine of yours, or a URL; no connection is opened yet. Engines of yours need
            time limits of their own for opening a connection.
        keys: of `EncryptedStore.new_key`; the first one encrypts bodies, and all of them decrypt.
            None: bodies are not encrypted. Bodies that were stored without keys stay readable.
        table_prefix: of the names of the tables; `create_table` creates them.
        hand_over: see the method.
        patience: seconds that a `put` may take: amoCRM waits for an answer for two.
        clock: the time of leases and pauses.

    Raises:
        ConfigurationError: the URL, the driver or a key is wrong, or the database is in memory.
    """

    def __init__(
        self,
        engine: sa.Engine | str,
        *,
        keys: str | Iterable[str] | None = None,
        table_prefix: str = "amocrm_",
        hand_over: Callable[[int], object] | None = None,
        patience: float = PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        tables = describe_tables(table_prefix)
        rows = DeliveryRows(tables.deliveries, None if keys is None else _encryption(keys))
        database = DatabaseTransactions(engine, raises=InboxError, tables=tables, patience=patience)
        super().__init__(database, tables, rows, clock or SystemClock())
        self._hand_over = hand_over

    def __repr__(self) -> str:
        return f"SQLInbox({self._database!r}, {self._tables.deliveries.name!r})"

    def create_table(self) -> None:
        """Create missing tables; several processes may do so at the same time."""
        self._database.create_tables()

    def close(self) -> None:
        """Close the connections, unless the engine is yours; a later call opens new ones."""
        self._database.close()

    def hand_over(self, call: Callable[[int], object] | None) -> None:
        """Call something with the id of each delivery that was stored: a task queue's `delay`.

        An exception of it is logged: `not_handed_over` returns the delivery later.
        """
        self._hand_over = call

    def put(self, delivery: RawDelivery, parts: Sequence[Part]) -> int | None:
        """Store a delivery durably; see `Inbox`."""
        delivery = replace(delivery, account_id=stored_number(delivery.account_id))
        digest = digest_of(delivery)
        row = self._rows.row(delivery, digest)
        # In one order for all, so that two of them cannot wait for each other.
        names = sorted({name_of(part.key) for part in parts})
        attempts = 0

        def store(connection: sa.Connection) -> int | None:
            nonlocal attempts
            attempts += 1
            if names:
                due = self._clock.time()
                queues = [{"name": name, "due_at": due} for name in names]
                connection.execute(self._insert_queue, queues)
            # Looked for only after an insertion has failed: repeated deliveries are rare.
            is_unique = attempts > 1 and not delivery.recurs
            if is_unique and self._is_repeated(connection, digest, delivery.received_at):
                return None
            inserted = connection.execute(self._insert_delivery, row)
            (delivery_id,) = inserted.inserted_primary_key or (0,)
            if parts:
                connection.execute(self._insert_event, list(event_rows(delivery_id, parts)))
            return int(delivery_id)

        delivery_id = self._database.run("store a delivery", store)
        if delivery_id is not None and parts:
            self._call(delivery_id)
        return delivery_id

    def take(self, lease: float, key: str | None = None) -> Lease | None:
        """Lease the queue that is due for longest; see `Inbox`."""
        which = [] if key is None else [self._tables.queues.c.name == key]
        return self._take(lease, lambda _: which)

    def take_of(self, delivery_id: int, lease: float) -> Lease | None:
        """Lease a queue that holds an event of one delivery; see `Inbox`."""
        events = self._tables.events.c

        def its_queues(connection: sa.Connection) -> list[sa.ColumnElement[bool]]:
            mine = (events.delivery_id == delivery_id) & (events.state == UNDONE)
            names = connection.execute(sa.select(events.queue).where(mine).distinct()).scalars()
            return [self._tables.queues.c.name.in_(list(names))]

        return self._take(lease, its_queues)

    def extend(self, lease: Lease, seconds: float) -> bool:
        """Keep a lease for some more seconds; see `Inbox`."""
        due = {"due_at": self._clock.time() + seconds}
        change = sa.update(self._tables.queues).where(self._owned(lease)).values(due)
        return self._change("extend a lease", change)

    def handled(self, lease: Lease, event: StoredEvent, handler: str) -> bool:
        """Remember that one handler has finished; see `Inbox`."""
        events = self._tables.events

        def add(connection: sa.Connection) -> bool:
            mine = self._event(lease, event)
            names = connection.execute(
                sa.select(events.c.handled_by).where(mine).with_for_update()
            ).scalar()
            if names is None:
                return False
            handlers = json.dumps(sorted({*json.loads(names), handler}))
            connection.execute(sa.update(events).where(mine).values(handled_by=handlers))
            return True

        return self._run("mark an event", add)

    def done(self, lease: Lease, event: StoredEvent) -> bool:
        """Mark an event as done; see `Inbox`."""
        fresh = {"state": DONE, "done_at": self._clock.time()}
        change = sa.update(self._tables.events).where(self._event(lease, event)).values(fresh)
        return self._change("mark an event", change)

    def failed(self, lease: Lease, event: StoredEvent, error: str, retry_at: float | None) -> bool:
        """Count a failure; see `Inbox`."""
        _, events, queues = self._tables
        # Not counted by the database: this may be done twice.
        fresh: dict[str, object] = {"attempts": event.attempts + 1, "error": printable(error)}
        if retry_at is None:
            fresh |= {"state": DEAD, "done_at": self._clock.time()}
        count = sa.update(events).where(self._event(lease, event)).values(fresh)
        wait = sa.update(queues).where(self._owned(lease)).values(due_at=retry_at, owner=None)

        def work(connection: sa.Connection) -> bool:
            is_mine = connection.execute(count).rowcount == 1
            if is_mine and retry_at is not None:
                connection.execute(wait)
            return is_mine

        return self._run("mark an event", work)

    def release(self, lease: Lease) -> None:
        """Give a queue back; see `Inbox`."""
        _, events, queues = self._tables
        mine = self._owned(lease)
        undone = (events.c.queue == lease.key) & (events.c.state == UNDONE)

        def work(connection: sa.Connection) -> None:
            # Locked first: whoever adds an event waits, and its event is seen below.
            if not _has(connection, sa.select(queues.c.name).where(mine).with_for_update()):
                return
            if _has(connection, sa.select(events.c.id).where(undone).limit(1)):
                fresh = {"due_at": self._clock.time(), "owner": None}
                connection.execute(sa.update(queues).where(mine).values(fresh))
            else:
                connection.execute(sa.delete(queues).where(mine))

        self._run("release a queue", work)

    def _take(
        self,
        seconds: float,
        which: Callable[[sa.Connection], list[sa.ColumnElement[bool]]],
    ) -> Lease | None:
        _, events, queues = self._tables
        owner = os.urandom(16).hex()
        undone = (
            sa.select(events).where(events.c.state == UNDONE).order_by(events.c.id).limit(LEASED)
        )

        def work(connection: sa.Connection) -> tuple[str, Sequence[Row], dict[int, Row]] | None:
            now = self._clock.time()
            query = (
                sa.select(queues.c.name)
                .where(queues.c.due_at <= now, *which(connection))
                .order_by(queues.c.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            while (name := connection.execute(query).scalar()) is not None:
                its = undone.where(events.c.queue == name)
                rows = connection.execute(its).mappings().all()
                here = queues.c.name == name
                if rows:
                    fresh = {"due_at": now + seconds, "owner": owner}
                    connection.execute(sa.update(queues).where(here).values(fresh))
                    ids = {int(row["delivery_id"]) for row in rows}
                    return str(name), rows, self._rows.fetch(connection, ids)
                # Its owner died after the last event.
                connection.execute(sa.delete(queues).where(here))
            return None

        taken = self._run("take a queue", work)
        if taken is None:
            return None
        name, rows, found = taken
        # Decrypted after the commit: what no key decrypts must not be taken again at once.
        deliveries = {number: self._rows.delivery(row) for number, row in found.items()}
        return Lease(name, owner, tuple(stored_event(row, deliveries) for row in rows))

    def _is_repeated(self, connection: sa.Connection, digest: str, received_at: float) -> bool:
        """Whether the same body came recently; an older one loses its digest to the new one."""
        deliveries = self._tables.deliveries
        there = deliveries.c.digest == digest
        last = connection.execute(sa.select(deliveries.c.received_at).where(there)).scalar()
        if last is not None and received_at - last < UNIQUE_FOR:
            return True
        connection.execute(sa.update(deliveries).where(there).values(digest=None))
        return False

    def _owned(self, lease: Lease) -> sa.ColumnElement[bool]:
        queues = self._tables.queues.c
        return (queues.name == lease.key) & (queues.owner == lease.owner)

    def _event(self, lease: Lease, event: StoredEvent) -> sa.ColumnElement[bool]:
        """Select an event, unless the lease has been lost."""
        events = self._tables.events.c
        mine = (events.id == event.id) & (events.queue == lease.key)
        return mine & sa.exists().where(self._owned(lease))

    def _change(self, what: str, change: sa.Update) -> bool:
        return self._run(what, lambda connection: connection.execute(change).rowcount == 1)

    def _call(self, delivery_id: int) -> None:
        if self._hand_over is None:
            return
        try:
            self._hand_over(delivery_id)
        except Exception:
            _log.warning("delivery %d was not handed over; the sweep returns it", delivery_id,
                         exc_info=True)  # fmt: skip


def _has(connection: sa.Connection, query: sa.Select[tuple[int]] | sa.Select[tuple[str]]) -> bool:
    return connection.execute(query).first() is not None


def _encryption(keys: str | Iterable[str]) -> BodyEncryption:
    from amocrm.webhooks.inbox.encryption import BodyEncryption

    return BodyEncryption(keys)
