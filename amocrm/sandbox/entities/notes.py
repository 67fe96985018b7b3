"""Notes of leads, contacts, companies and customers (reference 4.17, 5.10)."""

from __future__ import annotations

from functools import partial

from amocrm.sandbox.data.entity_types import OWNERS
from amocrm.sandbox.data.note_types import NOTE_TYPES
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.coercion import coerced_object
from amocrm.sandbox.engine.collection import Collection, Entry, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many, numbers, since
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, check_object
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import NO_CONTENT, Answer
from amocrm.sandbox.http.problem import ProblemError

_CREATE: Schema = {
    "note_type": Prop("string", required=True, choices=tuple(NOTE_TYPES)),
    "params": "object!",
    "created_by": "user",
    "updated_by": "user",
    "responsible_user_id": "user",
    "created_at": "int",
    "updated_at": "int",
    "is_need_to_trigger_digital_pipeline": "bool",
}
_PATCH: Schema = {
    "entity_id": "int",
    "note_type": "string",
    "params": "object",
    "is_need_to_trigger_digital_pipeline": "ignored",
}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    kind = str(entity["note_type"] if entity else model.get("note_type"))
    if entity is None and model.get("entity_id", 0) not in (
        0,
        *operation.account.shelf(_entity_type(operation)),
    ):
        errors.no_choice("entity_id")
    if entity is not None and "params" in model and not NOTE_TYPES[kind].editable:
        errors.no_choice("note_type")
    if kind in NOTE_TYPES and "params" in model:
        check_object(_params(kind, model["params"]), NOTE_TYPES[kind].params, errors, at="params.")


def _entity_type(operation: Operation) -> str:
    return operation.row.path.split("/")[1]


def make_note(operation: Operation, model: Entity) -> Entity:
    """Add a note of a checked model, with its event."""
    note = operation.make({**model, "params": _read(model["note_type"], model["params"])})
    note["updated_at"] = model.get("updated_at", note["created_at"])
    note["updated_by"] = model.get("updated_by", note["created_by"])
    note["_is_pinned"] = False
    operation.account.changes.add(f"{_entity_type(operation)}/notes", note)
    event = NOTE_TYPES[note["note_type"]].event
    if event is not None:
        one = SINGULAR[_entity_type(operation)]
        value = {"note": {"id": note["id"]}}
        operation.call.history.record(event, one, note["entity_id"], after=[value])
    return note


def _change(operation: Operation, note: Entity, model: Entity) -> None:
    if "params" in model:
        model = {**model, "params": _read(note["note_type"], model["params"])}
    operation.change(note, model)


def _params(kind: str, params: Entity) -> Entity:
    return coerced_object(params, NOTE_TYPES[kind].params)


def _read(kind: str, params: Entity) -> Entity:
    params = _params(kind, params)
    if kind != "attachment":
        return params
    name = params["file_name"]
    return {"is_drive_attachment": True, "text": name, "original_name": name, **params}


def _show(operation: Operation, note: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(note)
    if "is_pinned" in listing.withs:
        shown["is_pinned"] = note["_is_pinned"]
    return shown


def _pin(call: Call, number: int, *, entity_type: str, pinned: bool) -> Answer:
    """Answer `POST /{entity}/notes/{id}/pin` and `/unpin`."""
    note = call.account.shelf(f"{entity_type}/notes").get(number)
    if note is None:
        raise ProblemError(404, "Not found")
    note["_is_pinned"] = pinned
    return NO_CONTENT


def _rows(entity_type: str) -> tuple[Entry, ...]:
    def row(path: str, create: Schema, parents: dict[str, str]) -> Collection:
        return Collection(
            path=path,
            key="notes",
            verbs={
                "list": Verb(),
                "one": Verb(),
                "create": Verb(shape=("id", "entity_id")),
                "change": Verb(shape=("id", "entity_id", "updated_at"), echo="sent"),
                "change_one": Verb(shape=("id", "entity_id", "updated_at"), echo="sent"),
            },
            keys=(
                *("id", "entity_id", "created_by", "updated_by", "created_at", "updated_at"),
                *("responsible_user_id", "group_id", "note_type", "params", "account_id"),
            ),
            with_keys=("is_pinned",),
            create=create,
            patch=_PATCH,
            # Assumed (reference 4.17): a change may repeat the type and the owner.
            fixed=("note_type", "entity_id"),
            shelf=f"{entity_type}/notes",
            parents=parents,
            filters={
                **{name: numbers(name) for name in ("id", "entity_id")},
                "note_type": many("note_type"),
                "updated_at": since("updated_at"),
            },
            orders=frozenset({"updated_at", "id"}),
            check=_check,
            make=make_note,
            change=_change,
            show=_show,
        )

    return (
        row(f"/{entity_type}/notes", {"entity_id": "int!", **_CREATE}, {}),
        row(f"/{entity_type}/<int:entity_id>/notes", _CREATE, {"entity_id": entity_type}),
        *(
            Route(
                "POST",
                f"/{entity_type}/notes/<int:number>/{word}",
                partial(_pin, entity_type=entity_type, pinned=word == "pin"),
            )
            for word in ("pin", "unpin")
        ),
    )


ROWS = tuple(row for entity_type in OWNERS for row in _rows(entity_type))
LEAD_NOTES = next(row for row in ROWS if isinstance(row, Collection) and row.shelf == "leads/notes")
