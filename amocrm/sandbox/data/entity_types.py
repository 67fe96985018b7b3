"""Leads, contacts, companies and customers as a declared table (reference 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.values.field_values import CUSTOM_FIELDS_VALUES

OWNERS = ("leads", "contacts", "companies", "customers")
"""Families that tasks, notes, tags and links belong to."""

_TAG: Schema = {"id": "int", "name": "string", "color": "string?", **ignoring("request_id")}
TAGS = Prop("array", inner=_TAG)
_TAG_SET = Prop("array", null=True, inner=_TAG)
"""The complete new set; null removes all (reference 4.2)."""

_CONTACT: Schema = {"id": "int!", "is_main": "bool", **ignoring("_links")}
_COMPANY: Schema = {"id": "int!", **ignoring("_links")}
_SOURCE: Schema = {"external_id": "string", "type": "string", **ignoring("id", "name", "_links")}
_SEGMENT: Schema = {
    "id": "int!",
    **ignoring("name", "color", "request_id", "customers_count", "account_id", "_links"),
}
SOURCE = Prop("object", inner=_SOURCE)

_COMMON: Schema = {
    "name": Prop("string", longest=255),  # Assumed (reference 3.3): the length.
    "responsible_user_id": "user",
    "created_by": "user",
    "updated_by": "user",
    "created_at": "int",
    "updated_at": "int",
    "custom_fields_values": CUSTOM_FIELDS_VALUES,
    "tags_to_add": TAGS,
    "request_id": "string",
}
_LEAD: Schema = {
    "price": "number",
    "status_id": "int",
    "pipeline_id": "int",
    "loss_reason_id": "int?",
    "closed_at": "int?",
}
_CUSTOMER: Schema = {
    "name": Prop("string", required=True, filled=True, longest=255),
    "next_price": "int",
    # Null is what reads show of a customer in segments mode.
    "next_date": "int?",
    "status_id": "int?",
    "periodicity": Prop("int", low=0),
}
_NAMES: Schema = {"first_name": "string", "last_name": "string"}

_READ_COMMON = ("responsible_user_id", "group_id")
_READ_TIMES = ("created_by", "updated_by", "created_at", "updated_at")
_MULTI = ("id", "created_by", "updated_by", "responsible_user_id")
_RANGES = ("created_at", "updated_at", "closest_task_at")


@dataclass(frozen=True)
class EntityType:
    """One kind of entity.

    Attributes:
        keys: members of a read, in the order of the published examples.
        writable: properties of POST and PATCH besides those that every kind has.
        embeds: resources shown in `_embedded`; True means always, False only `with` them.
        embedded: members of `_embedded` that can be written, besides `tags`.
        create_only: writable properties of POST alone.
        embedded_on_create: members of `_embedded` that only POST writes.
        with_keys: members that only `with` shows.
        with_embeds: further members of `_embedded` that only `with` shows.
        numbers: filters on one or several numbers.
        ranges: filters `[from]`, `[to]`.
        patch_shows_name: whether the answer to a change repeats the name.
    """

    name: str
    keys: tuple[str, ...]
    writable: Schema
    embeds: Mapping[str, bool]
    orders: frozenset[str]
    ranges: frozenset[str] = frozenset(_RANGES)
    numbers: frozenset[str] = frozenset(_MULTI)
    embedded: Schema = field(default_factory=dict[str, Prop])
    create_only: Schema = field(default_factory=dict[str, Prop])
    embedded_on_create: Schema = field(default_factory=dict[str, Prop])
    with_keys: tuple[str, ...] = ()
    with_embeds: tuple[str, ...] = ("catalog_elements",)
    patch_shows_name: bool = False

    @cached_property
    def create(self) -> Schema:
        """What a model of POST may hold; members that only reads have are ignored."""
        return {**self._written(self.embedded_on_create), **self.create_only}

    @cached_property
    def patch(self) -> Schema:
        """What a model of PATCH may hold."""
        return {**self._written({}), "tags_to_delete": TAGS}

    def _written(self, embedded: Schema) -> Schema:
        inner: Schema = {
            **ignoring(*self.embeds, *self.with_embeds),
            "tags": _TAG_SET,
            **self.embedded,
            **embedded,
        }
        return {
            **ignoring(*self.keys, *self.with_keys, "_links"),
            **_COMMON,
            **self.writable,
            "_embedded": Prop("object", inner=inner),
        }


ENTITY_TYPES: dict[str, EntityType] = {
    "leads": EntityType(
        name="leads",
        keys=(
            *("id", "name", "price", *_READ_COMMON, "status_id", "pipeline_id", "loss_reason_id"),
            *(*_READ_TIMES, "closed_at", "closest_task_at", "is_deleted"),
            *("custom_fields_values", "score", "account_id", "labor_cost"),
        ),
        writable=_LEAD,
        create_only={"visitor_uid": "string"},
        embeds={"companies": True, "contacts": False},
        embedded_on_create={
            "contacts": Prop("array", inner=_CONTACT),
            "companies": Prop("array", longest=1, inner=_COMPANY),
            "source": SOURCE,
        },
        with_keys=(
            *("source_id", "is_price_modified_by_robot", "is_price_computed"),
            "price_with_minor_units",
        ),
        with_embeds=("catalog_elements", "loss_reason", "source"),
        orders=frozenset({"created_at", "updated_at", "id"}),
        numbers=frozenset({*_MULTI, "pipeline_id"}),
        ranges=frozenset({*_RANGES, "closed_at", "price"}),
    ),
    "contacts": EntityType(
        name="contacts",
        keys=(
            *("id", "name", "first_name", "last_name", *_READ_COMMON, *_READ_TIMES),
            *("closest_task_at", "is_deleted", "is_unsorted", "custom_fields_values"),
            "account_id",
        ),
        writable=_NAMES,
        embeds={"companies": True, "leads": False, "customers": False},
        with_embeds=("catalog_elements", "social_profiles"),
        orders=frozenset({"updated_at", "id"}),
        patch_shows_name=True,
    ),
    "companies": EntityType(
        name="companies",
        keys=(
            *("id", "name", *_READ_COMMON, *_READ_TIMES),
            *("closest_task_at", "is_deleted", "custom_fields_values", "account_id"),
        ),
        writable={},
        embeds={"contacts": False, "leads": False, "customers": False},
        orders=frozenset({"updated_at", "id"}),
        patch_shows_name=True,
    ),
    "customers": EntityType(
        name="customers",
        keys=(
            *("id", "name", "next_price", "next_date", "responsible_user_id", "status_id"),
            *("periodicity", *_READ_TIMES, "closest_task_at", "is_deleted"),
            *("custom_fields_values", "ltv", "purchases_count", "average_check", "account_id"),
        ),
        writable=_CUSTOMER,
        embedded={"segments": Prop("array", inner=_SEGMENT)},
        embeds={"contacts": False, "companies": False},
        orders=frozenset(),
    ),
}
