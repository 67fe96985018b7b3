"""Sources of leads and chats, each of one integration (reference 4.24)."""

from __future__ import annotations

import re

from amocrm.api_limits import SOURCES_LIMIT
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many
from amocrm.sandbox.engine.schema import NAME, Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import NO_CONTENT, Answer
from amocrm.sandbox.http.problem import ProblemError

MOST_SOURCES = 100
"""Active sources of one integration; the official client's text says 50 (reference 12.2)."""

_EXTERNAL_ID = re.compile(r"[ -~]{1,36}")
"""Printable ASCII; the pages about chats say 40 characters (reference 12.2)."""

_PAGE: Schema = {"id": "string!", "name": "string!", "link": "string!"}
_SERVICE: Schema = {
    "type": Prop("string", required=True, choices=("whatsapp",)),
    "params": Prop("object", inner={"waba": "bool", "is_supports_list_message": "bool"}),
    "pages": Prop("array", inner=_PAGE),
}


def own_sources(call: Call) -> Entities:
    """Return the sources of the integration that calls: it sees no others."""
    return call.account.shelf(f"sources/{call.grant.client_id}")


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if model.get("pipeline_id", 0) not in (0, *operation.account.pipelines):
        errors.no_choice("pipeline_id")
    name = model.get("external_id")
    if name is None:
        return
    if not _EXTERNAL_ID.fullmatch(name):
        errors.add("InvalidFormat", "external_id", "This value is not valid.")
    elif entity is None and any(one["external_id"] == name for one in operation.shelf.values()):
        errors.no_choice("external_id")  # It is there once.


def _make(operation: Operation, model: Entity) -> Entity:
    source = operation.make({"pipeline_id": operation.account.main_pipeline["id"], **model})
    _move_flag(operation, source)
    return source


def _change(operation: Operation, source: Entity, model: Entity) -> None:
    operation.change(source, model)
    _move_flag(operation, source)


def _move_flag(operation: Operation, source: Entity) -> None:
    # Assumed (reference 4.24): one source of an integration is the default one.
    if source["default"]:
        for one in operation.shelf.values():
            one["default"] = one is source


def delete_sources(call: Call) -> Answer:
    """Answer `DELETE /sources`, whose refusal has a shape of its own."""
    schema: Schema = {**ignoring(*SOURCES.keys, "_links"), "id": "int!", "request_id": "string"}
    models = read_models(call.request.json(), schema, limit=SOURCES_LIMIT)
    shelf = own_sources(call)
    errors = [
        {
            "request_id": str(place),
            "errors": {
                "code": "EntityNotFound",
                "path": "id",
                "detail": f"source with id = {model['id']} not found",
            },
        }
        for place, model in enumerate(models)
        if model["id"] not in shelf
    ]
    if errors:
        raise ProblemError(400, "Invalid request items", errors=errors)
    for model in models:
        shelf.pop(model["id"], None)
    return NO_CONTENT


SOURCES = Collection(
    path="/sources",
    key="sources",
    verbs={
        "list": Verb(total=True, admin=True),
        "one": Verb(admin=True),
        "create": Verb(total=True, most=SOURCES_LIMIT, admin=True),
        "change": Verb(total=True, most=SOURCES_LIMIT, admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=("id", "name", "pipeline_id", "external_id", "default", "origin_code", "services"),
    create={
        "name": NAME,
        "pipeline_id": "int",
        "external_id": "string?",
        "default": "bool",
        "services": Prop("array", inner=_SERVICE),
    },
    fixed=("external_id",),
    defaults={"external_id": None, "default": False, "origin_code": None, "services": []},
    filters={"external_id": many("external_id")},
    paged=False,
    capacity=MOST_SOURCES,
    overfull=400,
    stored=lambda operation: own_sources(operation.call),
    check=_check,
    make=_make,
    change=_change,
)

ROWS = (SOURCES, Route("DELETE", "/sources", delete_sources, admin=True))
