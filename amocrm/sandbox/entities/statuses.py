"""Statuses: the stages of one pipeline (reference 4.5, 5.4)."""

from __future__ import annotations

import time

from amocrm.sandbox.data.stages import COLORS, FIRST_COLOR, is_ordinary, renumber, visible
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, Schema, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.problem import ProblemError

_LEVELS = ("newbie", "candidate", "master")
_DESCRIPTION: Schema = {
    "id": "int",
    "level": Prop("string", required=True, choices=_LEVELS),
    "description": Prop("string", longest=1000),
    **ignoring("account_id", "created_at", "updated_at", "created_by", "updated_by"),
}


def _pipeline(operation: Operation) -> Entity:
    return operation.account.pipelines[operation.scope["pipeline_id"]]


def _stored(operation: Operation) -> Entities:
    return {one["id"]: one for one in visible(_pipeline(operation))}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if entity is not None and not is_ordinary(entity):
        # Of the closed stages only the name can change, of the unsorted one nothing.
        allowed = {"id", "request_id"} | ({"name"} if entity["type"] == 0 else set())
        for name, value in model.items():
            if name not in allowed and value and value != entity.get(name):
                errors.unexpected(name)
    known = {} if entity is None else _descriptions(entity)
    levels = [one["level"] for one in model.get("descriptions", ())]
    for number, one in enumerate(model.get("descriptions", ())):
        at = f"descriptions.{number}"
        if levels.count(one["level"]) > 1:
            errors.no_choice(f"{at}.level")  # one per level
        if (
            entity is not None
            and "id" in one
            and known.get(one["level"], {}).get("id") != one["id"]
        ):
            errors.no_choice(f"{at}.id")
        if (entity is None or "id" not in one) and "description" not in one:
            errors.missing(f"{at}.description")


def _make(operation: Operation, model: Entity) -> Entity:
    stage = {**operation.blank(), "id": operation.call.ids.take("statuses")}
    stage |= {name: one for name, one in model.items() if name in operation.row.keys}
    _describe(operation, stage, model)
    stages: list[Entity] = _pipeline(operation)["_embedded"]["statuses"]
    stages.append(stage)
    renumber(stages)
    return stage


def _change(operation: Operation, stage: Entity, model: Entity) -> None:
    operation.change(stage, model)
    _describe(operation, stage, model)
    renumber(_pipeline(operation)["_embedded"]["statuses"])


def _drop(operation: Operation, stage: Entity) -> None:
    if not is_ordinary(stage):
        # Assumed (reference 4.5): refused with 400, which is documented.
        raise ProblemError(400, "A system status cannot be deleted")
    stages: list[Entity] = _pipeline(operation)["_embedded"]["statuses"]
    stages.remove(stage)
    renumber(stages)
    # Assumed (reference 4.5): the first stage is the first ordinary one, if there is any left.
    first = next((one for one in stages if is_ordinary(one)), stages[0])
    for lead in operation.account.shelf("leads").values():
        if lead["status_id"] == stage["id"]:
            before = dict(lead)
            lead["status_id"] = first["id"]
            operation.call.history.changed("leads", before, lead)
            operation.account.changes.update("leads", lead, before)


def _describe(operation: Operation, stage: Entity, model: Entity) -> None:
    known = _descriptions(stage)
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(operation.call.now))
    user = operation.call.grant.user_id
    for one in model.get("descriptions", ()):
        if "description" not in one:
            known.pop(one["level"], None)
            continue
        fresh = {
            "id": operation.call.ids.take("descriptions"),
            "account_id": operation.account.id,
            "created_at": moment,
            "updated_at": moment,
            "created_by": user,
            "updated_by": user,
            "level": one["level"],
            "description": one["description"],
        }
        old = known.get(one["level"])
        kept = {} if old is None else {key: old[key] for key in ("id", "created_at", "created_by")}
        known[one["level"]] = {**fresh, **kept}
    stage["_descriptions"] = known


def _descriptions(stage: Entity) -> dict[str, Entity]:
    found: dict[str, Entity] = stage.get("_descriptions", {})
    return dict(found)


def _show(operation: Operation, stage: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(stage)
    if "descriptions" in listing.withs:
        shown["descriptions"] = list(_descriptions(stage).values())
    return shown


_WRITE: Schema = {
    "color": Prop("string", choices=COLORS),
    "descriptions": Prop("array", longest=len(_LEVELS), inner=_DESCRIPTION),
}

STATUSES = Collection(
    path="/leads/pipelines/<int:pipeline_id>/statuses",
    key="statuses",
    verbs={
        "list": Verb(total=True),
        "one": Verb(),
        "create": Verb(total=True, admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=(
        *("id", "name", "sort", "is_editable", "pipeline_id", "color", "type"),
        "account_id",
    ),
    create={"name": NAME, "sort": "int!", **_WRITE},
    defaults={"is_editable": True, "type": 0, "color": FIRST_COLOR},
    parents={"pipeline_id": "pipelines"},
    paged=False,
    unknown=404,
    capacity=100,
    stored=_stored,
    check=_check,
    make=_make,
    change=_change,
    drop=_drop,
    show=_show,
)

ROWS = (STATUSES,)
