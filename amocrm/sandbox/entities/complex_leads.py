"""`POST /leads/complex`: leads together with their contact and company (reference 4.3)."""

from __future__ import annotations

from amocrm.api_limits import COMPLEX_LIMIT
from amocrm.sandbox.data.entity_types import ENTITY_TYPES, SOURCE
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.coercion import coerced_object
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.embedded import (
    OTHERS,
    TAGS_ONLY,
    check_count,
    check_others,
    make_other,
)
from amocrm.sandbox.engine.linking import link
from amocrm.sandbox.engine.schema import Prop, Schema, check_object, prop
from amocrm.sandbox.engine.validate import check_members, read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors, request_id
from amocrm.sandbox.entities.main_entities import refuse_loss_reasons
from amocrm.sandbox.entities.unsorted_items import METADATA, enter
from amocrm.sandbox.http.answer import Answer, json_answer

_EMBEDDED: Schema = {
    **(prop(TAGS_ONLY).inner or {}),
    "source": SOURCE,
    **OTHERS,
    "metadata": "object",
}
_COMPLEX: Schema = {
    **ENTITY_TYPES["leads"].create,
    "_embedded": Prop("object", inner=_EMBEDDED),
}


def create_complex(call: Call) -> Answer:
    """Answer with a bare array; duplicate control is off, so nothing is ever merged."""

    def check(model: Entity, errors: ValidationErrors) -> None:
        check_members(_without_others(model), ENTITY_TYPES["leads"], call.account, errors)
        check_count(model, errors)
        embedded = model.get("_embedded", {})
        check_others(embedded, call.account, errors)
        if "metadata" in embedded:
            _check_metadata(embedded["metadata"], errors)

    models = read_models(
        call.request.json(),
        _COMPLEX,
        users=call.account.active_users,
        limit=COMPLEX_LIMIT,
        check=check,
    )
    refuse_loss_reasons([(None, model) for model in models])
    return json_answer([_create(call, model, index) for index, model in enumerate(models)])


def _without_others(model: Entity) -> Entity:
    embedded = {name: one for name, one in model.get("_embedded", {}).items() if name not in OTHERS}
    return {**model, "_embedded": embedded}


def _check_metadata(metadata: Entity, errors: ValidationErrors) -> None:
    at = "_embedded.metadata"
    if "category" not in metadata:
        errors.missing(f"{at}.category")
    elif metadata["category"] is None:
        errors.null(f"{at}.category")
    elif metadata["category"] not in METADATA:
        errors.no_choice(f"{at}.category")
    else:
        # Assumed (reference 4.3): nothing but the category is required here.
        schema: Schema = {"category": "string", **METADATA[metadata["category"]]}
        found = ValidationErrors()
        check_object(coerced_object(metadata, schema), schema, found, partial=True)
        errors.include(found, at)


def _create(call: Call, model: Entity, index: int) -> Entity:
    nested: Entity = model.get("_embedded", {})
    lead = call.writer.create(ENTITY_TYPES["leads"], _without_others(model))
    call.counters["created.leads"] += 1
    ids = {other: make_other(call, nested.get(other) or [], other) for other in OTHERS}
    for other, number in ids.items():
        if number is not None:
            link(call.history, "leads", lead["id"], other, number, {})
    contact, company = ids["contacts"], ids["companies"]
    if contact is not None and company is not None:
        link(call.history, "contacts", contact, "companies", company, {})
    if "metadata" in nested:
        # `status_id` is ignored then: the lead stands in the unsorted stage.
        category = nested["metadata"]["category"]
        metadata = coerced_object(nested["metadata"], METADATA[category])
        del metadata["category"]
        ends = {"leads": lead["id"], "contacts": contact, "companies": company}
        enter(call.writer, category, ends, {"metadata": metadata})
    return {
        "id": lead["id"],
        "contact_id": contact,
        "company_id": company,
        "request_id": [request_id(model, index)],
        "merged": False,
    }


ROWS = (Route("POST", "/leads/complex", create_complex),)
