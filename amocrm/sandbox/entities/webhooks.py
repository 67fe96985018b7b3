"""Subscriptions to what happens in an account (reference 4.20, 6.2)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Collection, Operation, Route, Verb
from amocrm.sandbox.engine.filters import many
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validate import read_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import NO_CONTENT, Answer
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.values.addresses import is_address

MOST_WEBHOOKS = 100
"""Of one account (reference 3.5)."""

CODES = (
    *("add_lead", "update_lead", "delete_lead", "restore_lead", "status_lead"),
    *("responsible_lead", "note_lead"),
    *("add_contact", "update_contact", "delete_contact", "restore_contact"),
    *("responsible_contact", "note_contact"),
    *("add_company", "update_company", "delete_company", "restore_company"),
    *("responsible_company", "note_company"),
    *("add_customer", "update_customer", "delete_customer", "responsible_customer"),
    "note_customer",
    *("add_task", "update_task", "delete_task", "responsible_task"),
    *("add_talk", "update_talk", "add_message", "add_outgoing_message"),
    "add_chat_template_review",
    # Assumed (reference 6.2): the strings of incoming leads and of elements of lists.
    *("add_unsorted", "update_unsorted", "delete_unsorted"),
    *("add_catalog_element", "update_catalog_element", "delete_catalog_element"),
)


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    if not is_address(model.get("destination", "http://a")):
        errors.add("InvalidFormat", "destination", "This value is not a valid URL.")


def _make(operation: Operation, model: Entity) -> Entity:
    known = _by_destination(operation.call, model["destination"])
    if known is not None:
        # A known address gets new settings and is switched on again. Assumed (reference 6.1): the
        # bad answers of the time before count no more.
        operation.change(known, {**model, "disabled": False})
        known["_bad"] = []
        return known
    if len(operation.shelf) >= MOST_WEBHOOKS:
        raise ProblemError(422, f"Limit {MOST_WEBHOOKS} per account")
    return operation.make(model)


def delete_webhook(call: Call) -> Answer:
    """Answer `DELETE /webhooks`, whose body names the address."""
    schema: Schema = {**WEBHOOKS.writable(), "settings": "ignored", "sort": "ignored"}
    model = read_model(call.request.json(), schema)
    known = _by_destination(call, model["destination"])
    if known is None:
        raise ProblemError(404, "Not found")
    del call.account.shelf("webhooks")[known["id"]]
    known["_is_deleted"] = True
    return NO_CONTENT


def _by_destination(call: Call, destination: str) -> Entity | None:
    stored = call.account.shelf("webhooks").values()
    return next((one for one in stored if one["destination"] == destination), None)


WEBHOOKS = Collection(
    path="/webhooks",
    key="webhooks",
    verbs={
        "list": Verb(total=True, admin=True),
        "create": Verb(body="object", status=201, echo="no", admin=True),
    },
    keys=(
        *("id", "destination", "created_at", "updated_at", "account_id", "created_by", "sort"),
        *("disabled", "settings"),
    ),
    create={
        "destination": "string!",
        "settings": Prop("array", required=True, filled=True, each=Prop("string", choices=CODES)),
        "sort": "int",
    },
    defaults={"sort": 0, "disabled": False},
    filters={"destination": many("destination")},
    paged=False,
    check=_check,
    make=_make,
)

ROWS = (WEBHOOKS, Route("DELETE", "/webhooks", delete_webhook, admin=True))
