"""Bots: Kommo's list, run, stop, and continue a waiting one.

Reference 4.21, 4.31, 9.1.
"""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.coercion import coerced_object
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many, numbers
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, check_object
from amocrm.sandbox.engine.validate import Check, read_model, read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Answer, Json
from amocrm.sandbox.http.problem import ProblemError, not_found

MOST_RUNS = 100
"""Bots started with one call (reference 3.5)."""

KINDS = ("regular", "greeting", "marketing", "nps")
_OLD_TYPES = {"1": "contacts", "2": "leads", "12": "customers"}
_RUN: Schema = {
    "entity_id": "int!",
    "entity_type": Prop("string", required=True, choices=("leads", "contacts")),
}
_STOP: Schema = {
    "entity_id": "int!",
    "entity_type": Prop("string", required=True, choices=("leads",)),
}
_SHOW: Schema = {
    "type": Prop("string", required=True, choices=("text", "buttons", "buttons_url")),
    "value": Prop("string", required=True, longest=80),
    "buttons": Prop("array", longest=25, each="string"),
}
_GOTO: Schema = {
    "type": Prop("string", required=True, choices=("question", "answer", "finish")),
    "step": Prop("int", required=True, low=0),
}
_HANDLER: Schema = {
    "handler": Prop("string", required=True, choices=("show", "goto")),
    "params": "object!",
}
_CONTINUE: Schema = {
    "data": "object",
    "execute_handlers": Prop("array", longest=10, inner=_HANDLER),
}


def run_one(call: Call, number: int) -> Answer:
    """Answer `POST /bots/{id}/run`."""
    _kommo_only(call)
    _known(call.account, number)
    _started(call, [{"bot_id": number, **_checked(call, _RUN)}])
    return _accepted()


def run_many(call: Call) -> Answer:
    """Answer `POST /bots/run`."""
    _kommo_only(call)
    models = _read_runs(call, {"bot_id": "int!", **_RUN})
    for one in models:
        _known(call.account, one["bot_id"])
    _started(call, models)
    return _accepted()


def run_old(call: Call) -> Answer:
    """Answer `POST /api/v2/salesbot/run`, which both platforms have."""
    kind = Prop("scalar", required=True, choices=(*_OLD_TYPES, *map(int, _OLD_TYPES)))
    schema: Schema = {"bot_id": "int!", "entity_id": "int!", "entity_type": kind}
    models = _read_runs(call, schema)
    for one in models:
        _known(call.account, one["bot_id"])
    _started(call, models)
    return _accepted()


def stop(call: Call, number: int) -> Answer:
    """Answer `POST /bots/{id}/stop`."""
    _kommo_only(call)
    _known(call.account, number)
    model = _checked(call, _STOP)
    runs = call.account.shelf("runs")
    runs.pop((number, model["entity_type"], model["entity_id"]), None)
    return _accepted()


def go_on(call: Call, kind: str, bot_id: int, continue_id: int) -> Answer:
    """Answer `POST /{salesbot|marketingbot}/{bot_id}/continue/{continue_id}`."""
    waiting = call.account.shelf("waiting").get(continue_id)
    if waiting is None or (waiting["bot_id"], waiting["kind"]) != (bot_id, kind):
        raise ProblemError(404, "Not found")
    # Both members are optional, so an empty object is a body.
    models = read_models([call.request.json()], _CONTINUE, check=_check_handlers)
    del call.account.shelf("waiting")[continue_id]
    call.account.shelf("continued")[continue_id] = {**waiting, "body": models[0]}
    return Answer(202)


def _kommo_only(call: Call) -> None:
    if call.account.zone != "kommo.com":
        raise not_found(call.request.method, call.request.url)


def _known(account: Account, number: int) -> None:
    if number not in account.shelf("bots"):
        raise ProblemError(404, "Not found")


def _checked(call: Call, schema: Schema) -> dict[str, Json]:
    return read_model(call.request.json(), schema, check=_entity_check(call.account))


def _read_runs(call: Call, schema: Schema) -> list[Entity]:
    check = _entity_check(call.account)
    return read_models(call.request.json(), schema, limit=MOST_RUNS, check=check)


def _entity_check(account: Account) -> Check:
    def check(model: Entity, errors: ValidationErrors) -> None:
        is_sound = {"entity_id", "entity_type"} <= set(model)
        if is_sound and model["entity_id"] not in account.shelf(_entity_type(model)):
            errors.no_choice("entity_id")

    return check


def _check_handlers(model: Entity, errors: ValidationErrors) -> None:
    for place, one in enumerate(model.get("execute_handlers", ())):
        schema, found = _SHOW if one["handler"] == "show" else _GOTO, ValidationErrors()
        check_object(coerced_object(one["params"], schema), schema, found)
        errors.include(found, f"execute_handlers.{place}.params")


def _entity_type(model: dict[str, Json]) -> str:
    kind = str(model["entity_type"])
    return _OLD_TYPES.get(kind, kind)


def _started(call: Call, models: list[Json]) -> None:
    for one in models:
        key = (one["bot_id"], _entity_type(one), one["entity_id"])
        _give_up_waiting(call.account, *key[1:])
        call.account.shelf("runs")[key] = {"id": key, "started_at": call.now}
    call.counters["bots.started"] += len(models)


def _give_up_waiting(account: Account, entity_type: str, number: int) -> None:
    # A bot does not go on when another one was started for its entity (reference 9.1).
    waiting = account.shelf("waiting")
    for one in list(waiting.values()):
        if (one.get("entity_type"), one.get("entity_id")) == (entity_type, number):
            del waiting[one["id"]]


def _accepted() -> Answer:
    return Answer(202, (("Content-Type", "text/plain; charset=utf-8"),), b"Accepted")


def _guard(operation: Operation) -> None:
    _kommo_only(operation.call)


def _show(operation: Operation, bot: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(bot)
    if "favorite" not in listing.withs:
        del shown["is_favorite"]
    return shown


BOTS = Collection(
    path="/bots",
    key="items",
    verbs={"list": Verb(total=True), "one": Verb()},
    keys=("id", "name", "type_functionality", "is_visual_editor", "settings", "is_favorite"),
    defaults={
        "type_functionality": "regular",
        "is_visual_editor": True,
        "settings": {"active": True},
        "is_favorite": False,
    },
    shelf="bots",
    ids="bots",
    filters={"type_functionality": many("type_functionality"), "id": numbers("id")},
    guard=_guard,
    show=_show,
)

ROWS = (
    BOTS,
    Route("POST", "/bots/run", run_many),
    Route("POST", "/bots/<int:number>/run", run_one),
    Route("POST", "/bots/<int:number>/stop", stop),
    Route(
        "POST",
        "/<any(salesbot,marketingbot):kind>/<int:bot_id>/continue/<int:continue_id>",
        go_on,
        admin=True,
    ),
)
