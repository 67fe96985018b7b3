"""A schema file of `amocrm sandbox clone`, read by other commands."""

from __future__ import annotations

import os

from amocrm.cli.stubs import ENTITIES, StubbedAccount, StubbedPipeline
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.custom_fields.definitions import Schema
from amocrm.sandbox.schema.document import SchemaError, read_schema


def read_schema_file(path: str) -> dict[str, Json]:
    """Return the document of a file.

    Raises:
        ConfigurationError: it is not a schema.
    """
    try:
        return read_schema(path)
    except SchemaError as error:
        raise ConfigurationError(str(error)) from error


def schema_account(path: str) -> StubbedAccount:
    """Return what types are made of; a schema does not name users.

    Raises:
        ConfigurationError: the file is not a schema.
    """
    document = read_schema_file(path)
    listed = document.get("fields", {})
    fields = {
        one.kind: sorted(Schema(listed.get(one.kind, ())), key=lambda field: field.id)
        for one in ENTITIES
    }
    pipelines = [
        StubbedPipeline(
            one["id"], one["name"], {stage["id"]: stage["name"] for stage in one["statuses"]}
        )
        for one in document.get("pipelines", ())
    ]
    return StubbedAccount(os.path.basename(path), fields, sorted(pipelines), {})
