"""Calls: each becomes a note of the entity with its phone (reference 4.22)."""

from __future__ import annotations

from amocrm.sandbox.data.state import CLOSED, Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors, request_id
from amocrm.sandbox.http.answer import Answer, Json, json_answer
from amocrm.sandbox.http.problem import PROBLEM
from amocrm.sandbox.values.field_filters import digits

_DIGITS = 10
"""A number is found by as many of its last digits."""

_CALL: Schema = {
    "direction": Prop("string", required=True, choices=("inbound", "outbound")),
    "duration": Prop("int", required=True, low=0),
    "source": Prop("string", required=True, filled=True),
    "phone": Prop("string", required=True, filled=True),
    "uniq": "string",
    "link": "string",
    "call_result": "string",
    "call_status": Prop("int", low=1, high=8),
    "call_responsible": "scalar?",
    "responsible_user_id": "user",
    "created_by": "user",
    "updated_by": "user",
    "created_at": "int",
    "updated_at": "int",
    "request_id": "string",
    **ignoring("id", "entity_id", "entity_type", "account_id", "_links", "_embedded"),
}
_PARAMS = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status")


def add_calls(call: Call) -> Answer:
    """Answer `POST /calls`: a call whose phone belongs to no entity is reported in `errors`."""

    def check(model: Entity, errors: ValidationErrors) -> None:
        who = model.get("call_responsible")
        if isinstance(who, int) and who not in call.account.active_users:
            errors.no_choice("call_responsible")

    models = read_models(call.request.json(), _CALL, users=call.account.active_users, check=check)
    made: list[Json] = []
    errors: list[Json] = []
    for place, model in enumerate(models):
        owner = _owner(call.account, model["phone"])
        if owner is None:
            # Assumed (reference 4.22): the shape of an error; 263 is the older API's number.
            errors.append(
                {
                    "status": 263,
                    "title": "Entity not found",
                    "detail": "Entity not found",
                    "request_id": request_id(model, place),
                }
            )
        else:
            made.append(_made(call, model, place, *owner))
    links = {"self": {"href": f"{call.root}/calls"}}
    if not made:
        # Recorded from real accounts; reference 4.22 has 200, for calls that were stored.
        return json_answer({"_total_items": 0, "errors": errors}, status=400, kind=PROBLEM)
    body = {"_total_items": len(made), "errors": errors, "_links": links}
    return json_answer({**body, "_embedded": {"calls": made}})


def _owner(account: Account, phone: str) -> tuple[str, int] | None:
    wanted = _last_digits(phone)
    for entity_type in ("contacts", "companies"):
        for one in account.shelf(entity_type).values():
            if wanted and not one["is_deleted"] and wanted in _phones(one):
                return _closer(account, entity_type, one["id"])
    return None


def _closer(account: Account, entity_type: str, number: int) -> tuple[str, int]:
    # One open lead and no customers, or one customer and no open leads, take the note.
    leads = [
        one
        for one in account.ties.of(entity_type, number, "leads")
        if account.shelf("leads")[one]["status_id"] not in CLOSED
    ]
    customers = account.ties.of(entity_type, number, "customers")
    if len(leads) == 1 and not customers:
        return "leads", leads[0]
    if len(customers) == 1 and not leads:
        return "customers", customers[0]
    return entity_type, number


def _phones(entity: Entity) -> set[str]:
    items: list[Json] = entity["custom_fields_values"] or []
    values = [one["values"] for one in items if one["field_code"] == "PHONE"]
    return {_last_digits(str(value["value"])) for some in values for value in some}


def _last_digits(phone: str) -> str:
    return digits(phone)[-_DIGITS:]


def _made(call: Call, model: Entity, place: int, entity_type: str, number: int) -> Entity:
    note = _note(call, model, number)
    call.account.shelf(f"{entity_type}/notes")[note["id"]] = note
    call.account.changes.add(f"{entity_type}/notes", note)
    kind = "incoming_call" if model["direction"] == "inbound" else "outgoing_call"
    value = {"note": {"id": note["id"]}}
    call.history.record(kind, SINGULAR[entity_type], number, after=[value])
    call.counters["created.calls"] += 1
    href = f"{call.root}/{entity_type}/{number}"
    return {
        "id": note["id"],
        "entity_id": number,
        "entity_type": SINGULAR[entity_type],
        "account_id": call.account.id,
        "request_id": request_id(model, place),
        "_embedded": {"entity": {"id": number, "_links": {"self": {"href": href}}}},
    }


def _note(call: Call, model: Entity, number: int) -> Entity:
    user = call.grant.user_id
    author = model.get("created_by", user)
    who = model.get("call_responsible")
    named = {str(one.id): one.id for one in call.account.users.values()}
    named |= {one.name: one.id for one in call.account.users.values()}
    if who is not None:
        author = named.get(str(who), author)
    moment = model.get("created_at", call.now)
    params = {name: model[name] for name in _PARAMS if name in model}
    return {
        "id": call.ids.take("notes"),
        "entity_id": number,
        "created_by": author,
        "updated_by": model.get("updated_by", author),
        "created_at": moment,
        "updated_at": model.get("updated_at", moment),
        "responsible_user_id": model.get("responsible_user_id", author),
        "group_id": 0,
        "note_type": "call_in" if model["direction"] == "inbound" else "call_out",
        "params": {**params, "call_responsible": author if who is None else who},
        "account_id": call.account.id,
        "_is_pinned": False,
    }


ROWS = (Route("POST", "/calls", add_calls),)
