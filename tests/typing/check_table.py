"""Never executed: what the two type checkers must know of the table, and what they must refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm import AmoCRM, Changes, Listing

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import assert_type

    from amocrm.bulk.writer import Outcomes
    from amocrm.schema.account import Account
    from amocrm.schema.catalogs import Element
    from amocrm.schema.common import Changed, Renamed, Short
    from amocrm.schema.drive import File, FileOwner, FileVersion
    from amocrm.schema.events import Event
    from amocrm.schema.fields import FieldGroup, Stage
    from amocrm.schema.leads import DeletedLead, Lead
    from amocrm.schema.notes import Note, ShortNote
    from amocrm.schema.pipelines import Pipeline, Status
    from amocrm.schema.tasks import Task
    from amocrm.schema.unsorted import Sorted


def inferred(crm: AmoCRM) -> None:
    assert_type(crm.leads.get(1), Lead)
    assert_type(crm.leads.get(1)["price"], int)
    assert_type(crm.leads.get(1)["loss_reason_id"], int | None)
    assert_type(crm.leads.get(1)["_embedded"]["tags"][0]["name"], str)
    assert_type(crm.leads.list(), Listing[Lead])
    assert_type(crm.leads.changes(with_=["contacts"]), Changes[Lead])
    assert_type(crm.leads.changes(deleted=True), Changes[DeletedLead])
    assert_type(crm.contacts.changes(deleted=True), Changes[Event])
    assert_type(next(iter(crm.leads.notes.changes())), Note)
    with crm.tasks.changes(checkpoint="tasks.checkpoint") as changed:
        assert_type(next(iter(changed)), Task)
    assert_type(next(iter(crm.leads.list()))["name"], str)
    assert_type(crm.leads.list().first(), Lead | None)
    assert_type(crm.leads.create({"name": "A", "price": 5}), Short)
    assert_type(crm.leads.update(1, {"price": 6}), Changed)
    assert_type(crm.contacts.update(1, {"first_name": "A"})["name"], str)
    assert_type(crm.contacts.update(1, {}), Renamed)
    assert_type(crm.leads.create_many([{"name": "A"}]), Outcomes)
    assert_type(crm.leads(1).notes.get(2), Note)
    assert_type(crm.leads(1).notes.create({"note_type": "common"}), ShortNote)
    assert_type(crm.leads.pipelines(1).statuses.get(2), Status)
    stage = crm.leads.pipelines.stage("New", pipeline="Sales")
    assert_type(stage, Stage)
    assert_type(crm.leads(1).move(stage), Changed)
    crm.leads.list(filter={"statuses": [stage]})
    assert_type(crm.leads.save_many([(crm.leads.get(1), {"price": 5})]), Outcomes)
    with crm.leads.edit(1, if_unchanged=True) as lead, crm.leads.pipelines.edit(2) as pipeline:
        assert_type(lead, Lead)
        assert_type(pipeline, Pipeline)
        with crm.leads.edit(lead):
            lead["price"] = 5
    assert_type(crm.leads.unsorted("u").accept(user_id=1), Sorted)
    assert_type(crm.catalogs(7).elements.get(1), Element)
    assert_type(crm.contacts.custom_fields.groups.get("g"), FieldGroup)
    assert_type(crm.account.get(with_=["drive_url"]), Account)
    assert_type(crm.customers(1).bonus_points.earn(5), int)
    assert_type(crm.drive.list(filter={"date": {"date_preset": "week"}}), Listing[File])
    assert_type(crm.drive.upload("a.pdf")["size"], int)
    assert_type(crm.drive.upload(iter([b"x"]), name="a.pdf", size=1), File)
    assert_type(crm.drive.versions("u")[0], FileVersion)
    assert_type(crm.drive.links("u"), list[FileOwner])
    with open("a.pdf", "wb") as file:
        assert_type(crm.drive.download("u", "a.pdf"), Path)
        assert_type(crm.drive.download("u", file), None)
        assert_type(crm.drive.upload(file), File)
    crm.leads.list(
        filter={"updated_at": {"from": 1}, "statuses": [{"pipeline_id": 1, "status_id": 2}]},
        with_=["contacts", "source"],
        order={"updated_at": "desc"},
        query="words",
    )


def refused(crm: AmoCRM) -> None:
    crm.leads.list(filter={"update_at": {"from": 1}})  # type: ignore[arg-type]  # pyright: ignore
    crm.leads.list(with_=["contact"])  # type: ignore[list-item]  # pyright: ignore
    crm.leads.list(order={"name": "asc"})  # type: ignore[arg-type]  # pyright: ignore
    crm.leads.list(order={"id": "up"})  # type: ignore[arg-type]  # pyright: ignore
    crm.leads.changes(with_=["contact"])  # type: ignore[list-item]  # pyright: ignore
    crm.leads.create({"nme": "A"})  # type: ignore[typeddict-unknown-key]  # pyright: ignore
    crm.leads.create({"name": 5})  # type: ignore[typeddict-item]  # pyright: ignore
    crm.tasks.create({"text": "A"})  # type: ignore[typeddict-item]  # pyright: ignore
    crm.drive.upload(["text"])  # type: ignore[list-item]  # pyright: ignore
    crm.drive.upload(5)  # type: ignore[arg-type]  # pyright: ignore
    crm.drive.list(filter={"deleted": False})  # type: ignore[arg-type]  # pyright: ignore
    crm.drive.create({})  # type: ignore[attr-defined]  # pyright: ignore
    crm.users.edit(1)  # type: ignore[attr-defined]  # pyright: ignore
    crm.customers.segments.save_many([])  # type: ignore[attr-defined]  # pyright: ignore
    crm.leads.delete(1)  # type: ignore[attr-defined]  # pyright: ignore
    crm.events.create({})  # type: ignore[attr-defined]  # pyright: ignore
    crm.tasks.list(with_=["contacts"])  # type: ignore[list-item]  # pyright: ignore
