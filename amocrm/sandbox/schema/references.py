"""What one definition of a schema document says of another: stages, lists, groups, roles.

Accounts may refer to what was deleted. Who reads one drops such references; who loads a document
refuses them, because a person has written them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json

PREDEFINED_GROUPS = ("default", "statistic")
"""Groups of fields that a new account has."""


def resolved(document: Mapping[str, Json]) -> tuple[Entity, list[tuple[str, Json]]]:
    """Return a document without dangling references, and those: path and value.

    Args:
        document: a checked one.
    """
    account = _References(document)
    whole = dict(document)
    for name in ("roles", "users"):
        if name in whole:
            whole[name] = [
                {**one, "rights": account.rights(one["rights"], f"{name}.{place}.rights")}
                for place, one in enumerate(whole[name])
            ]
    if "fields" in whole:
        whole["fields"] = {
            kind: [
                account.field(one, kind, f"fields.{kind}.{place}")
                for place, one in enumerate(fields)
            ]
            for kind, fields in whole["fields"].items()
        }
    if "sources" in whole:
        whole["sources"] = [
            account.member(one, "pipeline_id", account.pipelines, f"sources.{place}")
            for place, one in enumerate(whole["sources"])
        ]
    return whole, account.dangling


@dataclass
class _References:
    document: Mapping[str, Json]
    dangling: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])

    def __post_init__(self) -> None:
        self.pipelines = self._ids("pipelines")
        self.catalogs = self._ids("catalogs")
        self.roles = self._ids("roles")
        self.groups = self._ids("users_groups") | {0}
        self.stages: set[Json] = {
            (pipeline["id"], stage["id"])
            for pipeline in self.document.get("pipelines", ())
            for stage in pipeline["statuses"]
        }

    def _ids(self, name: str) -> set[Json]:
        return {one["id"] for one in self.document.get(name, ())}

    def field(self, one: Entity, kind: str, at: str) -> Entity:
        """Return a field without its dangling references."""
        groups = self.document.get("field_groups", {}).get(kind)
        known = PREDEFINED_GROUPS if groups is None else {group["id"] for group in groups}
        one = self.member(one, "group_id", known, at)
        search = one.get("search_in")
        if search is not None and search.isascii() and search.isdecimal():
            one = self.member(one, "search_in", {str(number) for number in self.catalogs}, at)
        for name in ("required_statuses", "hidden_statuses"):
            one = self._stages(one, name, at)
        if one.get("chained_lists"):
            chain = self._items(one["chained_lists"], "catalog_id", f"{at}.chained_lists")
            parents = [
                self.member(item, "parent_catalog_id", self.catalogs, f"{at}.chained_lists.{place}")
                for place, item in enumerate(chain)
            ]
            one = {**one, "chained_lists": parents}
        if one.get("nested"):
            ids = {item["id"] for item in one["nested"]}
            tree = [
                self.member(item, "parent_id", ids, f"{at}.nested.{place}")
                for place, item in enumerate(one["nested"])
            ]
            one = {**one, "nested": tree}
        return one

    def rights(self, one: Entity, at: str) -> Entity:
        """Return rights without their dangling references."""
        one = self._stages(one, "status_rights", at)
        if one.get("catalog_rights"):
            kept = self._items(one["catalog_rights"], "catalog_id", f"{at}.catalog_rights")
            one = {**one, "catalog_rights": kept}
        one = self.member(one, "role_id", self.roles, at)
        return self.member(one, "group_id", self.groups, at)

    def member(self, one: Entity, name: str, known: Container[Json], at: str) -> Entity:
        """Return an object whose member is null if it names nothing; 0 names nothing, too."""
        value = one.get(name)
        if not value or value in known:
            return one
        self.dangling.append((f"{at}.{name}", value))
        return {**one, name: None}

    def _stages(self, one: Entity, name: str, at: str) -> Entity:
        if not one.get(name):
            return one
        kept: list[Entity] = []
        for place, stage in enumerate(one[name]):
            if (stage["pipeline_id"], stage["status_id"]) in self.stages:
                kept.append(stage)
            else:
                self.dangling.append((f"{at}.{name}.{place}.status_id", stage["status_id"]))
        return {**one, name: kept}

    def _items(self, items: list[Entity], name: str, at: str) -> list[Entity]:
        kept: list[Entity] = []
        for place, item in enumerate(items):
            if item[name] in self.catalogs:
                kept.append(item)
            else:
                self.dangling.append((f"{at}.{place}.{name}", item[name]))
        return kept
