"""Every family that the portal serves (reference 4.0); `collection` tells how to add one."""

from __future__ import annotations

from amocrm.sandbox import (
    catalogs,
    chats,
    company,
    complex_leads,
    elements,
    entities,
    events,
    fields,
    groups,
    links,
    loss_reasons,
    notes,
    pipelines,
    statuses,
    tags,
    tasks,
    unsorted,
)
from amocrm.sandbox.collection import Entry

TABLE: tuple[Entry, ...] = (
    *company.ROWS,
    *pipelines.ROWS,
    *statuses.ROWS,
    *loss_reasons.ROWS,
    *complex_leads.ROWS,
    *unsorted.ROWS,
    *chats.ROWS,
    *events.ROWS,
    *catalogs.ROWS,
    *elements.ROWS,
    *links.ROWS,
    *tasks.ROWS,
    *notes.ROWS,
    *tags.ROWS,
    *fields.ROWS,
    *groups.ROWS,
    *entities.ROWS,
)
