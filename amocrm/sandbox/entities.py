"""Handlers of leads, contacts and companies: list, read, create, change.

Reference 4.2, 4.7, 4.8.
"""

from __future__ import annotations

from amocrm.sandbox.answer import NO_CONTENT, Answer, json_answer
from amocrm.sandbox.call import Call
from amocrm.sandbox.families import FAMILIES, Family
from amocrm.sandbox.faults import refuse_batch, request_id
from amocrm.sandbox.listing import Wish, select
from amocrm.sandbox.problem import ProblemError
from amocrm.sandbox.state import Entity
from amocrm.sandbox.validate import batch, check_model, check_patch, single
from amocrm.sandbox.view import show, wrap


def list_entities(call: Call, family: str) -> Answer:
    """Answer `GET /{family}`: a page, or 204 when there is nothing on it (reference 3.2)."""
    table = FAMILIES[family]
    wish = Wish.of(call.ask)
    items, more = wish.take(select(table, call.account.entities[family].values(), wish))
    if not items:
        return NO_CONTENT
    shown = [show(call.account, table, one, wish.withs, call.root) for one in items]
    body = {"_page": wish.page, "_links": wish.links(more), "_embedded": {family: shown}}
    return json_answer(body)


def get_entity(call: Call, family: str, number: int) -> Answer:
    """Answer `GET /{family}/{id}`: 204 for an unknown id (reference 3.2)."""
    entity = call.account.entities[family].get(number)
    if entity is None:
        return NO_CONTENT
    wish = Wish.of(call.ask)
    return json_answer(show(call.account, FAMILIES[family], entity, wish.withs, call.root))


def create_entities(call: Call, family: str) -> Answer:
    """Answer `POST /{family}`: short models, in the order of the request."""
    table = FAMILIES[family]
    models = batch(call.ask.json())
    faults = [
        check_model(one, table, call.account, table=table.create, nested=table.nested)
        for one in models
    ]
    refuse_batch(models, faults)
    made = [call.writer.create(table, model) for model in models]
    call.counters[f"created.{family}"] += len(made)
    items = [
        {
            "id": one["id"],
            "request_id": request_id(models[index], index),
            "_links": _self(call, family, one),
        }
        for index, one in enumerate(made)
    ]
    return json_answer(wrap(_collection(call, family), family, items))


def patch_entities(call: Call, family: str) -> Answer:
    """Answer `PATCH /{family}`: every model names its entity."""
    table = FAMILIES[family]
    models = batch(call.ask.json())
    refuse_batch(models, [check_patch(one, table, call.account, needs_id=True) for one in models])
    items: list[Entity] = []
    for model in models:
        entity = call.account.entities[family][model["id"]]
        call.writer.update(table, entity, model)
        item = _patched(call, table, entity)
        if "request_id" in model:
            # Assumed (reference 3.1, 12.3): echoed when sent; the published example shows none.
            item["request_id"] = model["request_id"]
        items.append(item)
    call.counters[f"updated.{family}"] += len(items)
    return json_answer(wrap(_collection(call, family), family, items))


def patch_entity(call: Call, family: str, number: int) -> Answer:
    """Answer `PATCH /{family}/{id}`: one bare short model (reference 3.2)."""
    table = FAMILIES[family]
    model = single(call.ask.json())
    entity = call.account.entities[family].get(number)
    if entity is None:
        raise ProblemError(404, "Not found")  # Assumed (reference 4.33): not documented.
    refuse_batch([model], [check_patch(model, table, call.account, needs_id=False)])
    call.writer.update(table, entity, model)
    call.counters[f"updated.{family}"] += 1
    return json_answer(_patched(call, table, entity))


def _patched(call: Call, family: Family, entity: Entity) -> Entity:
    item: Entity = {"id": entity["id"]}
    if family.patch_shows_name:
        item["name"] = entity["name"]
    item["updated_at"] = entity["updated_at"]
    item["_links"] = _self(call, family.name, entity)
    return item


def _self(call: Call, family: str, entity: Entity) -> Entity:
    return {"self": {"href": f"{call.root}/{family}/{entity['id']}"}}


def _collection(call: Call, family: str) -> Entity:
    return {"self": {"href": f"{call.root}/{family}"}}
