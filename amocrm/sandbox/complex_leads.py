"""`POST /leads/complex`: leads together with their contact and company (reference 4.3)."""

from __future__ import annotations

from amocrm.limits import COMPLEX_LIMIT
from amocrm.sandbox.answer import Answer, Json, is_array, is_object, json_answer
from amocrm.sandbox.call import Call
from amocrm.sandbox.collection import Route
from amocrm.sandbox.families import FAMILIES
from amocrm.sandbox.faults import Faults, refuse_batch, request_id
from amocrm.sandbox.state import Account, Entity
from amocrm.sandbox.validate import batch, check_model
from amocrm.sandbox.values import MAX_PER_ENTITY

_OTHERS = ("contacts", "companies")
_NESTED = frozenset({"tags", "source"})
_CATEGORIES = ("forms", "sip")


def create_complex(call: Call) -> Answer:
    """Answer with a bare array; duplicate control is off, so nothing is ever merged."""
    models = batch(call.ask.json(), COMPLEX_LIMIT)
    refuse_batch(models, [_check(one, call.account) for one in models])
    return json_answer([_create(call, model, index) for index, model in enumerate(models)])


def _check(model: Json, account: Account) -> Faults:
    table = FAMILIES["leads"]
    bare, nested = _split(model)
    faults = check_model(bare, table, account, table=table.create, nested=_NESTED)
    if is_object(model):
        _check_count(model, "", faults)
    for other in _OTHERS:
        if other in nested:
            _check_other(nested[other], other, account, faults)
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


def _check_other(items: Json, other: str, account: Account, faults: Faults) -> None:
    at = f"_embedded.{other}"
    if not is_array(items):
        faults.wrong_type(at, "array")
        return
    if len(items) > 1:
        faults.add("TooHigh", at, "This collection should contain 1 element or less.")
    for number, item in enumerate(items):
        here = f"{at}.{number}"
        if is_object(item) and "id" in item:
            if faults.is_kind(item["id"], "int", f"{here}.id"):
                _check_known(item["id"], other, account, faults, here)
            continue
        table = FAMILIES[other]
        inner = check_model(item, table, account, table=table.create, nested=frozenset({"tags"}))
        for fault in inner.found:
            path = f"{here}.{fault['path']}".rstrip(".")
            faults.add(fault["code"], path, fault["detail"])
        if is_object(item):
            _check_count(item, here + ".", faults)


def _check_known(number: int, other: str, account: Account, faults: Faults, at: str) -> None:
    if number not in account.entities[other]:
        faults.no_choice(f"{at}.id")


def _check_count(model: Entity, at: str, faults: Faults) -> None:
    values = model.get("custom_fields_values")
    if is_array(values) and len(values) > MAX_PER_ENTITY:
        detail = f"This collection should contain {MAX_PER_ENTITY} elements or less."
        faults.add("TooHigh", f"{at}custom_fields_values", detail)


def _check_metadata(metadata: Json, faults: Faults) -> None:
    at = "_embedded.metadata"
    if not faults.is_kind(metadata, "object", at):
        return
    if "category" not in metadata:
        faults.missing(f"{at}.category")
    elif metadata["category"] not in _CATEGORIES:
        faults.no_choice(f"{at}.category")


def _create(call: Call, model: Entity, index: int) -> Entity:
    bare, nested = _split(model)
    lead = call.writer.create(FAMILIES["leads"], bare)
    call.counters["created.leads"] += 1
    ids = {other: _other(call, nested.get(other) or [], other) for other in _OTHERS}
    ties = call.account.ties
    for other, number in ids.items():
        if number is not None:
            ties.tie("leads", lead["id"], other, number)
    contact, company = ids["contacts"], ids["companies"]
    if contact is not None and company is not None:
        ties.tie("contacts", contact, "companies", company)
    if "metadata" in nested:
        # `status_id` is ignored then: the lead stands in the unsorted stage.
        stages = call.account.statuses(lead["pipeline_id"])
        lead["status_id"] = next(stage["id"] for stage in stages if stage["type"] == 1)
        lead["closed_at"] = None
    return {
        "id": lead["id"],
        "contact_id": contact,
        "company_id": company,
        "request_id": [request_id(model, index)],
        "merged": False,
    }


def _other(call: Call, items: list[Entity], other: str) -> int | None:
    for item in items:
        if "id" in item:
            return int(item["id"])
        call.counters[f"created.{other}"] += 1
        return int(call.writer.create(FAMILIES[other], item)["id"])
    return None


ROWS = (Route("POST", "/leads/complex", create_complex),)
