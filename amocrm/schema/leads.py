"""Leads, their stages and loss reasons, incoming leads. Source: reference 4.2-4.6, 5.1, 5.4."""

from __future__ import annotations

from typing import TypedDict

from amocrm.schema.common import (
    FieldValues,
    LinkedContact,
    LinkedElement,
    Links,
    NewTags,
    Ref,
    Tag,
    TagRef,
)


class LossReason(TypedDict):
    """Why leads are lost."""

    id: int
    name: str
    sort: int
    created_at: int
    updated_at: int
    _links: Links


class NewLossReason(TypedDict, total=False):
    """A loss reason to create or change; `name` is required."""

    name: str
    sort: int
    request_id: str


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
    _links: Links
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
    price: float
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


class Description(TypedDict, total=False):
    """What a stage is for, told for a level of users: newbie, candidate or master."""

    id: int
    level: str
    description: str
    account_id: int
    created_at: str
    updated_at: str
    created_by: int
    updated_by: int


class _Status(TypedDict):
    id: int
    name: str
    sort: int
    is_editable: bool
    pipeline_id: int
    color: str
    type: int
    account_id: int
    _links: Links


class Status(_Status, total=False):
    """A stage of a pipeline; type 1 is the unsorted one, 142 is won and 143 is lost."""

    descriptions: list[Description]
    request_id: str


class NewStatus(TypedDict, total=False):
    """A stage to create or change; a new one needs `name` and `sort`."""

    id: int
    name: str
    sort: int
    color: str
    descriptions: list[Description]
    request_id: str


class PipelineParts(TypedDict):
    """What a pipeline embeds."""

    statuses: list[Status]


class _Pipeline(TypedDict):
    id: int
    name: str
    sort: int
    is_main: bool
    is_unsorted_on: bool
    is_archive: bool
    account_id: int
    _links: Links
    _embedded: PipelineParts


class Pipeline(_Pipeline, total=False):
    """A pipeline with its stages."""

    request_id: str


class NewPipelineParts(TypedDict):
    """Stages of a new pipeline."""

    statuses: list[NewStatus]


class PipelinePatch(TypedDict, total=False):
    """What to change of a pipeline."""

    name: str
    sort: int
    is_main: bool
    is_unsorted_on: bool


class _NewPipeline(TypedDict):
    name: str
    sort: int
    is_main: bool
    is_unsorted_on: bool


class NewPipeline(_NewPipeline, total=False):
    """A pipeline to create."""

    request_id: str
    _embedded: NewPipelineParts
