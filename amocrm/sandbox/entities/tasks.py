"""Tasks (reference 4.13, 5.5)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import OWNERS
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import check_stages, flag, is_in_stages, many, numbers, since
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json, is_object

_CREATE: Schema = {
    "text": Prop("string", required=True, filled=True),
    "complete_till": "int!",
    "responsible_user_id": "user",
    "entity_id": "int?",
    "entity_type": Prop("string", null=True, choices=OWNERS),
    "task_type_id": "int",
    "duration": Prop("int", low=0),
    "is_completed": "bool",
    "result": Prop("object", inner={"text": "string"}),
    "created_by": "user",
    "updated_by": "user",
    "created_at": "int",
    "updated_at": "int",
}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    types = operation.account.shelf("task_types")
    if "task_type_id" in model and model["task_type_id"] not in types:
        errors.no_choice("task_type_id")
    known = entity or {}
    kind = model.get("entity_type", known.get("entity_type"))
    number = model.get("entity_id", known.get("entity_id"))
    if number is None and kind is not None:
        errors.missing("entity_id")
    elif number is not None and kind is None:
        errors.missing("entity_type")
    elif kind is not None and number not in operation.account.shelf(kind):
        errors.no_choice("entity_id")


def _make(operation: Operation, model: Entity) -> Entity:
    task = add_task(operation, model)
    refresh_closest(operation.account, task["entity_type"], task["entity_id"])
    return task


def _change(operation: Operation, task: Entity, model: Entity) -> None:
    before = dict(task)
    change_task(operation, task, model)
    for one in (before, task):
        refresh_closest(operation.account, one["entity_type"], one["entity_id"])


def add_task(operation: Operation, model: Entity) -> Entity:
    """Add a task with its events; the caller keeps `closest_task_at`."""
    task = operation.make(_read(model))
    task["updated_at"] = model.get("updated_at", task["created_at"])
    task["updated_by"] = model.get("updated_by", task["created_by"])
    operation.call.history.record("task_added", "task", task["id"])
    operation.account.changes.add("tasks", task)
    _record_completion(operation, {"is_completed": False, "result": []}, task)
    return task


def change_task(operation: Operation, task: Entity, model: Entity) -> None:
    """Change a task with its events; the caller keeps `closest_task_at`."""
    before = dict(task)
    operation.change(task, _read(model))
    operation.account.changes.update("tasks", task, before)
    history = operation.call.history
    told = (
        ("text", "task_text_changed", "task", "text"),
        ("complete_till", "task_deadline_changed", "task_deadline", "timestamp"),
        ("task_type_id", "task_type_changed", "task_type", "id"),
        ("responsible_user_id", "entity_responsible_changed", "responsible_user", "id"),
    )
    for name, kind, key, member in told:
        if before[name] != task[name]:
            after, old = {key: {member: task[name]}}, {key: {member: before[name]}}
            history.record(kind, "task", task["id"], after=[after], before=[old])
    _record_completion(operation, before, task)


def _read(model: Entity) -> Entity:
    # A task without a result shows an empty list (reference 4.13).
    return {**model, "result": model["result"] or []} if "result" in model else model


def _record_completion(operation: Operation, before: Entity, task: Entity) -> None:
    history = operation.call.history
    if task["is_completed"] and not before["is_completed"]:
        history.record("task_completed", "task", task["id"])
    if task["result"] and task["result"] != before["result"]:
        value = history.note()
        task["_result_id"] = value["note"]["id"]
        history.record("task_result_added", "task", task["id"], after=[value])


def refresh_closest(account: Account, entity_type: str | None, number: int | None) -> None:
    """Keep `closest_task_at` of an entity: the nearest open task (reference 5.1)."""
    owner = account.shelf(entity_type).get(number) if entity_type is not None else None
    if owner is None:
        return
    moments = [
        one["complete_till"]
        for one in account.shelf("tasks").values()
        if (one["entity_type"], one["entity_id"]) == (entity_type, number)
        and not one["is_completed"]
    ]
    owner["closest_task_at"] = min(moments, default=None)


def _select(operation: Operation, found: list[Entity], listing: ListingQuery) -> list[Entity]:
    filters: Json = listing.tree.get("filter")
    wanted = filters if is_object(filters) else {}
    stages = wanted.get("lead_statuses")
    if stages is not None:
        check_stages(stages, "filter.lead_statuses")
        found = [one for one in found if _stands_in(operation.account, one, stages)]
    return found


def _stands_in(account: Account, task: Entity, stages: dict[str, Json]) -> bool:
    if task["entity_type"] != "leads":
        return False
    return is_in_stages(account.shelf("leads")[task["entity_id"]], stages)


TASKS = Collection(
    path="/tasks",
    key="tasks",
    verbs={
        "list": Verb(),
        "one": Verb(),
        "create": Verb(shape=("id",)),
        "change": Verb(shape=("id", "updated_at")),
        "change_one": Verb(shape=("id", "updated_at")),
    },
    keys=(
        *("id", "created_by", "updated_by", "created_at", "updated_at", "responsible_user_id"),
        *("group_id", "entity_id", "entity_type", "duration", "is_completed", "task_type_id"),
        *("text", "result", "complete_till", "account_id"),
    ),
    create=_CREATE,
    defaults={"duration": 0, "is_completed": False, "task_type_id": 1, "result": []},
    filters={
        **{name: numbers(name) for name in ("id", "responsible_user_id", "created_by")},
        **{name: numbers("task_type_id") for name in ("task_type", "task_type_id")},
        "is_completed": flag("is_completed"),
        "entity_type": many("entity_type", choices=OWNERS),
        "entity_id": numbers("entity_id"),
        "updated_at": since("updated_at"),
    },
    orders=frozenset({"created_at", "complete_till", "id"}),
    check=_check,
    make=_make,
    change=_change,
    select=_select,
)

ROWS = (TASKS,)
