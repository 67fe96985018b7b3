"""Links between entities: list, link, unlink; of one entity or of many (reference 4.12)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from amocrm.sandbox.data.entity_types import OWNERS
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.filters import check_integers, texts
from amocrm.sandbox.engine.history import History
from amocrm.sandbox.engine.linking import ELEMENTS, link, metadata, unlink
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validate import read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_query
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json, is_object, json_answer
from amocrm.sandbox.http.problem import ProblemError

TARGETS = {
    "leads": ("contacts", "companies", ELEMENTS),
    # Assumed (reference 12.4): leads, too, which only the official client links from here.
    "contacts": ("companies", "leads", "customers", ELEMENTS),
    "companies": ("contacts", "leads", "customers", ELEMENTS),
    "customers": ("contacts", "companies", ELEMENTS),
}
"""What may be linked from where."""

_METADATA: Schema = {
    "is_main": "bool",
    "quantity": Prop("number", low=0),
    "catalog_id": "int",
    "price_id": "int?",
    "updated_by": "user",
    **ignoring("main_contact"),
}
"""Of a link; an end of a link needs none of it but `catalog_id`, and takes the rest."""


def list_links(call: Call, *, entity_type: str, number: int | None = None) -> Answer:
    """Answer `GET /{entity}/{id}/links` and `GET /{entity}/links`."""
    listing = ListingQuery.whole(call.request)
    filters: Json = listing.tree.get("filter")
    wanted = filters if is_object(filters) else {}
    if ("to_entity_id" in wanted) != ("to_entity_type" in wanted):
        lacking = "type" if "to_entity_id" in wanted else "id"
        raise refuse_query("FieldMissing", f"filter.to_entity_{lacking}")
    if number is None and "entity_id" not in wanted:
        raise refuse_query("FieldMissing", "filter.entity_id")
    for name in ("entity_id", "to_entity_id", "to_catalog_id"):
        if name in wanted:
            check_integers(wanted[name], f"filter.{name}")
    at, numbers = _address(call, entity_type, number), [number]
    if number is None:
        stored = call.account.shelf(entity_type)
        numbers = [one for one in stored if str(one) in texts(wanted["entity_id"])]
    found = [item for one in numbers for item in _links_of(call, entity_type, one or 0)]
    found = [item for item in found if _passes(item, wanted)]
    if not found:
        return NO_CONTENT
    if number is not None:
        found = [{name: item[name] for name in _SHORT} for item in found]
    return _answer(f"{at}/links", found)


_SHORT = ("to_entity_id", "to_entity_type", "metadata")


def make_links(call: Call, *, entity_type: str, number: int | None = None) -> Answer:
    """Answer `POST .../link`."""
    at = _address(call, entity_type, number)
    models = _read(call, entity_type, number)
    made: list[Entity] = []
    for model in models:
        ends = _ends(model, number)
        link(_history(call, model), entity_type, *ends, model.get("metadata") or {})
        made.append(_link(call, entity_type, *ends))
    return _answer(f"{at}/links", made)


def cut_links(call: Call, *, entity_type: str, number: int | None = None) -> Answer:
    """Answer `POST .../unlink`."""
    _address(call, entity_type, number)
    for model in _read(call, entity_type, number):
        unlink(_history(call, model), entity_type, *_ends(model, number))
    return NO_CONTENT


def _address(call: Call, entity_type: str, number: int | None) -> str:
    if number is None:
        return f"{call.root}/{entity_type}"
    if number not in call.account.shelf(entity_type):
        raise ProblemError(404, "Not found")  # Assumed (reference 4.33): not documented.
    return f"{call.root}/{entity_type}/{number}"


def _history(call: Call, model: Entity) -> History:
    user = (model.get("metadata") or {}).get("updated_by")
    history = call.history
    return history if user is None else history.by(user)


def _ends(model: Entity, number: int | None) -> tuple[int, str, int]:
    here = model["entity_id"] if number is None else number
    return here, model["to_entity_type"], model["to_entity_id"]


def _read(call: Call, entity_type: str, number: int | None) -> list[Entity]:
    def check(model: Entity, errors: ValidationErrors) -> None:
        if "entity_id" in model and model["entity_id"] not in call.account.shelf(entity_type):
            errors.no_choice("entity_id")
        if not {"to_entity_id", "to_entity_type"} <= set(model) or errors.found:
            return
        if model["to_entity_type"] == ELEMENTS:
            _check_element(call, model, errors)
        elif model["to_entity_id"] not in call.account.shelf(model["to_entity_type"]):
            errors.no_choice("to_entity_id")

    schema: Schema = {
        # Members of the link's own side: in the address of one entity they have no effect.
        **ignoring("entity_id", "entity_type", "request_id", "_links"),
        "to_entity_id": "int!",
        "to_entity_type": Prop("string", required=True, choices=TARGETS[entity_type]),
        "metadata": Prop("object", null=True, inner=_METADATA),
    }
    if number is None:
        schema = {**schema, "entity_id": "int!"}
    users = call.account.active_users
    return read_models(call.request.json(), schema, users=users, check=check)


def _check_element(call: Call, model: Entity, errors: ValidationErrors) -> None:
    data = model.get("metadata") or {}
    if "catalog_id" not in data:
        errors.missing("metadata.catalog_id")
        return
    if data["catalog_id"] not in call.account.shelf("catalogs"):
        errors.no_choice("metadata.catalog_id")
        return
    element = call.account.shelf("elements").get(model["to_entity_id"])
    if element is None or element["catalog_id"] != data["catalog_id"]:
        errors.no_choice("to_entity_id")
    price = data.get("price_id")
    if price is not None:
        field = call.account.fields[f"catalogs/{data['catalog_id']}"].get(price)
        if field is None or field["type"] != "price":
            errors.no_choice("metadata.price_id")


def _links_of(call: Call, entity_type: str, number: int) -> Iterator[Entity]:
    for other in TARGETS[entity_type]:
        for target in call.account.ties.of(entity_type, number, other):
            yield _link(call, entity_type, number, other, target)


def _link(call: Call, entity_type: str, number: int, other: str, target: int) -> Entity:
    return {
        "entity_id": number,
        "entity_type": entity_type,
        "to_entity_id": target,
        "to_entity_type": other,
        "metadata": metadata(call.account, entity_type, number, other, target),
    }


def _passes(item: Entity, wanted: dict[str, Json]) -> bool:
    for name in ("to_entity_id", "to_entity_type"):
        if name in wanted and str(item[name]) not in texts(wanted[name]):
            return False
    if "to_catalog_id" in wanted:
        catalog = (item["metadata"] or {}).get("catalog_id")
        return str(catalog) in texts(wanted["to_catalog_id"])
    return True


def _answer(href: str, items: list[Entity]) -> Answer:
    links = {"self": {"href": href}}
    body = {"_total_items": len(items), "_links": links, "_embedded": {"links": items}}
    return json_answer(body)


ROWS = tuple(
    Route(method, f"/{entity_type}{owner}/{word}", partial(handler, entity_type=entity_type))
    for entity_type in OWNERS
    for owner in ("", "/<int:number>")
    for method, word, handler in (
        ("GET", "links", list_links),
        ("POST", "link", make_links),
        ("POST", "unlink", cut_links),
    )
)
