"""Leads. Source: reference 4.2, 5.1."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from amocrm.schema.common import (
    FieldValues,
    HypertextLinks,
    LinkedContact,
    LinkedElement,
    NewTags,
    Ref,
    Tag,
    TagRef,
)
from amocrm.schema.pipelines import LossReason


class LeadSource(TypedDict):
    """Where a lead came from."""

    id: int
    name: str


class _LeadParts(TypedDict):
    tags: list[Tag]
    companies: list[Ref]


class LeadParts(_LeadParts, total=False):
    """What a lead embeds."""

    contacts: list[LinkedContact]
    catalog_elements: list[LinkedElement]
    loss_reason: list[LossReason]
    source: LeadSource


class _Lead(TypedDict):
    id: int
    name: str
    price: int
    responsible_user_id: int
    group_id: int
    status_id: int
    pipeline_id: int
    loss_reason_id: int | None
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    closed_at: int | None
    closest_task_at: int | None
    is_deleted: bool
    custom_fields_values: list[FieldValues] | None
    score: int | None
    account_id: int
    _links: HypertextLinks
    _embedded: LeadParts


class Lead(_Lead, total=False):
    """A deal."""

    labor_cost: int | None
    source_id: int | None
    price_with_minor_units: float | None
    is_price_computed: bool
    is_price_modified_by_robot: bool


class DeletedLead(TypedDict):
    """A lead in the recycle bin: nothing else of it can be read."""

    id: int
    updated_at: int
    updated_by: int
    is_deleted: bool


class NewLeadSource(TypedDict, total=False):
    """Where a new lead comes from."""

    external_id: str
    type: str


class ContactRef(TypedDict, total=False):
    """A contact to link to a new lead."""

    id: int
    is_main: bool


class NewLeadParts(NewTags, total=False):
    """What a new lead is linked to; later, links do it."""

    contacts: list[ContactRef]
    companies: list[Ref]
    source: NewLeadSource


class LeadWrite(TypedDict, total=False):
    """What can be written of a lead, new or not."""

    name: str
    price: float | Decimal
    status_id: int
    pipeline_id: int
    loss_reason_id: int | None
    responsible_user_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    closed_at: int | None
    custom_fields_values: list[FieldValues] | None
    tags_to_add: list[TagRef]
    request_id: str


class NewLead(LeadWrite, total=False):
    """A lead to create; nothing is required."""

    visitor_uid: str
    _embedded: NewLeadParts


class LeadPatch(LeadWrite, total=False):
    """What to change of a lead; `id` names it where many are changed."""

    id: int
    tags_to_delete: list[TagRef]
    _embedded: NewTags
