"""Never executed: the public types annotate what a program makes and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm import AmoCRM

if TYPE_CHECKING:
    from typing_extensions import assert_type

    from amocrm.types import (
        DeletedLead,
        EntityFilter,
        Lead,
        LeadFilter,
        LeadOrder,
        LeadPatch,
        NewLead,
        NewTask,
        Short,
        Task,
        TaskFilter,
        TimeRange,
    )


def made(crm: AmoCRM) -> None:
    order: NewLead = {"name": "Order"}
    order["price"] = 5
    assert_type(crm.leads.create(order), Short)
    patch: LeadPatch = {"id": 1, "price": 6}
    crm.leads.update_many([patch])
    task: NewTask = {"text": "Call", "complete_till": 1}
    crm.tasks.create(task)


def asked(crm: AmoCRM) -> None:
    year: TimeRange = {"from": 1700000000}
    leads: LeadFilter = {"updated_at": year, "statuses": [{"pipeline_id": 1, "status_id": 2}]}
    newest: LeadOrder = {"updated_at": "desc"}
    crm.leads.list(filter=leads, order=newest)
    people: EntityFilter = {"id": [1, 2]}
    crm.contacts.list(filter=people)
    open_tasks: TaskFilter = {"is_completed": False}
    crm.tasks.list(filter=open_tasks)


def refused(crm: AmoCRM) -> None:
    order: NewLead = {"nme": "Order"}  # type: ignore[typeddict-unknown-key]  # pyright: ignore
    task: NewTask = {"text": "Call"}  # type: ignore[typeddict-item]  # pyright: ignore
    crm.leads.create(order)
    crm.tasks.create(task)


def read(crm: AmoCRM) -> None:
    lead: Lead = crm.leads.get(1)
    task: Task = crm.tasks.get(1)
    assert_type(lead["price"] + task["id"], int)
    for one in crm.leads.changes(deleted=True):
        gone: DeletedLead = one
        assert_type(gone["is_deleted"], bool)
