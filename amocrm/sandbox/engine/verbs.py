"""How the sandbox lists, validates, writes and shows entities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.coercion import coerced
from amocrm.sandbox.engine.collection import Collection, Entry, Operation, Verb, VerbName
from amocrm.sandbox.engine.listing import ListingQuery, ordered
from amocrm.sandbox.engine.schema import Prop, Schema, check_object, prop
from amocrm.sandbox.engine.validate import batch, is_keyed_list, single
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_batch, request_id
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json, is_object, json_answer
from amocrm.sandbox.http.problem import ProblemError

Handler = Callable[..., Answer]


def routes(entry: Entry) -> Iterator[tuple[str, str, Handler]]:
    """Return the addresses of an entry of the table: method, path, handler."""
    if not isinstance(entry, Collection):
        yield entry.method, entry.path, _admitted(entry.handler) if entry.admin else entry.handler
        return
    for name in entry.verbs:
        method, one, step = _VERBS[name]
        path = f"{entry.path}/{entry.number}" if one else entry.path
        yield method, path, partial(_serve, step, entry, name)


def list_items(operation: Operation, verb: Verb) -> Answer:
    """Answer a listing: a page, or 204 when there is nothing on it (reference 3.2)."""
    row, request = operation.row, operation.call.request
    listing = (
        ListingQuery.of(request, row.page, row.page_default)
        if row.paged
        else ListingQuery.whole(request)
    )
    found = _selected(operation, listing)
    items, more = listing.take(found) if row.paged else (found, False)
    if not items:
        return NO_CONTENT
    links = listing.links(more) if row.paged else _self(operation.url)
    body: Entity = {"_total_items": len(found)} if verb.total else {}
    if row.paged:
        body["_page"] = listing.page
    if row.paged and verb.total:
        body["_page_count"] = -(-len(found) // listing.limit)
        links["last"] = {"href": listing.href(body["_page_count"])}
    shown = [show(operation, one, listing) for one in items]
    return json_answer({**body, "_links": links, "_embedded": {row.key: shown}})


def get_item(operation: Operation, verb: Verb, number: Json) -> Answer:
    """Answer the read of one entity."""
    entity = operation.find(number)
    if entity is None and operation.row.unknown == 204:
        return NO_CONTENT
    listing = ListingQuery.whole(operation.call.request)
    return json_answer(show(operation, _known(entity), listing), status=verb.status)


def create_items(operation: Operation, verb: Verb) -> Answer:
    """Answer a creation: models in the order of the request."""
    data = operation.call.request.json()
    is_one = is_object(data) and not is_keyed_list(data)
    alone = verb.body == "object" or (verb.body == "both" and is_one)
    sent: list[Json] = [single(data)] if alone else batch(data, verb.most)
    schema = operation.row.writable()
    models = [coerced(one, Prop("object", inner=schema)) for one in sent]
    refuse_batch(models, [_checked(operation, model, None, schema) for model in models])
    _admit(operation, [(None, model) for model in models])
    _make_room(operation, len(models))
    step = operation.row.make or Operation.make
    made = [step(operation, model) for model in models]
    operation.call.counters[f"created.{operation.row.key}"] += len(made)
    items = [_written(operation, verb, one, models[at], at) for at, one in enumerate(made)]
    return _answer(operation, verb, items[0] if alone else items)


def change_items(operation: Operation, verb: Verb) -> Answer:
    """Answer a change of several: every model names its entity."""
    models = _changes(operation, verb)
    _admit(operation, [(operation.find(model["id"]), model) for model in models])
    items: list[Entity] = []
    for at, model in enumerate(models):
        entity = _known(operation.find(model["id"]))
        (operation.row.change or Operation.change)(operation, entity, model)
        items.append(_written(operation, verb, entity, model, at))
    operation.call.counters[f"updated.{operation.row.key}"] += len(items)
    return _answer(operation, verb, items)


def change_item(operation: Operation, verb: Verb, number: Json) -> Answer:
    """Answer a change of one: the model itself, unwrapped (reference 3.2)."""
    schema = operation.row.writable(change=True)
    model = coerced(single(operation.call.request.json()), Prop("object", inner=schema))
    entity = _known(operation.find(number))
    refuse_batch([model], [_checked(operation, model, entity, schema, partial=True)])
    _admit(operation, [(entity, model)])
    (operation.row.change or Operation.change)(operation, entity, model)
    operation.call.counters[f"updated.{operation.row.key}"] += 1
    return _answer(operation, verb, _written(operation, verb, entity, model, 0))


def delete_item(operation: Operation, verb: Verb, number: Json) -> Answer:
    """Answer a deletion."""
    (operation.row.drop or Operation.drop)(operation, _known(operation.find(number)))
    operation.call.counters[f"deleted.{operation.row.key}"] += 1
    return Answer(verb.status)


def delete_items(operation: Operation, verb: Verb) -> Answer:
    """Answer a deletion of several, named in the body."""
    models = _changes(operation, verb)
    for model in models:
        entity = operation.find(model["id"])
        if entity is not None:  # An id may stand there twice.
            (operation.row.drop or Operation.drop)(operation, entity)
    operation.call.counters[f"deleted.{operation.row.key}"] += len(models)
    return Answer(verb.status)


def show(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
    """Return an entity as a read shows it."""
    return (
        operation.row.show(operation, entity, listing)
        if operation.row.show
        else operation.show(entity)
    )


_VERBS: dict[VerbName, tuple[str, bool, Handler]] = {
    "list": ("GET", False, list_items),
    "one": ("GET", True, get_item),
    "create": ("POST", False, create_items),
    "change": ("PATCH", False, change_items),
    "change_one": ("PATCH", True, change_item),
    "delete": ("DELETE", True, delete_item),
    "delete_many": ("DELETE", False, delete_items),
}


def _serve(step: Handler, row: Collection, name: VerbName, call: Call, **scope: Json) -> Answer:
    verb = row.verbs[name]
    if verb.admin:
        call.need_admin()
    number = [scope.pop("number")] if "number" in scope else []
    operation = Operation(call, row, scope)
    operation.enter()
    return step(operation, verb, *number)


def _admitted(handler: Handler) -> Handler:
    def admit(call: Call, **scope: Json) -> Answer:
        call.need_admin()
        return handler(call, **scope)

    return admit


def _admit(operation: Operation, models: list[tuple[Entity | None, Entity]]) -> None:
    if operation.row.admit is not None:
        operation.row.admit(operation, models)


def _make_room(operation: Operation, more: int) -> None:
    limit = operation.row.capacity
    if limit is not None and len(operation.here()) + more > limit:
        raise ProblemError(operation.row.overfull, f"Limit {limit} per account")


def _known(entity: Entity | None) -> Entity:
    if entity is None:
        raise ProblemError(404, "Not found")  # Assumed (reference 4.33): mostly not documented.
    return entity


def _changes(operation: Operation, verb: Verb) -> list[Entity]:
    """Return the checked models of a change or a deletion of several."""
    kind = "int" if operation.row.number.startswith("<int:") else "string"
    schema = {**operation.row.writable(change=True), "id": Prop(kind, required=True)}
    wanted = Prop("object", inner=schema)
    models = [coerced(one, wanted) for one in batch(operation.call.request.json(), verb.most)]
    refuse_batch(models, [_checked_change(operation, model, schema) for model in models])
    return models


def _checked_change(operation: Operation, model: Json, schema: Schema) -> ValidationErrors:
    errors = ValidationErrors()
    number: Json = None
    if is_object(model) and "id" not in model:
        errors.missing("id")
    elif is_object(model) and errors.is_kind(model["id"], prop(schema["id"]).kind, "id"):
        number = model["id"]
    entity = operation.find(number)
    if number is not None and entity is None:
        errors.no_choice("id")  # Assumed (reference 4.33): only 200, 400 and 401 are documented.
    rest = {**schema, "id": "ignored"}
    found = _checked(operation, model, entity, rest, partial=True)
    return ValidationErrors(errors.found + found.found)


def _checked(
    operation: Operation,
    model: Json,
    entity: Entity | None,
    schema: Schema,
    *,
    partial: bool = False,
) -> ValidationErrors:
    errors = ValidationErrors()
    if not errors.is_kind(model, "object", ""):
        return errors
    row: Collection = operation.row
    # What is sent back as it was read is not refused: neither a color of older accounts, nor a user
    # who has been switched off.
    same = {
        name
        for name in model
        if entity is not None and name in schema and name in entity and entity[name] == model[name]
    }
    changed = {name: one for name, one in model.items() if name not in same}
    users = operation.account.active_users
    sound = same | check_object(changed, schema, errors, users=users, partial=partial)
    for name in row.fixed if entity is not None else ():
        if name in sound - same:
            errors.no_choice(name)
    if row.check is not None and (entity is not None or not partial):
        row.check(operation, {name: model[name] for name in sound}, entity, errors)
    return errors


def _selected(operation: Operation, listing: ListingQuery) -> list[Entity]:
    row, found = operation.row, operation.here()
    if row.select is not None:
        found = row.select(operation, found, listing)
    filters: Json = listing.tree.get("filter")
    asked = [(row.filters, filters if is_object(filters) else {}), (row.bare, listing.tree)]
    for known, wanted in asked:
        for name, test in known.items():
            if name in wanted:
                test.check(wanted[name], f"filter.{name}" if known is row.filters else name)
                found = [one for one in found if test.passes(one, wanted[name])]
    query = listing.tree.get("query")
    if row.query and isinstance(query, str) and query:
        found = [one for one in found if _mentions(one, row.query, query.casefold())]
    return ordered(found, listing.tree.get("order"), row.orders)


def _mentions(entity: Entity, members: tuple[str, ...], query: str) -> bool:
    return any(query in str(entity[name]).casefold() for name in members)


def _written(operation: Operation, verb: Verb, entity: Entity, model: Entity, at: int) -> Entity:
    if verb.shape is None:
        item = show(operation, entity, ListingQuery.whole(operation.call.request))
        links = item.get("_links")
    else:
        item = {name: entity[name] for name in verb.shape}
        links = _self(operation.href(entity))
    if verb.echo == "index":
        item["request_id"] = request_id(model, at)
    elif "request_id" in model and verb.echo != "no":
        item["request_id"] = model["request_id"]
    elif verb.echo == "id":
        item["request_id"] = str(entity["id"])
    item["_links"] = links
    return item


def _answer(operation: Operation, verb: Verb, done: Entity | list[Entity]) -> Answer:
    if verb.status == 204 or verb.shape == ():
        return Answer(verb.status)
    if not isinstance(done, list):
        return json_answer(done, status=verb.status)
    body: Entity = {"_total_items": len(done)} if verb.total else {}
    body |= {"_links": _self(operation.url), "_embedded": {operation.row.key: cast("Json", done)}}
    return json_answer(body, status=verb.status)


def _self(href: str) -> dict[str, Json]:
    return {"self": {"href": href}}
