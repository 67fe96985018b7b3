"""Leads, pipelines, loss reasons. Source: reference 4.2, 4.3, 4.5, 4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.mount import Mount, Resource
from amocrm.resources.common import EntityFilter
from amocrm.verbs import Creates, Deletes, Editable, Gets, Lists, Updates

if TYPE_CHECKING:
    from amocrm.resources.common import Files, ItemTags, Subscriptions, Tags
    from amocrm.resources.fields import CustomFields
    from amocrm.resources.links import ItemLinks, Links
    from amocrm.resources.notes import ItemNotes, Notes
    from amocrm.resources.unsorted import Unsorted
    from amocrm.schema.common import Changed, Range, Short
    from amocrm.schema.leads import (
        ComplexResult,
        Lead,
        LeadPatch,
        LossReason,
        NewLead,
        NewLossReason,
        NewPipeline,
        NewStatus,
        Pipeline,
        PipelinePatch,
        Status,
    )

LeadWith: TypeAlias = Literal[
    "catalog_elements", "contacts", "is_price_modified_by_robot", "loss_reason", "only_deleted",
    "source", "source_id",
]  # fmt: skip
LeadOrder: TypeAlias = Literal["created_at", "id", "updated_at"]
StatusWith: TypeAlias = Literal["descriptions"]


class StageFilter(TypedDict):
    """A stage of a pipeline."""

    pipeline_id: int
    status_id: int


class LeadFilter(EntityFilter, total=False):
    """What leads can be filtered by."""

    price: int | Range
    statuses: list[StageFilter]
    pipeline_id: int | list[int]
    closed_at: Range


class OneLead(Resource):
    """What belongs to one lead."""

    __slots__ = ()

    notes: Mount[ItemNotes] = Mount("notes.ItemNotes")
    links: Mount[ItemLinks] = Mount("links.ItemLinks")
    tags: Mount[ItemTags] = Mount("common.ItemTags")
    files: Mount[Files] = Mount("common.Files")
    subscriptions: Mount[Subscriptions] = Mount("common.Subscriptions")


class Leads(
    Editable[
        "Lead", "NewLead", "LeadPatch", "Short", "Changed", LeadFilter, LeadWith, LeadOrder
    ],
    path="leads", source="4.2", query=True,
):  # fmt: skip
    """Deals that move through the stages of a pipeline."""

    __slots__ = ()

    complex: Mount[ComplexLeads] = Mount("leads.ComplexLeads")
    unsorted: Mount[Unsorted] = Mount("unsorted.Unsorted")
    pipelines: Mount[Pipelines] = Mount("leads.Pipelines")
    loss_reasons: Mount[LossReasons] = Mount("leads.LossReasons")
    custom_fields: Mount[CustomFields] = Mount("fields.CustomFields")
    tags: Mount[Tags] = Mount("common.Tags")
    notes: Mount[Notes] = Mount("notes.Notes")
    links: Mount[Links] = Mount("links.Links")

    def __call__(self, id: int | str) -> OneLead:  # noqa: A002
        """Return what belongs to one lead."""
        return self._at(OneLead, id)


class ComplexLeads(Creates["NewLead", "ComplexResult"], path="complex", source="4.3"):
    """Leads together with a contact and a company each, new ones or by `id`, in one call."""

    __slots__ = ()


class OnePipeline(Resource):
    """What belongs to one pipeline."""

    __slots__ = ()

    statuses: Mount[Statuses] = Mount("leads.Statuses")


class Pipelines(
    Lists["Pipeline", NoReturn, NoReturn, NoReturn], Gets["Pipeline", NoReturn],
    Creates["NewPipeline", "Pipeline"], Updates["PipelinePatch", "Pipeline"], Deletes,
    path="pipelines", source="4.5",
):  # fmt: skip
    """Pipelines of leads, with their stages. Writing takes an administrator."""

    __slots__ = ()

    def __call__(self, id: int | str) -> OnePipeline:  # noqa: A002
        """Return what belongs to one pipeline."""
        return self._at(OnePipeline, id)


class Statuses(
    Lists["Status", NoReturn, StatusWith, NoReturn], Gets["Status", StatusWith],
    Creates["NewStatus", "Status"], Updates["NewStatus", "Status"], Deletes,
    path="statuses", source="4.5",
):  # fmt: skip
    """Stages of a pipeline. Leads of a deleted one move to the first stage."""

    __slots__ = ()


class LossReasons(
    Lists["LossReason", NoReturn, NoReturn, NoReturn], Gets["LossReason", NoReturn],
    Creates["NewLossReason", "LossReason"], Updates["NewLossReason", "LossReason"], Deletes,
    path="loss_reasons", source="4.6",
):  # fmt: skip
    """Why leads are lost."""

    __slots__ = ()
