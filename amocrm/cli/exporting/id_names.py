"""Finds the names of ids: of users, stages, pipelines, loss reasons, linked contacts, companies.

Small lists are read once, when the first of their names is needed. Contacts and companies are asked
for by their ids, those of a page together, and some thousand names are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast

from amocrm.cli.names import Names
from amocrm.cli.resources import find_resource
from amocrm.http.messages import Json

if TYPE_CHECKING:
    from amocrm.cli.entity_kinds import Many
    from amocrm.client import AmoCRM

_KEPT: Final = 20_000
"""Names of contacts or companies that are kept; when there are more, all are dropped."""

_LINKED: Final = ("contacts", "companies")


class IdNames:
    """The names of an account's ids.

    Args:
        crm: the client.
        wanted: what names are asked for, such as `users`; nothing else is read.
    """

    def __init__(self, crm: AmoCRM, wanted: Collection[str]) -> None:
        self._crm = crm
        self._names = Names(crm)
        self._linked = [one for one in _LINKED if one in wanted]
        self._known: dict[str, dict[Json, str]] = {}

    def name_of(self, what: str, key: Json) -> str | None:
        """Return a name; None if it is not known."""
        if what not in self._known:
            self._known[what] = {} if what in _LINKED else dict(self._read(what))
        return self._known[what].get(key)

    def prepare(self, items: Iterable[Mapping[str, Json]]) -> None:
        """Ask for the names of contacts and companies that are linked to items."""
        for what in self._linked:
            known = self._known.setdefault(what, {})
            if len(known) > _KEPT:
                known.clear()
            ids = {one["id"] for item in items for one in _linked(item, what)} - known.keys()
            if ids:
                linked = cast("Many", find_resource(self._crm, what))
                for one in linked.list(filter={"id": sorted(ids)}):
                    known[one["id"]] = str(one.get("name") or "")

    def _read(self, what: str) -> Iterable[tuple[Json, str]]:
        if what in ("pipelines", "users", "loss_reasons"):
            listed: list[Mapping[str, Json]] = getattr(self._names, what)
            return [(one["id"], one["name"]) for one in listed]
        return [
            ((one["id"], stage["id"]), stage["name"])
            for one in self._names.pipelines
            for stage in one["_embedded"]["statuses"]
        ]


def _linked(item: Mapping[str, Json], what: str) -> list[Mapping[str, Json]]:
    parts = item.get("_embedded")
    return (parts.get(what) or []) if isinstance(parts, Mapping) else []
