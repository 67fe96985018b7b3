"""Never executed: the public types annotate what a program makes and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm import AmoCRM

if TYPE_CHECKING:
    from typing_extensions import assert_type

    from amocrm.types import DeletedLead, Lead, LeadPatch, NewLead, NewTask, Short, Task


def made(crm: AmoCRM) -> None:
    order: NewLead = {"name": "Order"}
    order["price"] = 5
    assert_type(crm.leads.create(order), Short)
    patch: LeadPatch = {"id": 1, "price": 6}
    crm.leads.update_many([patch])
    task: NewTask = {"text": "Call", "complete_till": 1}
    crm.tasks.create(task)


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
