"""The tables of `SQLInbox`.

An entity has a row in `entity_queues` as long as it has undone events. Whoever adds an undone event
or removes the last one locks this row first, so that no event is left without a queue.
"""

from __future__ import annotations

from typing import NamedTuple

from amocrm.stores.database import (
    HiddenBytes,
    HiddenText,
    describe,
    exact_text,
    long_text,
    row_id,
    sa,
)
from amocrm.webhooks.inbox.names import LONGEST

UNDONE, DONE, DEAD = "undone", "done", "dead"


class Tables(NamedTuple):
    """Deliveries, their events, and the queues of entities with undone events."""

    deliveries: sa.Table
    events: sa.Table
    queues: sa.Table


def describe_tables(prefix: str) -> Tables:
    """Describe the tables whose names begin with a prefix."""
    deliveries = describe(
        f"{prefix}deliveries",
        row_id(),
        # Of two deliveries with one digest, the one that came a day earlier has lost it. Those that
        # recur have none.
        sa.Column("digest", exact_text(64), unique=True),
        sa.Column("kind", exact_text(20), nullable=False),
        sa.Column("account_id", sa.BigInteger),
        sa.Column("path", long_text(), nullable=False),
        sa.Column("content_type", long_text(), nullable=False),
        sa.Column("body", HiddenBytes, nullable=False),
        sa.Column("is_encrypted", sa.Boolean, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Index(f"{prefix}deliveries_received", "received_at"),
        sa.Index(f"{prefix}deliveries_account", "account_id", "synthetic", "received_at"),
    )
    events = describe(
        f"{prefix}webhook_events",
        row_id(),
        sa.Column("delivery_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("queue", exact_text(LONGEST), nullable=False),
        sa.Column("code", exact_text(LONGEST), nullable=False),
        sa.Column("happened_at", sa.BigInteger),
        sa.Column("state", exact_text(6), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("handled_by", long_text(), nullable=False),  # JSON: a list of names.
        sa.Column("error", HiddenText, nullable=False),
        sa.Column("done_at", sa.Double),  # Also of dead ones; for people.
        sa.Index(f"{prefix}webhook_events_delivery", "delivery_id"),
        sa.Index(f"{prefix}webhook_events_queue", "queue", "state", "id"),
        sa.Index(f"{prefix}webhook_events_state", "state", "id"),
    )
    queues = describe(
        f"{prefix}entity_queues",
        sa.Column("name", exact_text(LONGEST), primary_key=True),
        # When it may be taken: a lease and a pause after a failure are later instants.
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("owner", exact_text(32)),
        sa.Index(f"{prefix}entity_queues_due", "due_at"),
    )
    return Tables(deliveries, events, queues)
