"""Every family that the portal serves (reference 4.0); `collection` tells how to add one."""

from __future__ import annotations

from amocrm.sandbox import (
    bots,
    calls,
    company,
    complex_leads,
    contact_chats,
    customer_groups,
    customers,
    entities,
    events,
    fields,
    loss_reasons,
    notes,
    pipelines,
    roles,
    small_lists,
    statuses,
    tags,
    talks,
    tasks,
    transactions,
    users,
    webhooks,
    widgets,
)
from amocrm.sandbox.collection import Entry
from amocrm.sandbox.drive import attachments

TABLE: tuple[Entry, ...] = (
    *company.ROWS,
    *pipelines.ROWS,
    *statuses.ROWS,
    *loss_reasons.ROWS,
    *complex_leads.ROWS,
    *events.ROWS,
    *tasks.ROWS,
    *notes.ROWS,
    *tags.ROWS,
    *fields.ROWS,
    *entities.ROWS,
    *customers.ROWS,
    *transactions.ROWS,
    *customer_groups.ROWS,
    *users.ROWS,
    *roles.ROWS,
    *webhooks.ROWS,
    *widgets.ROWS,
    *talks.ROWS,
    *bots.ROWS,
    *calls.ROWS,
    *contact_chats.ROWS,
    *small_lists.ROWS,
    *attachments.ROWS,
)
