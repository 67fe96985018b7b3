"""Names of users, pipelines, stages and loss reasons → their ids; each list is read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from amocrm.http.messages import Json
from amocrm.resources.name_lookup import find_named, find_stage

if TYPE_CHECKING:
    from amocrm.client import AmoCRM


class IdsByName:
    """The ids of an account's names."""

    def __init__(self, crm: AmoCRM) -> None:
        self._crm = crm
        self._lists: dict[str, list[Mapping[str, Json]]] = {}

    def members(self, names: Mapping[str, str]) -> dict[str, Json]:
        """Return the members that names stand for.

        Args:
            names: by their columns, such as `{"stage": "Agreed", "pipeline": "Sales"}`.

        Raises:
            ConfigurationError: there is no such name, or there are several.
        """
        found: dict[str, Json] = {}
        if "responsible" in names:
            user = find_named(
                self._list("users"), names["responsible"], ("user", "users"),
                ("name", "email"),
            )  # fmt: skip
            found["responsible_user_id"] = user["id"]
        if "loss_reason" in names:
            what = ("loss reason", "loss reasons")
            reason = find_named(self._list("loss_reasons"), names["loss_reason"], what)
            found["loss_reason_id"] = reason["id"]
        pipeline = names.get("pipeline")
        if "stage" in names:
            place = find_stage(self._list("pipelines"), names["stage"], pipeline)
            found |= {"pipeline_id": place.pipeline["id"], "status_id": place.stage["id"]}
        elif pipeline is not None:
            what = ("pipeline", "pipelines")
            found["pipeline_id"] = find_named(self._list("pipelines"), pipeline, what)["id"]
        return found

    def _list(self, what: str) -> list[Mapping[str, Json]]:
        if what not in self._lists:
            leads = self._crm.leads
            listed: Iterable[object] = (
                self._crm.users.list() if what == "users"
                else leads.loss_reasons.list() if what == "loss_reasons"
                else leads.pipelines.list()
            )  # fmt: skip
            self._lists[what] = cast("list[Mapping[str, Json]]", list(listed))
        return self._lists[what]
