"""Leads. Source: reference 4.2, 4.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from amocrm.errors import ConfigurationError
from amocrm.resources.changes import HasChanges
from amocrm.resources.entity import Entities, EntityFilter, OneEntity
from amocrm.resources.lazy import LazyResource
from amocrm.resources.one_item import OneEditable
from amocrm.resources.verbs import Creates, Editable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.attached import Subscriptions
    from amocrm.resources.filter_values import Id, Numbers, Stages, Times
    from amocrm.resources.filters import Direction
    from amocrm.resources.pipelines import LossReasons, Pipelines
    from amocrm.resources.unsorted import Unsorted
    from amocrm.schema.common import Changed, Short
    from amocrm.schema.complex import ComplexResult, NewComplexLead
    from amocrm.schema.fields import Stage
    from amocrm.schema.leads import DeletedLead, Lead, LeadPatch, NewLead

LeadWith: TypeAlias = Literal[
    "catalog_elements", "contacts", "is_price_modified_by_robot", "loss_reason", "only_deleted",
    "source", "source_id",
]  # fmt: skip


class LeadOrder(TypedDict, total=False):
    """What leads can be ordered by; one of them."""

    created_at: Direction
    id: Direction
    updated_at: Direction


class LeadFilter(EntityFilter, total=False):
    """What leads can be filtered by."""

    price: Numbers
    statuses: Stages
    pipeline_id: Id | Iterable[Id]
    closed_at: Times


class OneLead(OneEntity, OneEditable["Lead", LeadWith, "LeadPatch", "Changed"]):
    """What belongs to one lead."""

    __slots__ = ()

    subscriptions: LazyResource[Subscriptions] = LazyResource("attached.Subscriptions")
    """Users and groups that follow an entity."""

    def move(self, stage: Stage, *, loss_reason_id: int | None = None) -> Changed:
        """Move it to a stage: `crm.leads(42).move(crm.leads.pipelines.stage("Agreed"))`.

        Args:
            stage: `{"pipeline_id": 10, "status_id": 101}`.
            loss_reason_id: why it is lost; it counts only where the stage is the lost one.
        """
        if not isinstance(stage, Mapping) or not stage.keys() >= {"pipeline_id", "status_id"}:
            raise ConfigurationError(
                "a stage is {'pipeline_id': 10, 'status_id': 142}",
                hint="crm.leads.pipelines.stage(name) finds it by its name",
            )
        patch: LeadPatch = {"pipeline_id": stage["pipeline_id"], "status_id": stage["status_id"]}
        if loss_reason_id is not None:
            patch["loss_reason_id"] = loss_reason_id
        changed: Changed = self._api.request.patch(self._path, patch).data
        return changed


class Leads(
    Editable[
        "Lead", "NewLead", "LeadPatch", "Short", "Changed", LeadFilter, LeadWith, LeadOrder
    ],
    Entities["Changed"],
    HasChanges["Lead", "DeletedLead", LeadFilter, LeadWith],
    path="leads", source="4.2", query=True,
):  # fmt: skip
    """Deals that move through the stages of a pipeline."""

    __slots__ = ()

    complex: LazyResource[ComplexLeads] = LazyResource("leads.ComplexLeads")
    """Leads together with a contact and a company each, new ones or by `id`, in one call."""
    unsorted: LazyResource[Unsorted] = LazyResource("unsorted.Unsorted")
    """Leads that came in and wait to be accepted. Their ids are texts, called `uid`."""
    pipelines: LazyResource[Pipelines] = LazyResource("pipelines.Pipelines")
    """Pipelines of leads, with their stages. Writing requires admin rights."""
    loss_reasons: LazyResource[LossReasons] = LazyResource("pipelines.LossReasons")
    """Why leads are lost."""

    def __call__(self, id: int | str) -> OneLead:  # noqa: A002
        """Return what belongs to one lead."""
        return self._at(OneLead, id)


class ComplexLeads(Creates["NewComplexLead", "ComplexResult"], path="complex", source="4.3"):
    """Leads together with a contact and a company each, new ones or by `id`, in one call."""

    __slots__ = ()
