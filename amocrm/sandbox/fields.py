"""Handlers of custom field definitions (reference 4.14)."""

from __future__ import annotations

from amocrm.sandbox.answer import NO_CONTENT, Answer, Json, is_object, json_answer
from amocrm.sandbox.call import Call
from amocrm.sandbox.collection import Route
from amocrm.sandbox.defaults import add_field, numbered_enum
from amocrm.sandbox.faults import refuse_batch, request_id
from amocrm.sandbox.field_rules import check_changed_field, check_new_field
from amocrm.sandbox.listing import Wish
from amocrm.sandbox.problem import ProblemError
from amocrm.sandbox.sieve import texts
from amocrm.sandbox.state import Entity
from amocrm.sandbox.validate import batch, single


def list_fields(call: Call, family: str) -> Answer:
    """Answer `GET /{family}/custom_fields`, which does count its items."""
    wish = Wish.of(call.ask)
    found = _selected(list(call.account.fields[family].values()), wish)
    items, more = wish.take(found)
    if not items:
        return NO_CONTENT  # Assumed (reference 3.2): like every other empty listing.
    pages = -(-len(found) // wish.limit)
    body = {
        "_total_items": len(found),
        "_page": wish.page,
        "_page_count": pages,
        "_links": {**wish.links(more), "last": {"href": wish.href(pages)}},
        "_embedded": {"custom_fields": [_shown(call, family, one) for one in items]},
    }
    return json_answer(body)


def get_field(call: Call, family: str, number: int) -> Answer:
    """Answer `GET /{family}/custom_fields/{id}`."""
    return json_answer(_shown(call, family, _field(call, family, number)))


def create_fields(call: Call, family: str) -> Answer:
    """Answer `POST /{family}/custom_fields`: 201 with full models."""
    call.need_admin()
    models = batch(call.ask.json())
    refuse_batch(models, [check_new_field(one, family) for one in models])
    items: list[Entity] = []
    for index, model in enumerate(models):
        wanted = {name: value for name, value in model.items() if name != "request_id"}
        made = add_field(call.account, family, wanted, call.ids)
        items.append({**_shown(call, family, made), "request_id": request_id(model, index)})
    return json_answer(_envelope(call, family, items), status=201)


def patch_fields(call: Call, family: str) -> Answer:
    """Answer `PATCH /{family}/custom_fields`: 201 is the documented status (reference 12.3)."""
    call.need_admin()
    models = batch(call.ask.json())
    faults = [check_changed_field(one, call.account, family, needs_id=True) for one in models]
    refuse_batch(models, faults)
    items: list[Entity] = []
    for index, model in enumerate(models):
        changed = _change(call, family, call.account.fields[family][model["id"]], model)
        items.append({**_shown(call, family, changed), "request_id": request_id(model, index)})
    return json_answer(_envelope(call, family, items), status=201)


def patch_field(call: Call, family: str, number: int) -> Answer:
    """Answer `PATCH /{family}/custom_fields/{id}`: the full model, unwrapped."""
    call.need_admin()
    field = _field(call, family, number)
    model = single(call.ask.json())
    refuse_batch([model], [check_changed_field(model, call.account, family, needs_id=False)])
    return json_answer(_shown(call, family, _change(call, family, field, model)))


def delete_field(call: Call, family: str, number: int) -> Answer:
    """Answer `DELETE /{family}/custom_fields/{id}`: the values are lost, too."""
    call.need_admin()
    field = _field(call, family, number)
    if not field["is_deletable"]:
        raise ProblemError(403, "Forbidden")  # Assumed (reference 4.14): 403 is documented.
    del call.account.fields[family][number]
    for entity in call.account.entities[family].values():
        kept = [one for one in entity["custom_fields_values"] or () if one["field_id"] != number]
        entity["custom_fields_values"] = kept or None
    return NO_CONTENT


def _selected(fields: list[Entity], wish: Wish) -> list[Entity]:
    filters = wish.tree.get("filter")
    for name in ("type", "id"):
        if is_object(filters) and name in filters:
            wanted = texts(filters[name])
            fields = [one for one in fields if str(one[name]) in wanted]
    order = wish.tree.get("order")
    for name, way in list(order.items())[:1] if is_object(order) else []:
        if name in ("sort", "id"):
            fields = sorted(fields, key=lambda one: int(one[name]), reverse=way == "desc")
    return fields


def _field(call: Call, family: str, number: int) -> Entity:
    field = call.account.fields[family].get(number)
    if field is None:
        raise ProblemError(404, "Not found")  # Assumed (reference 4.33): not documented.
    return field


def _change(call: Call, family: str, field: Entity, model: Entity) -> Entity:
    for name, value in model.items():
        if name not in ("id", "request_id", "enums"):
            field[name] = value
    if model.get("enums") is not None:
        known = {one["id"] for one in field["enums"] or ()}
        # An enum without a known id is new; those not sent are deleted (reference 4.14).
        field["enums"] = [
            numbered_enum(one if one.get("id") in known else {**one, "id": None}, place, call.ids)
            for place, one in enumerate(model["enums"])
        ]
        _drop_values(call, family, field)
    return field


def _drop_values(call: Call, family: str, field: Entity) -> None:
    known = {one["id"] for one in field["enums"]}
    for entity in call.account.entities[family].values():
        items: list[Json] = entity["custom_fields_values"] or []
        for item in items:
            if item["field_id"] == field["id"]:
                item["values"] = [one for one in item["values"] if one["enum_id"] in known]
        entity["custom_fields_values"] = [one for one in items if one["values"]] or None


def _shown(call: Call, family: str, field: Entity) -> Entity:
    at = f"{call.root}/{family}/custom_fields/{field['id']}"
    return {**field, "_links": {"self": {"href": at}}}


def _envelope(call: Call, family: str, items: list[Entity]) -> Entity:
    return {
        "_total_items": len(items),
        "_links": {"self": {"href": f"{call.root}/{family}/custom_fields"}},
        "_embedded": {"custom_fields": items},
    }


_ANY = "/<any(leads,contacts,companies):family>"
ROWS = (
    Route("GET", f"{_ANY}/custom_fields", list_fields),
    Route("POST", f"{_ANY}/custom_fields", create_fields),
    Route("PATCH", f"{_ANY}/custom_fields", patch_fields),
    Route("GET", f"{_ANY}/custom_fields/<int:number>", get_field),
    Route("PATCH", f"{_ANY}/custom_fields/<int:number>", patch_field),
    Route("DELETE", f"{_ANY}/custom_fields/<int:number>", delete_field),
)
