"""Bodies of writes: read as amoCRM reads them, and checked (reference 3.1, 3.3, 4.2, 4.7, 4.8)."""

from __future__ import annotations

from collections.abc import Callable, Container

from amocrm.api_limits import BATCH_LIMIT
from amocrm.sandbox.data.entity_types import EntityType
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.coercion import coerced
from amocrm.sandbox.engine.schema import Prop, Schema, check_object
from amocrm.sandbox.engine.validation_errors import FAILED, ValidationErrors, refuse_batch
from amocrm.sandbox.http.answer import Json, is_array, is_object
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import EMPTY_DATA, IncomingRequest
from amocrm.sandbox.values.field_values import check_values

Check = Callable[[Entity, ValidationErrors], None]
"""Adds errors to those of the schema; it gets the sound members of a model."""


def batch(data: Json, limit: int = BATCH_LIMIT) -> list[Json]:
    """Return the models of a collection write; an object of models counts as a list of them.

    Raises:
        ProblemError: not an array (400), an empty one (400), or too many models (422).
    """
    models = list(data.values()) if is_keyed_list(data) else data
    if not is_array(models):
        raise _wrong_body("array")
    if not models:
        raise ProblemError(400, EMPTY_DATA)
    if len(models) > limit:
        # The status is documented, the wording for writes is assumed (reference 3.3, 3.5).
        raise ProblemError(422, f"Limit {limit} per request")
    return models


def is_keyed_list(data: Json) -> bool:
    """Tell whether an object can be nothing but a list of models with keys."""
    return is_object(data) and all(is_object(one) for one in data.values())


def single(data: Json) -> Json:
    """Return the model of an item write.

    Raises:
        ProblemError: neither an object nor an array, or an empty one.
    """
    model = coerced(data, Prop("object"))
    if not is_object(model):
        raise _wrong_body("object")
    if not model:
        raise ProblemError(400, EMPTY_DATA)
    return model


def read_models(
    data: Json,
    schema: Schema,
    *,
    users: Container[Json] = (),
    limit: int = BATCH_LIMIT,
    check: Check | None = None,
) -> list[Entity]:
    """Return the checked models of a collection write.

    Raises:
        ProblemError: the body is no list of models (see `batch`), or a model has errors (400).
    """
    models = [coerced(one, Prop("object", inner=schema)) for one in batch(data, limit)]
    return _checked(models, schema, users, check)


def read_model(
    data: Json, schema: Schema, *, users: Container[Json] = (), check: Check | None = None
) -> Entity:
    """Return the checked model of an item write.

    Raises:
        ProblemError: the body is no model (see `single`), or the model has errors (400).
    """
    models = [coerced(single(data), Prop("object", inner=schema))]
    return _checked(models, schema, users, check)[0]


def read_optional(
    request: IncomingRequest, schema: Schema, *, users: Container[Json] = ()
) -> Entity:
    """Return the checked model of a body that may be missing as a whole.

    Raises:
        ProblemError: the body is no model, or the model has errors (400).
    """
    data: Json = request.json() if request.body.strip() else {}
    model = coerced(data, Prop("object", inner=schema))
    return _checked([model], schema, users, None)[0]


def _checked(
    models: list[Json], schema: Schema, users: Container[Json], check: Check | None
) -> list[Entity]:
    found: list[ValidationErrors] = []
    for model in models:
        errors = ValidationErrors()
        if errors.is_kind(model, "object", ""):
            sound = check_object(model, schema, errors, users=users)
            if check is not None:
                check({name: model[name] for name in sound}, errors)
        found.append(errors)
    refuse_batch(models, found)
    return models


def _wrong_body(kind: str) -> ProblemError:
    # Assumed (reference 3.3): how a wrong outer structure is refused.
    errors = ValidationErrors()
    errors.wrong_type("", kind)
    return ProblemError(
        400, FAILED, validation_errors=[{"request_id": "0", "errors": errors.found}]
    )


def check_model(
    model: Json, entity_type: EntityType, account: Account, schema: Schema
) -> ValidationErrors:
    """Check one model of an entity, read by its schema."""
    errors = ValidationErrors()
    if errors.is_kind(model, "object", ""):
        sound = check_object(model, schema, errors, users=account.active_users)
        check_members({name: model[name] for name in sound}, entity_type, account, errors)
    return errors


def check_members(
    model: Entity, entity_type: EntityType, account: Account, errors: ValidationErrors
) -> None:
    """Check what the sound properties of a model name in the account."""
    checked = {name: one for name, one in model.items() if one is not None}
    if entity_type.name == "leads":
        _check_stage(checked, account, errors)
        if checked.get("loss_reason_id", 0) not in (0, *account.shelf("loss_reasons")):
            errors.no_choice("loss_reason_id")
    check_values(checked.get("custom_fields_values", []), account, entity_type.name, errors)
    for name in ("tags_to_add", "tags_to_delete"):
        _check_tags(checked.get(name, []), name, account, entity_type, errors)
    _check_embedded(checked.get("_embedded", {}), account, entity_type, errors)


def _check_stage(model: Entity, account: Account, errors: ValidationErrors) -> None:
    pipeline, status = model.get("pipeline_id"), model.get("status_id")
    if pipeline is not None and pipeline not in account.pipelines:
        errors.no_choice("pipeline_id")
        return
    if status is None:
        return
    pipelines = account.pipelines if pipeline is None else (pipeline,)
    if not any(stage["id"] == status for one in pipelines for stage in account.statuses(one)):
        errors.no_choice("status_id")


def _check_tags(
    tags: list[Entity], at: str, account: Account, entity_type: EntityType, errors: ValidationErrors
) -> None:
    for number, tag in enumerate(tags):
        if "id" not in tag and "name" not in tag:
            errors.missing(f"{at}.{number}.name")
        elif "id" in tag and tag["id"] not in account.tags[entity_type.name]:
            errors.no_choice(f"{at}.{number}.id")


def _check_embedded(
    embedded: Entity, account: Account, entity_type: EntityType, errors: ValidationErrors
) -> None:
    _check_tags(embedded.get("tags") or [], "_embedded.tags", account, entity_type, errors)
    for other in ("contacts", "companies", "segments"):
        for number, item in enumerate(embedded.get(other, ())):
            if item["id"] not in account.entities[other]:
                errors.no_choice(f"_embedded.{other}.{number}.id")
