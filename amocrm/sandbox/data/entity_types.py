"""Leads, contacts, companies and customers as a declared table (reference 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amocrm.sandbox.engine.schema import Prop, Schema

OWNERS = ("leads", "contacts", "companies", "customers")
"""Families that tasks, notes, tags and links belong to."""

_COMMON: Schema = {
    "name": Prop("string", longest=255),  # Assumed (reference 3.3): the length.
    "responsible_user_id": "user",
    "created_by": "user",
    "updated_by": "user",
    "created_at": "int",
    "updated_at": "int",
    "custom_fields_values": "array?",
    "tags_to_add": "array",
    "request_id": "string",
    "_embedded": "object",
}
_LEAD = {
    "price": "int",
    "status_id": "int",
    "pipeline_id": "int",
    "loss_reason_id": "int?",
    "closed_at": "int?",
}
_CUSTOMER: Schema = {
    "name": Prop("string", required=True, filled=True, longest=255),
    "next_price": "int",
    "next_date": "int",
    "status_id": "int",
    "periodicity": Prop("int", low=0),
}
_ON_PATCH = {"id": "int", "tags_to_delete": "array"}
_NAMES = {"first_name": "string", "last_name": "string"}

_READ_COMMON = ("responsible_user_id", "group_id")
_READ_TIMES = ("created_by", "updated_by", "created_at", "updated_at")
_MULTI = ("id", "created_by", "updated_by", "responsible_user_id")
_RANGES = ("created_at", "updated_at", "closest_task_at")


@dataclass(frozen=True)
class EntityType:
    """One kind of entity.

    Attributes:
        keys: members of a read, in the order of the published examples.
        create: writable properties on POST, with their kinds.
        patch: writable properties on PATCH.
        nested: members that `_embedded` may hold on POST; on PATCH only `tags`.
        embeds: families shown in `_embedded`; True means always, False only `with` them.
        numbers: filters on one or several numbers.
        ranges: filters `[from]`, `[to]`.
    """

    name: str
    keys: tuple[str, ...]
    create: Schema
    patch: Schema
    nested: frozenset[str]
    embeds: Mapping[str, bool]
    orders: frozenset[str]
    numbers: frozenset[str]
    ranges: frozenset[str]
    patch_shows_name: bool


ENTITY_TYPES: dict[str, EntityType] = {
    "leads": EntityType(
        name="leads",
        keys=(
            *("id", "name", "price", *_READ_COMMON, "status_id", "pipeline_id", "loss_reason_id"),
            *(*_READ_TIMES, "closed_at", "closest_task_at", "is_deleted"),
            *("custom_fields_values", "score", "account_id", "labor_cost"),
        ),
        create={**_COMMON, **_LEAD, "visitor_uid": "string"},
        patch={**_COMMON, **_LEAD, **_ON_PATCH},
        nested=frozenset({"tags", "contacts", "companies", "source"}),
        embeds={"companies": True, "contacts": False},
        orders=frozenset({"created_at", "updated_at", "id"}),
        numbers=frozenset({*_MULTI, "pipeline_id"}),
        ranges=frozenset({*_RANGES, "closed_at", "price"}),
        patch_shows_name=False,
    ),
    "contacts": EntityType(
        name="contacts",
        keys=(
            *("id", "name", "first_name", "last_name", *_READ_COMMON, *_READ_TIMES),
            *("closest_task_at", "is_deleted", "is_unsorted", "custom_fields_values"),
            "account_id",
        ),
        create={**_COMMON, **_NAMES},
        patch={**_COMMON, **_NAMES, **_ON_PATCH},
        nested=frozenset({"tags"}),
        embeds={"companies": True, "leads": False, "customers": False},
        orders=frozenset({"updated_at", "id"}),
        numbers=frozenset(_MULTI),
        ranges=frozenset(_RANGES),
        patch_shows_name=True,
    ),
    "companies": EntityType(
        name="companies",
        keys=(
            *("id", "name", *_READ_COMMON, *_READ_TIMES),
            *("closest_task_at", "is_deleted", "custom_fields_values", "account_id"),
        ),
        create=_COMMON,
        patch={**_COMMON, **_ON_PATCH},
        nested=frozenset({"tags"}),
        embeds={"contacts": False, "leads": False, "customers": False},
        orders=frozenset({"updated_at", "id"}),
        numbers=frozenset(_MULTI),
        ranges=frozenset(_RANGES),
        patch_shows_name=True,
    ),
    "customers": EntityType(
        name="customers",
        keys=(
            *("id", "name", "next_price", "next_date", "responsible_user_id", "status_id"),
            *("periodicity", *_READ_TIMES, "closest_task_at", "is_deleted"),
            *("custom_fields_values", "ltv", "purchases_count", "average_check", "account_id"),
        ),
        create={**_COMMON, **_CUSTOMER},
        patch={**_COMMON, **_CUSTOMER, **_ON_PATCH},
        nested=frozenset({"tags", "segments"}),
        embeds={"contacts": False, "companies": False},
        orders=frozenset(),
        numbers=frozenset(_MULTI),
        ranges=frozenset(_RANGES),
        patch_shows_name=False,
    ),
}
