"""Every family that the portal serves (reference 4.0); `collection` tells how to add one."""

from __future__ import annotations

from amocrm.sandbox import (
    company,
    complex_leads,
    entities,
    events,
    fields,
    loss_reasons,
    notes,
    pipelines,
    statuses,
    tags,
    tasks,
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
    *attachments.ROWS,
)
