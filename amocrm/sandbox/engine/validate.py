"""Models of a write, checked against the account (reference 3.3, 4.2, 4.7, 4.8)."""

from __future__ import annotations

from amocrm.api_limits import BATCH_LIMIT
from amocrm.sandbox.data.entity_types import EntityType
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.schema import Schema, check_object
from amocrm.sandbox.engine.validation_errors import FAILED, ValidationErrors
from amocrm.sandbox.http.answer import Json, is_array, is_object
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import EMPTY_DATA
from amocrm.sandbox.values.field_values import check_values

_TAG = {"id": "int", "name": "string", "color": "string?"}
_CONTACT_LINK = {"id": "int", "is_main": "bool"}
_COMPANY_LINK = {"id": "int"}
_SOURCE = {"external_id": "string", "type": "string"}


def batch(data: Json, limit: int = BATCH_LIMIT) -> list[Json]:
    """Return the models of a collection write.

    Raises:
        ProblemError: not an array (400), an empty one (400), or too many models (422).
    """
    if not is_array(data):
        # Assumed (reference 3.3): how a wrong outer structure is told.
        errors = [
            {"code": "InvalidType", "path": "", "detail": "This value should be of type array."}
        ]
        raise ProblemError(400, FAILED, validation_errors=[{"request_id": "0", "errors": errors}])
    models = data
    if not models:
        raise ProblemError(400, EMPTY_DATA)
    if len(models) > limit:
        # The status is documented, the wording for writes is assumed (reference 3.3, 3.5).
        raise ProblemError(422, f"Limit {limit} per request")
    return models


def single(data: Json) -> Entity:
    """Return the model of an item write.

    Raises:
        ProblemError: not one object, or an empty one.
    """
    if not is_object(data):
        errors = [
            {"code": "InvalidType", "path": "", "detail": "This value should be of type object."}
        ]
        raise ProblemError(400, FAILED, validation_errors=[{"request_id": "0", "errors": errors}])
    if not data:
        raise ProblemError(400, EMPTY_DATA)
    return data


def check_model(
    model: Json, entity_type: EntityType, account: Account, *, table: Schema, nested: frozenset[str]
) -> ValidationErrors:
    """Check one model; `table` and `nested` say what this kind of write admits."""
    faults = ValidationErrors()
    if not is_object(model):
        faults.wrong_type("", "object")
        return faults
    sound = check_object(model, table, faults, users=account.users)
    check_members({name: model[name] for name in sound}, entity_type, account, faults, nested)
    return faults


def check_members(
    model: Entity,
    entity_type: EntityType,
    account: Account,
    faults: ValidationErrors,
    nested: frozenset[str],
) -> None:
    """Check what is inside the sound properties of a model."""
    checked = {name: one for name, one in model.items() if one is not None}
    if entity_type.name == "leads":
        _check_stage(checked, account, faults)
        if checked.get("loss_reason_id", 0) not in (0, *account.shelf("loss_reasons")):
            faults.no_choice("loss_reason_id")
    check_values(checked.get("custom_fields_values", []), account, entity_type.name, faults)
    for name in ("tags_to_add", "tags_to_delete"):
        _check_tags(checked.get(name, []), name, account, entity_type, faults)
    _check_nested(checked.get("_embedded", {}), nested, account, entity_type, faults)


def _check_stage(model: Entity, account: Account, faults: ValidationErrors) -> None:
    pipeline, status = model.get("pipeline_id"), model.get("status_id")
    if pipeline is not None and pipeline not in account.pipelines:
        faults.no_choice("pipeline_id")
        return
    if status is None:
        return
    pipelines = account.pipelines if pipeline is None else (pipeline,)
    if not any(stage["id"] == status for one in pipelines for stage in account.statuses(one)):
        faults.no_choice("status_id")


def _check_tags(
    tags: list[Json], at: str, account: Account, entity_type: EntityType, faults: ValidationErrors
) -> None:
    for number, tag in enumerate(tags):
        here = f"{at}.{number}"
        if not is_object(tag):
            faults.wrong_type(here, "object")
            continue
        sound = faults.known_properties(tag, _TAG, here + ".")
        if "id" not in tag and "name" not in tag:
            faults.missing(here + ".name")
        elif "id" in sound and tag["id"] not in account.tags[entity_type.name]:
            faults.no_choice(here + ".id")


def _check_nested(
    nested: Entity,
    allowed: frozenset[str],
    account: Account,
    entity_type: EntityType,
    faults: ValidationErrors,
) -> None:
    for name, value in nested.items():
        at = f"_embedded.{name}"
        if name not in allowed:
            faults.unexpected(at)
        elif name == "tags" and value is None:
            continue  # null removes all tags (reference 4.2)
        elif name == "source":
            if faults.is_kind(value, "object", at):
                faults.known_properties(value, _SOURCE, at + ".")
        elif not faults.is_kind(value, "array", at):
            continue
        elif name == "tags":
            _check_tags(value, at, account, entity_type, faults)
        else:
            _check_links(value, name, account, faults)


def _check_links(items: list[Json], other: str, account: Account, faults: ValidationErrors) -> None:
    at = f"_embedded.{other}"
    if other == "companies" and len(items) > 1:
        faults.add("TooHigh", at, "This collection should contain 1 element or less.")
    for number, item in enumerate(items):
        here = f"{at}.{number}"
        if not is_object(item):
            faults.wrong_type(here, "object")
            continue
        table = _CONTACT_LINK if other == "contacts" else _COMPANY_LINK
        sound = faults.known_properties(item, table, here + ".")
        if "id" not in item:
            faults.missing(here + ".id")
        elif "id" in sound and item["id"] not in account.entities[other]:
            faults.no_choice(here + ".id")
