"""Definitions of the custom fields of a resource, and the zone, for the library's other packages.

They come from the client's cache, which `cf` and filters use, too.
"""

# `_context`, `_kind` and `_zone` are private so that editors do not offer them to users.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from datetime import tzinfo

from amocrm.errors import ConfigurationError
from amocrm.resources.custom_fields.definitions import FieldDefinition, Schema
from amocrm.resources.entity import HasCustomFields
from amocrm.resources.resource import Resource


def find_field(resource: Resource, key: int | str) -> FieldDefinition:
    """Return the definition of a custom field, by id, code or name.

    Raises:
        ConfigurationError: there is none, or more than one; the message lists what is like it.
    """
    _check(resource)
    return resource._context.definitions().find(resource._kind, key)


def all_fields(resource: Resource) -> Schema:
    """Return the definitions of all custom fields of a resource's entities.

    Raises:
        ConfigurationError: they have no custom fields.
    """
    _check(resource)
    return resource._context.definitions().of(resource._kind)


def account_zone(resource: Resource) -> tzinfo:
    """Return the time zone of the account that a resource is of."""
    return resource._zone()


def _check(resource: Resource) -> None:
    if not isinstance(resource, HasCustomFields):
        raise ConfigurationError(f"{resource._where} have no custom fields")
