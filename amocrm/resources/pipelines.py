"""Pipelines of leads, their stages, and why leads are lost. Source: reference 4.5, 4.6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, cast

from amocrm.http.messages import Json
from amocrm.resources import lazy
from amocrm.resources.lazy import LazyResource
from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneEditable
from amocrm.resources.reply_parts import shapes_explained
from amocrm.resources.verbs import Creates, Deletes, Edits, Lists

if TYPE_CHECKING:
    from amocrm.schema.fields import Stage
    from amocrm.schema.pipelines import (
        LossReason,
        NewLossReason,
        NewPipeline,
        NewStatus,
        Pipeline,
        PipelinePatch,
        Status,
    )

StatusWith: TypeAlias = Literal["descriptions"]


class OnePipeline(OneEditable["Pipeline", NoReturn, "PipelinePatch", "Pipeline"]):
    """What belongs to one pipeline."""

    __slots__ = ()

    statuses: LazyResource[Statuses] = LazyResource("pipelines.Statuses")
    """Stages of a pipeline. Leads of a deleted one move to the first stage."""


class Pipelines(
    Lists["Pipeline", NoReturn, NoReturn, NoReturn], Creates["NewPipeline", "Pipeline"],
    Edits["Pipeline", NoReturn, "PipelinePatch", "Pipeline"], Deletes, HasNames["Pipeline"],
    path="pipelines", source="4.5",
):  # fmt: skip
    """Pipelines of leads, with their stages. Writing requires admin rights."""

    __slots__ = ()
    _called = ("pipeline", "pipelines")

    def __call__(self, id: int | str) -> OnePipeline:  # noqa: A002
        """Return what belongs to one pipeline."""
        return self._at(OnePipeline, id)

    def stage(self, name: str, *, pipeline: str | int | None = None) -> Stage:
        """Look a stage up by its name: one call, and what it returns may be kept.

        Leads are moved there, and looked for there: `crm.leads(42).move(stage)`,
        `crm.leads.list(filter={"statuses": [stage]})`.

        Args:
            name: as it is shown, in any case.
            pipeline: its name or id, where several have such a stage: all of them have one that is
                won and one that is lost.

        Returns:
            `{"pipeline_id": 10, "status_id": 101}`.

        Raises:
            ConfigurationError: there is none, and names like it are suggested; or there are
                several, and the message lists them.
        """
        lazy.name_lookup.check_name(name, "stage")
        pipelines = cast("Iterable[Mapping[str, Json]]", self.list())
        with shapes_explained("GET", self._path):
            found = lazy.name_lookup.find_stage(pipelines, name, pipeline)
        return {"pipeline_id": found.pipeline["id"], "status_id": found.stage["id"]}


class Statuses(
    Lists["Status", NoReturn, StatusWith, NoReturn], Creates["NewStatus", "Status"],
    Edits["Status", StatusWith, "NewStatus", "Status"], Deletes, HasNames["Status"],
    path="statuses", source="4.5",
):  # fmt: skip
    """Stages of a pipeline. Leads of a deleted one move to the first stage."""

    __slots__ = ()
    _called = ("stage", "stages")


class LossReasons(
    Lists["LossReason", NoReturn, NoReturn, NoReturn], Creates["NewLossReason", "LossReason"],
    Edits["LossReason", NoReturn, "NewLossReason", "LossReason"], Deletes, HasNames["LossReason"],
    path="loss_reasons", source="4.6",
):  # fmt: skip
    """Why leads are lost."""

    __slots__ = ()
    _called = ("loss reason", "loss reasons")
