"""Statuses: the stages of one pipeline (reference 4.5, 5.4)."""

from __future__ import annotations

import time

from amocrm.sandbox.data.stages import COLORS, FIRST_COLOR, is_ordinary, renumber, visible
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Shelf, Verb
from amocrm.sandbox.engine.handling import Desk
from amocrm.sandbox.engine.listing import Wish
from amocrm.sandbox.engine.schema import NAME, Prop, Schema
from amocrm.sandbox.engine.validation_errors import Faults
from amocrm.sandbox.http.problem import ProblemError

_LEVELS = ("newbie", "candidate", "master")
_DESCRIPTION: Schema = {
    "id": "int",
    "level": Prop("string", required=True, choices=_LEVELS),
    "description": Prop("string", longest=1000),
}


def _pipeline(desk: Desk) -> Entity:
    return desk.account.pipelines[desk.scope["pipeline_id"]]


def _stored(desk: Desk) -> Shelf:
    return {one["id"]: one for one in visible(_pipeline(desk))}


def _check(desk: Desk, model: Entity, entity: Entity | None, faults: Faults) -> None:
    if entity is not None and not is_ordinary(entity):
        # Of the closed stages only the name can change, of the unsorted one nothing.
        allowed = {"id", "request_id"} | ({"name"} if entity["type"] == 0 else set())
        for name in model:
            if name not in allowed:
                faults.unexpected(name)
    known = {} if entity is None else _descriptions(entity)
    levels = [one["level"] for one in model.get("descriptions", ())]
    for number, one in enumerate(model.get("descriptions", ())):
        at = f"descriptions.{number}"
        if levels.count(one["level"]) > 1:
            faults.no_choice(f"{at}.level")  # one per level
        if "id" in one and known.get(one["level"], {}).get("id") != one["id"]:
            faults.no_choice(f"{at}.id")
        if "id" not in one and "description" not in one:
            faults.missing(f"{at}.description")


def _make(desk: Desk, model: Entity) -> Entity:
    stage = {**desk.blank(), "id": desk.call.ids.take("statuses")}
    stage |= {name: one for name, one in model.items() if name in desk.row.keys}
    _describe(desk, stage, model)
    stages: list[Entity] = _pipeline(desk)["_embedded"]["statuses"]
    stages.append(stage)
    renumber(stages)
    return stage


def _change(desk: Desk, stage: Entity, model: Entity) -> None:
    desk.change(stage, model)
    _describe(desk, stage, model)
    renumber(_pipeline(desk)["_embedded"]["statuses"])


def _drop(desk: Desk, stage: Entity) -> None:
    if not is_ordinary(stage):
        # Assumed (reference 4.5): told with 400, which is documented.
        raise ProblemError(400, "A system status can not be deleted")
    stages: list[Entity] = _pipeline(desk)["_embedded"]["statuses"]
    stages.remove(stage)
    renumber(stages)
    # Assumed (reference 4.5): the first stage is the first ordinary one, if there is any left.
    first = next((one for one in stages if is_ordinary(one)), stages[0])
    for lead in desk.account.shelf("leads").values():
        if lead["status_id"] == stage["id"]:
            before = dict(lead)
            lead["status_id"] = first["id"]
            desk.call.history.changed("leads", before, lead)


def _describe(desk: Desk, stage: Entity, model: Entity) -> None:
    known = _descriptions(stage)
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(desk.call.now))
    user = desk.call.grant.user_id
    for one in model.get("descriptions", ()):
        if "description" not in one:
            known.pop(one["level"], None)
            continue
        fresh = {
            "id": desk.call.ids.take("descriptions"),
            "account_id": desk.account.id,
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


def _show(desk: Desk, stage: Entity, wish: Wish) -> Entity:
    shown = desk.show(stage)
    if "descriptions" in wish.withs:
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
