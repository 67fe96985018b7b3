"""Pipelines of leads, their stages, loss reasons. Source: reference 4.5, 4.6, 5.4."""

from __future__ import annotations

from typing import TypedDict

from amocrm.schema.common import HypertextLinks
from amocrm.schema.enums import StageColor


class LossReason(TypedDict):
    """Why leads are lost."""

    id: int
    name: str
    sort: int
    created_at: int
    updated_at: int
    _links: HypertextLinks


class NewLossReason(TypedDict, total=False):
    """A loss reason to create or change; `name` is required."""

    name: str
    sort: int
    request_id: str


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
    _links: HypertextLinks


class Status(_Status, total=False):
    """A stage of a pipeline; type 1 is the unsorted one, 142 is won and 143 is lost."""

    descriptions: list[Description]
    request_id: str


class NewStatus(TypedDict, total=False):
    """A stage to create or change; a new one needs `name` and `sort`."""

    id: int
    name: str
    sort: int
    color: StageColor
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
    _links: HypertextLinks
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
