"""A refusal that speaks of `custom_fields_values.3` → one that names the field and its choices."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Final

from amocrm.errors import AmoCRMError, InvalidField, ValidationError
from amocrm.http.error_mapping import describe_fields
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema

_WITH_CHOICES: Final = ("select", "radiobutton", "multiselect", "category")
_KINDS: Final = {"multitext", "smart_address"}
_NESTED: Final = re.compile(r"_embedded\.(contacts|companies)\.\d+\.")
"""Entities that a complex creation holds. Source: reference 4.3."""


def explain(
    error: AmoCRMError, kind: str, schema_of: Callable[[str], Schema | None]
) -> AmoCRMError:
    """Return an error that names the custom fields it is about; the same one if it is about none.

    Args:
        error: of any kind.
        kind: of the entities that were sent, such as `leads` or `catalogs/7`.
        schema_of: gives the definitions of a kind that are at hand; asks nobody.
    """
    if not isinstance(error, ValidationError):
        return error
    fields = tuple(_named(one, kind, schema_of) for one in error.fields)
    if fields == error.fields:
        return error
    own = copy.copy(error)
    own.fields, own.__cause__ = fields, error.__cause__
    return describe_fields(own).with_traceback(error.__traceback__)


def _named(
    refused: InvalidField, kind: str, schema_of: Callable[[str], Schema | None]
) -> InvalidField:
    if refused.field_id is None:
        return refused
    nested = _NESTED.match(refused.path)
    schema = schema_of(nested[1] if nested else kind)
    if schema is None:
        return refused
    key = refused.field_id
    field = schema.get(key) if isinstance(key, int) else schema.by_code(key)
    if field is None:
        return refused
    named = copy.copy(refused)
    named.field_name, named.choices = field.name, _choices(field, refused.path)
    return named


def _choices(field: FieldDefinition, path: str) -> tuple[str, ...]:
    """Return what is to be sent at a path: of a phone's number there are no choices."""
    member = path.rpartition(".")[2]
    if field.type in _WITH_CHOICES and member in ("value", "values"):
        return tuple(one.value for one in field.options)
    if member == "enum_id" and field.type in (*_WITH_CHOICES, *_KINDS):
        return tuple(f"{one.id} ({one.value})" for one in field.options)
    if member == "enum_code" and field.type in (*_WITH_CHOICES, *_KINDS):
        return tuple(one.code for one in field.options if one.code)
    return ()
