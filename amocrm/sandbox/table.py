"""Every family that the portal serves (reference 4.0); `collection` tells how to add one."""

from __future__ import annotations

from amocrm.sandbox import company, complex_leads, entities, fields, loss_reasons
from amocrm.sandbox.collection import Entry
from amocrm.sandbox.drive import attachments

TABLE: tuple[Entry, ...] = (
    *company.ROWS,
    *loss_reasons.ROWS,
    *complex_leads.ROWS,
    *fields.ROWS,
    *entities.ROWS,
    *attachments.ROWS,
)
