"""Names that people use, and ids that the API takes: users, pipelines, stages.

Each list is asked for once, when the first name needs it. Digits are always an id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import cast

from amocrm.cli.words import is_number
from amocrm.client import AmoCRM
from amocrm.errors import ConfigurationError, ForbiddenError
from amocrm.http.messages import Json
from amocrm.resources.name_lookup import find_named, find_stage

Stage = dict[str, int]
"""`{"pipeline_id": 10, "status_id": 142}`."""


class Names:
    """Looks up the names of one account.

    Args:
        crm: its client.
    """

    def __init__(self, crm: AmoCRM) -> None:
        self._crm = crm

    @cached_property
    def users(self) -> list[Mapping[str, Json]]:
        """All users."""
        return _plain(self._crm.users.list())

    @cached_property
    def pipelines(self) -> list[Mapping[str, Json]]:
        """All pipelines, with their stages."""
        return _plain(self._crm.leads.pipelines.list())

    @cached_property
    def customer_stages(self) -> list[Mapping[str, Json]]:
        """All stages of customers."""
        return _plain(self._crm.customers.statuses.list())

    @cached_property
    def loss_reasons(self) -> list[Mapping[str, Json]]:
        """Why leads are lost."""
        return _plain(self._crm.leads.loss_reasons.list())

    # Names → ids ---------------------------------------------------------------------------------

    def user_id(self, text: str) -> int:
        """Return the id of a user, by name, e-mail or id."""
        if is_number(text):
            return int(text)
        return int(find_named(self.users, text, ("user", "users"), ("name", "email"))["id"])

    def pipeline_id(self, text: str) -> int:
        """Return the id of a pipeline."""
        if is_number(text):
            return int(text)
        return int(find_named(self.pipelines, text, ("pipeline", "pipelines"))["id"])

    def customer_stage_id(self, text: str) -> int:
        """Return the id of a stage of customers."""
        if is_number(text):
            return int(text)
        return int(find_named(self.customer_stages, text, ("stage", "stages"))["id"])

    def loss_reason_id(self, text: str) -> int:
        """Return the id of a loss reason."""
        if is_number(text):
            return int(text)
        return int(find_named(self.loss_reasons, text, ("loss reason", "loss reasons"))["id"])

    def stage(self, text: str, pipeline: int | None = None) -> Stage:
        """Return a stage by its name, or by `pipeline/stage`, each of them a name or an id.

        Raises:
            ConfigurationError: there is none, or several pipelines have one.
        """
        name, given = text, pipeline
        if "/" in text and not self._is_stage(text):
            first, _, name = text.partition("/")
            given = self.pipeline_id(first)
        if is_number(name):
            return self._stage_of_id(int(name), given)
        found = find_stage(self.pipelines, name, given)
        return {"pipeline_id": int(found.pipeline["id"]), "status_id": int(found.stage["id"])}

    # Ids → names ---------------------------------------------------------------------------------

    def user_name(self, number: Json) -> Json:
        """Return the name of a user; the id, if nobody has it or the list is not ours to read."""
        try:
            return _name_of(self.users, number)
        except ForbiddenError:
            return number

    def pipeline_name(self, number: Json) -> Json:
        """Return the name of a pipeline; the id, if none has it."""
        return _name_of(self.pipelines, number)

    def stage_name(self, pipeline: Json, number: Json) -> Json:
        """Return the name of a stage; the id, if none has it."""
        found = next((one for one in self.pipelines if one["id"] == pipeline), None)
        return number if found is None else _name_of(found["_embedded"]["statuses"], number)

    def customer_stage_name(self, number: Json) -> Json:
        """Return the name of a stage of customers; the id, if none has it."""
        return _name_of(self.customer_stages, number)

    def _is_stage(self, text: str) -> bool:
        stages = (one for each in self.pipelines for one in each["_embedded"]["statuses"])
        return any(one["name"] == text for one in stages)

    def _stage_of_id(self, number: int, pipeline: int | None) -> Stage:
        found = [
            one["id"]
            for one in self.pipelines
            if pipeline in (None, one["id"])
            and any(stage["id"] == number for stage in one["_embedded"]["statuses"])
        ]
        if len(found) != 1:
            why = "several pipelines have" if found else "no pipeline has"
            raise ConfigurationError(f"{why} a stage {number}", hint="write it as PIPELINE/STAGE")
        return {"pipeline_id": int(found[0]), "status_id": number}


def _plain(items: object) -> list[Mapping[str, Json]]:
    return list(cast("Iterable[Mapping[str, Json]]", items))  # their shapes are dictionaries


def _name_of(items: Iterable[Mapping[str, Json]], number: Json) -> Json:
    return next((one["name"] for one in items if one["id"] == number), number)
