"""`POST /leads/complex`: leads together with their contact and company (reference 4.3)."""

from __future__ import annotations

from amocrm.api_limits import COMPLEX_LIMIT
from amocrm.sandbox.data.entity_types import ENTITY_TYPES
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.embedded import check_count, check_other, make_other
from amocrm.sandbox.engine.linking import link
from amocrm.sandbox.engine.schema import check_object
from amocrm.sandbox.engine.validate import batch, check_model
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_batch, request_id
from amocrm.sandbox.entities.unsorted_items import METADATA, enter
from amocrm.sandbox.http.answer import Answer, Json, is_object, json_answer

_OTHERS = ("contacts", "companies")
_NESTED = frozenset({"tags", "source"})


def create_complex(call: Call) -> Answer:
    """Answer with a bare array; duplicate control is off, so nothing is ever merged."""
    models = batch(call.ask.json(), COMPLEX_LIMIT)
    refuse_batch(models, [_check(one, call.account) for one in models])
    return json_answer([_create(call, model, index) for index, model in enumerate(models)])


def _check(model: Json, account: Account) -> ValidationErrors:
    table = ENTITY_TYPES["leads"]
    bare, nested = _split(model)
    faults = check_model(bare, table, account, table=table.create, nested=_NESTED)
    if is_object(model):
        check_count(model, "", faults)
    for other in _OTHERS:
        if other in nested:
            check_other(nested[other], other, account, faults)
    if "metadata" in nested:
        _check_metadata(nested["metadata"], faults)
    return faults


def _split(model: Json) -> tuple[Json, Entity]:
    """Part a model from what only this call admits inside `_embedded`."""
    if not is_object(model) or not is_object(model.get("_embedded")):
        return model, {}
    special = {*_OTHERS, "metadata"}
    embedded: Entity = model["_embedded"]
    kept = {name: value for name, value in embedded.items() if name not in special}
    nested = {name: value for name, value in embedded.items() if name in special}
    return {**model, "_embedded": kept}, nested


def _check_metadata(metadata: Json, faults: ValidationErrors) -> None:
    at = "_embedded.metadata"
    if not faults.is_kind(metadata, "object", at):
        return
    if "category" not in metadata:
        faults.missing(f"{at}.category")
    elif metadata["category"] not in METADATA:
        faults.no_choice(f"{at}.category")
    else:
        # Assumed (reference 4.3): nothing but the category is required here.
        schema = {"category": "string", **METADATA[metadata["category"]]}
        check_object(metadata, schema, faults, at=at + ".", partial=True)


def _create(call: Call, model: Entity, index: int) -> Entity:
    bare, nested = _split(model)
    lead = call.writer.create(ENTITY_TYPES["leads"], bare)
    call.counters["created.leads"] += 1
    ids = {other: make_other(call, nested.get(other) or [], other) for other in _OTHERS}
    for other, number in ids.items():
        if number is not None:
            link(call.history, "leads", lead["id"], other, number, {})
    contact, company = ids["contacts"], ids["companies"]
    if contact is not None and company is not None:
        link(call.history, "contacts", contact, "companies", company, {})
    if "metadata" in nested:
        # `status_id` is ignored then: the lead stands in the unsorted stage.
        metadata: Entity = dict(nested["metadata"])
        category = metadata.pop("category")
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
