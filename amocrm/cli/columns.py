"""`--fields id,name,stage,cf.Region` → the row of an item: names instead of ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from amocrm.cli.filters import FIELD
from amocrm.cli.names import Names
from amocrm.cli.words import key_of
from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.entity import HasCustomFields
from amocrm.resources.field_lookup import find_field
from amocrm.resources.resource import Resource

Item = Mapping[str, Json]

USUAL: Final[Mapping[str, Sequence[str]]] = {
    "leads": ("id", "name", "price", "stage", "responsible", "created_at"),
    "contacts": ("id", "name", "responsible", "created_at"),
    "companies": ("id", "name", "responsible", "created_at"),
    "customers": ("id", "name", "next_price", "responsible", "created_at"),
    "tasks": ("id", "text", "complete_till", "is_completed", "responsible"),
    "events": ("id", "type", "entity_type", "entity_id", "created_at"),
    "users": ("id", "name", "email"),
    "roles": ("id", "name"),
    "catalogs": ("id", "name", "type"),
    "pipelines": ("id", "name", "is_main"),
}
"""Columns of tables, if none are asked for."""

_TIMES: Final = ("_at", "complete_till", "next_date", "_date")


class Columns:
    """Makes rows of items.

    Args:
        wanted: names of members; of custom fields as `cf.NAME`; and `stage`, `pipeline`,
            `responsible`, `author`, `editor`, `tags` and names of what is embedded.
        resource: what the items are of.
        names: of the account.
        readable: times as texts of this machine's zone, for people.
    """

    def __init__(
        self, wanted: Sequence[str], resource: Resource, names: Names, *, readable: bool = False
    ) -> None:
        self.wanted = wanted
        self._resource = resource
        self._names = names
        self._readable = readable
        self._named: Mapping[str, Callable[[Item], Json]] = {
            "stage": self._stage,
            "pipeline": lambda item: names.pipeline_name(item.get("pipeline_id")),
            "responsible": lambda item: names.user_name(item.get("responsible_user_id")),
            "author": lambda item: names.user_name(item.get("created_by")),
            "editor": lambda item: names.user_name(item.get("updated_by")),
        }
        fields = [one.removeprefix(FIELD) for one in wanted if one.startswith(FIELD)]
        for one in fields:
            find_field(resource, key_of(one))

    def row(self, item: Item) -> dict[str, Json]:
        """Return the row of an item, in the order of the columns."""
        return {name: self._value(item, name) for name in self.wanted}

    def _value(self, item: Item, name: str) -> Json:
        if name.startswith(FIELD):
            return self._field(item, name.removeprefix(FIELD))
        if name in item:
            return self._shown(name, item[name])
        if name in self._named:
            return self._named[name](item)
        embedded = item.get("_embedded") or {}
        if name in embedded:
            return _labels(name, embedded[name])
        found: Json = item
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def _field(self, item: Item, name: str) -> Json:
        if not isinstance(self._resource, HasCustomFields):
            raise ConfigurationError(f"{self._resource!r} has no custom fields")
        plain = self._resource.cf(dict(item)).plain()
        field = find_field(self._resource, key_of(name))
        return plain.get(field.name, plain.get(field.id))

    def _stage(self, item: Item) -> Json:
        if "pipeline_id" in item:
            return self._names.stage_name(item["pipeline_id"], item.get("status_id"))
        return self._names.customer_stage_name(item.get("status_id"))

    def _shown(self, name: str, value: Json) -> Json:
        if self._readable and type(value) is int and value > 0 and name.endswith(_TIMES):
            return readable_time(value)
        return value


def usual_columns(name: str) -> Sequence[str] | None:
    """Return the columns of a table of a resource; None for those of the first item."""
    return USUAL.get(name.rpartition("/")[2])


def all_columns(item: Item) -> list[str]:
    """Return the members of an item, and what it embeds."""
    left_out = ("_links", "_embedded", "custom_fields_values")
    return [*(name for name in item if name not in left_out), *(item.get("_embedded") or ())]


def field_values(resource: Resource, item: Item) -> dict[str, Json]:
    """Return the custom fields of an item that have a value, as `cf.NAME`."""
    if not isinstance(resource, HasCustomFields) or not item.get("custom_fields_values"):
        return {}
    plain = resource.cf(dict(item)).plain()
    return {f"{FIELD}{name}": value for name, value in plain.items()}


def readable_time(seconds: int) -> str:
    """Return a time in the zone of this machine, to the minute."""
    return datetime.fromtimestamp(seconds).isoformat(" ", "minutes")


def _labels(name: str, items: Json) -> Json:
    """Return tags by their names and other entities by their ids."""
    if not isinstance(items, list):
        return items
    key = "name" if name == "tags" else "id"
    return [one.get(key, one) if isinstance(one, Mapping) else one for one in items]
