"""Files at entities, on the account host (reference 4.29)."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.drive.store import Attachment
from amocrm.sandbox.engine.call import Call
from amocrm.sandbox.engine.collection import Route
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Schema, ignoring
from amocrm.sandbox.engine.validate import read_models
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import NO_CONTENT, Answer, Json, json_answer
from amocrm.sandbox.http.problem import ProblemError

ACCEPTED = Answer(202)


def list_attached(call: Call, entity_type: str, number: int) -> Answer:
    """Answer `GET /{entity}/{id}/files`: `before_id` is the cursor, links go down from it."""
    _enter(call, entity_type, number)
    listing = ListingQuery.of(call.request)
    before = _cursor(listing.tree.get("before_id"))
    # Assumed (reference 4.29): the newest link first, and files in the bin are not shown.
    files = call.account.drive.files
    found = [
        one
        for one in call.account.drive.at(entity_type, number)
        if (before is None or one.id < before) and files[one.file_uuid].deleted_at is None
    ]
    items = found[: listing.limit]
    if not items:
        return NO_CONTENT
    at = f"{call.root}/{entity_type}/{number}/files?limit={listing.limit}"
    links = {"self": {"href": at if before is None else f"{at}&before_id={before}"}}
    if len(found) > len(items):
        links["next"] = {"href": f"{at}&before_id={items[-1].id}"}
    shown = [{"file_uuid": one.file_uuid, "id": one.id} for one in items]
    return json_answer({"_links": links, "_embedded": {"files": shown}})


def attach(call: Call, entity_type: str, number: int) -> Answer:
    """Answer `PUT /{entity}/{id}/files`; what is attached already stays as it is."""
    _enter(call, entity_type, number)
    drive = call.account.drive
    attached = {one.file_uuid for one in drive.at(entity_type, number)}
    for uuid in _named(call):
        if uuid not in attached:
            drive.attachments.append(Attachment(call.ids.take("links"), uuid, entity_type, number))
            attached.add(uuid)
    return ACCEPTED


def detach(call: Call, entity_type: str, number: int) -> Answer:
    """Answer `DELETE /{entity}/{id}/files`; what is not attached is passed over (assumed)."""
    _enter(call, entity_type, number)
    drive, wanted = call.account.drive, set(_named(call))
    gone = [one for one in drive.at(entity_type, number) if one.file_uuid in wanted]
    drive.attachments = [one for one in drive.attachments if one not in gone]
    return ACCEPTED


def list_owners(call: Call, uuid: str) -> Answer:
    """Answer `GET /files/{uuid}/links`: the entities of a file, under their old names."""
    need_scope(call, "files")
    if uuid not in call.account.drive.files:
        raise ProblemError(400, "Unknown file")  # Assumed (reference 4.29): 404 is not documented.
    owners = [
        _owner(entity, one.place)
        for one in call.account.drive.attachments
        if one.file_uuid == uuid and (entity := _entity(call.account, one.place, one.number))
    ]
    return json_answer({"file_uuid": uuid, "entities": owners})


def need_scope(call: Call, scope: str) -> None:
    """Refuse a token without a scope.

    Raises:
        ProblemError: 403 (reference 3.3).
    """
    if scope not in call.grant.scopes:
        raise ProblemError(403, "Invalid scope")


def _enter(call: Call, entity_type: str, number: int) -> None:
    need_scope(call, "files")
    call.account.drive.forget_old(call.now)
    entity = _entity(call.account, entity_type, number)
    if entity is None or entity.get("is_deleted"):
        raise ProblemError(404, "Not found")


def _entity(account: Account, place: str, number: int) -> Entity | None:
    if not place.startswith("catalogs/"):
        return account.shelf(place).get(number)
    element = account.shelf("elements").get(number)
    catalog = place.partition("/")[2]
    return element if element is not None and str(element["catalog_id"]) == catalog else None


def _named(call: Call) -> list[str]:
    def check(model: Entity, errors: ValidationErrors) -> None:
        if model and model["file_uuid"] not in call.account.drive.files:
            errors.no_choice("file_uuid")  # Assumed (reference 4.29): 400, not 404.

    schema: Schema = {"file_uuid": "string!", **ignoring("id", "_links")}
    return [one["file_uuid"] for one in read_models(call.request.json(), schema, check=check)]


def _cursor(text: Json) -> int | None:
    if text is None:
        return None
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ProblemError(400, "Invalid before_id")
    return int(text)


def _owner(entity: Entity, place: str) -> Entity:
    return {
        "id": entity["id"],
        "name": entity.get("name"),
        "entity_type": place.partition("/")[0],
        "created_by": entity.get("created_by"),
        "updated_by": entity.get("updated_by"),
        "main_user_id": entity.get("responsible_user_id"),
        "date_create": entity.get("created_at"),
        "date_update": entity.get("updated_at"),
        "price": entity.get("price"),
        "pipeline_id": entity.get("pipeline_id"),
        "status_id": entity.get("status_id"),
        "closest_task_at": entity.get("closest_task_at"),
    }


def _of_element(handler: Callable[[Call, str, int], Answer]) -> Callable[..., Answer]:
    # Only the official client knows files of list elements (reference 4.29).
    def handle(call: Call, catalog: int, number: int) -> Answer:
        return handler(call, f"catalogs/{catalog}", number)

    return handle


_VERBS = (("GET", list_attached), ("PUT", attach), ("DELETE", detach))
_ENTITY = "/<any(leads,contacts,companies,customers):entity_type>/<int:number>/files"
_ELEMENT = "/catalogs/<int:catalog>/<int:number>/files"
ROWS = (
    *(Route(method, _ENTITY, handler) for method, handler in _VERBS),
    *(Route(method, _ELEMENT, _of_element(handler)) for method, handler in _VERBS),
    Route("GET", "/files/<uuid>/links", list_owners),
)
