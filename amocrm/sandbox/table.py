"""Every family that the portal serves (reference 4.0); `collection` tells how to add one."""

from __future__ import annotations

from amocrm.sandbox import (
    company,
    complex_leads,
    customer_groups,
    customers,
    entities,
    events,
    fields,
    loss_reasons,
    notes,
    pipelines,
    roles,
    statuses,
    tags,
    tasks,
    transactions,
    users,
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
    *attachments.ROWS,
)
