"""Pipelines of leads (reference 4.5, 5.4)."""

from __future__ import annotations

from amocrm.sandbox.data.stages import COLORS, FIRST_COLOR, renumber, system_stages, visible
from amocrm.sandbox.data.state import CLOSED, Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop, Schema, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.problem import ProblemError

_STAGE: Schema = {
    "id": Prop("int", choices=CLOSED),
    "name": NAME,
    "sort": "int",
    "color": Prop("string", choices=COLORS),
    **ignoring("request_id", "is_editable", "pipeline_id", "type", "account_id", "_links"),
    **ignoring("descriptions"),
}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if entity is not None and entity["is_main"] and model.get("is_main") is False:
        # Assumed (reference 4.5): the flag moves, it does not vanish.
        errors.no_choice("is_main")
    nested = model.get("_embedded", {})
    for number, stage in enumerate(nested.get("statuses", ())):
        for name in () if "id" in stage else ("sort",):
            if name not in stage:
                errors.missing(f"_embedded.statuses.{number}.{name}")


def _make(operation: Operation, model: Entity) -> Entity:
    pipeline = operation.make(model)
    wanted = model.get("_embedded", {}).get("statuses", [])
    pipeline["_embedded"] = {
        "statuses": system_stages(operation.account, pipeline["id"], operation.call.ids)
    }
    stages: list[Entity] = pipeline["_embedded"]["statuses"]
    for one in wanted:
        if "id" in one:
            next(stage for stage in stages if stage["id"] == one["id"])["name"] = one["name"]
        else:
            stages.append(_stage(operation, pipeline["id"], one))
    renumber(stages)
    _move_flag(operation, pipeline)
    return pipeline


def _stage(operation: Operation, pipeline: int, wanted: Entity) -> Entity:
    return {
        "id": operation.call.ids.take("statuses"),
        "name": wanted["name"],
        "sort": wanted["sort"],
        "is_editable": True,
        "pipeline_id": pipeline,
        "color": wanted.get("color", FIRST_COLOR),
        "type": 0,
        "account_id": operation.account.id,
    }


def _change(operation: Operation, pipeline: Entity, model: Entity) -> None:
    operation.change(pipeline, model)
    _move_flag(operation, pipeline)


def _move_flag(operation: Operation, pipeline: Entity) -> None:
    if pipeline["is_main"]:
        for one in operation.account.pipelines.values():
            one["is_main"] = one is pipeline


def _drop(operation: Operation, pipeline: Entity) -> None:
    # Assumed (reference 4.5): the refusals are refused with 400, which is documented.
    if len(operation.account.pipelines) == 1:
        raise ProblemError(400, "The last pipeline cannot be deleted")
    leads = operation.account.shelf("leads").values()
    if any(one["pipeline_id"] == pipeline["id"] and not one["is_deleted"] for one in leads):
        raise ProblemError(400, "The pipeline holds leads")
    operation.drop(pipeline)
    if pipeline["is_main"]:
        # Assumed (reference 4.5): the next one becomes the main pipeline.
        next(iter(operation.account.pipelines.values()))["is_main"] = True


def _show(operation: Operation, pipeline: Entity, listing: ListingQuery) -> Entity:
    at = operation.href(pipeline)
    # The published answer to POST lists the unsorted stage even when it is off.
    hides = operation.call.request.method != "POST"
    stages = visible(pipeline) if hides else pipeline["_embedded"]["statuses"]
    shown = [
        {
            **{name: value for name, value in one.items() if not name.startswith("_")},
            "_links": {"self": {"href": f"{at}/statuses/{one['id']}"}},
        }
        for one in stages
    ]
    return {**operation.show(pipeline), "_embedded": {"statuses": shown}}


_PATCH: Schema = {"name": Prop("string", filled=True, longest=255), "sort": "int"}
_FLAGS = ("is_main", "is_unsorted_on")

PIPELINES = Collection(
    path="/leads/pipelines",
    key="pipelines",
    verbs={
        "list": Verb(total=True),
        "one": Verb(),
        "create": Verb(total=True, admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=("id", "name", "sort", "is_main", "is_unsorted_on", "is_archive", "account_id"),
    embeds=("statuses",),
    create={
        "name": NAME,
        "sort": "int!",
        **dict.fromkeys(_FLAGS, "bool!"),
        "_embedded": Prop("object", inner={"statuses": Prop("array", inner=_STAGE)}),
    },
    patch={**_PATCH, **dict.fromkeys(_FLAGS, "bool")},
    defaults={"is_archive": False},
    paged=False,
    unknown=404,
    capacity=50,
    check=_check,
    make=_make,
    change=_change,
    drop=_drop,
    show=_show,
)

ROWS = (PIPELINES,)
