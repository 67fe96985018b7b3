"""Definitions of custom fields, and their groups. Source: reference 4.14, 5.14."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks
from amocrm.schema.enums import FieldType


class Choice(TypedDict, total=False):
    """A choice of a field; without `id` it is a new one."""

    id: int
    value: str
    sort: int
    code: str | None


class NestedChoice(TypedDict, total=False):
    """A node of a category field; the request ids tie levels that are made in one call."""

    id: int
    parent_id: int | None
    value: str
    sort: int
    request_id: str
    parent_request_id: str


class Stage(TypedDict):
    """A stage of a pipeline, such as one in which a field is required or hidden."""

    pipeline_id: int
    status_id: int


class ChainedList(TypedDict):
    """One of the lists of a chained field."""

    title: str
    catalog_id: int
    parent_catalog_id: int | None


class _FieldParts(TypedDict, total=False):
    sort: int
    code: str | None
    group_id: str | None
    is_api_only: bool
    is_visible: bool
    is_required: bool
    settings: Json
    remind: str | None
    currency: str | None
    enums: list[Choice] | None
    nested: list[NestedChoice] | None
    required_statuses: list[Stage] | None
    hidden_statuses: list[Stage]
    chained_lists: list[ChainedList] | None
    tracking_callback: str | None
    search_in: str | None
    request_id: str


class _Field(TypedDict):
    id: int
    name: str
    type: str
    account_id: int
    entity_type: str
    _links: HypertextLinks


class Field(_Field, _FieldParts, total=False):
    """A custom field; which parts it has depends on its type and its entity."""

    catalog_id: int
    is_predefined: bool
    is_deletable: bool
    is_computed: bool


class _NewField(TypedDict):
    name: str
    type: FieldType


class NewField(_NewField, _FieldParts, total=False):
    """A custom field to create."""


class FieldPatch(_FieldParts, total=False):
    """What to change of a custom field; its type stays."""

    id: int
    name: str


class _FieldGroup(TypedDict):
    id: str
    name: str
    is_predefined: bool
    type: str
    entity_type: str
    sort: int


class FieldGroup(_FieldGroup, total=False):
    """A tab of custom fields."""

    fields: list[int]
    request_id: str
    _links: HypertextLinks


class _NewGroup(TypedDict):
    name: str
    sort: int


class NewGroup(_NewGroup, total=False):
    """A tab to create."""

    request_id: str


class GroupPatch(TypedDict, total=False):
    """What to change of a tab; `fields` moves fields there."""

    name: str
    sort: int
    fields: list[int]
