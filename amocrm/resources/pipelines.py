"""Pipelines of leads, their stages, and why leads are lost. Source: reference 4.5, 4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from amocrm.mount import Mount, Resource
from amocrm.verbs import Creates, Deletes, Gets, Lists, Updates

if TYPE_CHECKING:
    from amocrm.schema.leads import (
        LossReason,
        NewLossReason,
        NewPipeline,
        NewStatus,
        Pipeline,
        PipelinePatch,
        Status,
    )

StatusWith: TypeAlias = Literal["descriptions"]


class OnePipeline(Resource):
    """What belongs to one pipeline."""

    __slots__ = ()

    statuses: Mount[Statuses] = Mount("pipelines.Statuses")


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
