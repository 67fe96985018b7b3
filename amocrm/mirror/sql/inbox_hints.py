"""Reads from the tables of a webhooks' inbox which entities have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from amocrm.mirror.sql.sink import Sink
from amocrm.webhooks.inbox.tables import describe_tables

STATE: Final = "webhooks"
"""Under which it is remembered how far the inbox was read."""
MOST: Final = 1000
"""Events that are read at once."""


class Hint(NamedTuple):
    """What a webhook names: a table, an id, and the webhook's code."""

    kind: str
    entity_id: int
    code: str


def read_hints(sink: Sink, account_id: int, inbox_prefix: str) -> dict[int, Hint | None]:
    """Return what came since the last time, by its number in the inbox; None for other things.

    Numbers are given before transactions end, so that one may be missed. It does no harm: the next
    run finds what has changed. SQLite, and MySQL after a restart, give numbers a second time when
    the last events were purged: then all that are there are read.
    """
    table = describe_tables(inbox_prefix).events
    state = sink.load(account_id).get(STATE)
    last = int(state["event"]) if isinstance(state, Mapping) else 0
    query = (
        sa.select(table.c.id, table.c.queue, table.c.code)
        .where(table.c.queue.like(f"{account_id}/%"))
        .order_by(table.c.id)
        .limit(MOST)
    )

    def read(connection: sa.Connection) -> dict[int, Hint | None]:
        if not sa.inspect(connection).has_table(table.name):
            return {}
        newest = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
        if newest == last:
            return {}
        new = query.where(table.c.id > last) if newest > last else query
        return {number: _hint(queue, code) for number, queue, code in connection.execute(new)}

    return sink.database.run("read the inbox", read, is_read=True)


def _hint(queue: str, code: str) -> Hint | None:
    parts = queue.split("/")
    if len(parts) != 3 or not parts[2].isdecimal():
        return None
    return Hint(parts[1], int(parts[2]), code)
