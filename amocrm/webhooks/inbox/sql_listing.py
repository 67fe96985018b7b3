"""What people look at in an inbox in a database: events of any state, and what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from amocrm.stores.database import sa
from amocrm.webhooks.inbox.inbox import RawDelivery
from amocrm.webhooks.inbox.names import name_of
from amocrm.webhooks.inbox.rows import Row
from amocrm.webhooks.inbox.sql_reports import CHUNK, SQLReports


class ListedEvent(NamedTuple):
    """One event of any state.

    Attributes:
        id: of the event in the inbox.
        delivery_id: of its delivery in the inbox.
        position: of the event in `parse(...).events`.
        code: such as `add_lead`.
        key: the entity; a digest if it is long or unusual.
        state: `undone`, `done` or `dead`.
        attempts: that have failed.
        error: of the last one; it may contain a person's data.
        received_at: Unix seconds.
    """

    id: int
    delivery_id: int
    position: int
    code: str
    key: str
    state: str
    attempts: int
    error: str
    received_at: float


class SQLListing(SQLReports):
    """A part of `SQLInbox`."""

    def listed(
        self,
        ids: Sequence[int] = (),
        *,
        since: float | None = None,
        code: str | None = None,
        states: Sequence[str] = (),
    ) -> Iterator[ListedEvent]:
        """Return events, the newest first; read in parts, so any number takes the same memory.

        Args:
            ids: of the events; all of them if none are given.
            since: Unix seconds of the arrival, from which on they are returned.
            code: of the events; None for any.
            states: `undone`, `done`, `dead`; all of them if none are given.
        """
        deliveries, events, _ = self._tables
        query = (
            sa.select(events, deliveries.c.received_at)
            .join(deliveries, deliveries.c.id == events.c.delivery_id)
            .order_by(events.c.id.desc())
            .limit(CHUNK)
        )
        if ids:
            query = query.where(events.c.id.in_(ids))
        if since is not None:
            query = query.where(deliveries.c.received_at >= since)
        if code is not None:
            query = query.where(events.c.code == name_of(code))
        if states:
            query = query.where(events.c.state.in_(states))
        rows = self._read("read the events", query)
        while rows:
            yield from map(_listed, rows)
            older = query.where(events.c.id < int(rows[-1]["id"]))
            rows = self._read("read the events", older)

    def delivery(self, delivery_id: int) -> RawDelivery | None:
        """Return what came; None if there is no such delivery.

        Raises:
            InboxError: the body cannot be decrypted.
        """

        def read(connection: sa.Connection) -> Row | None:
            return self._rows.fetch(connection, [delivery_id]).get(delivery_id)

        row = self._run("read a delivery", read, is_read=True)
        return None if row is None else self._rows.delivery(row)


def _listed(row: Row) -> ListedEvent:
    return ListedEvent(
        id=int(row["id"]),
        delivery_id=int(row["delivery_id"]),
        position=int(row["position"]),
        code=str(row["code"]),
        key=str(row["queue"]),
        state=str(row["state"]),
        attempts=int(row["attempts"]),
        error=str(row["error"]),
        received_at=float(row["received_at"]),
    )
