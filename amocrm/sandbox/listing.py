"""Listings: which entities, in which order, which page of them (reference 3.1, 3.2, 4.2.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from amocrm.limits import PAGE_LIMIT, PAGE_LIMIT_DEFAULT
from amocrm.sandbox.answer import Json, is_object
from amocrm.sandbox.ask import Ask, brackets
from amocrm.sandbox.families import Family
from amocrm.sandbox.problem import ProblemError
from amocrm.sandbox.state import Entity

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Wish:
    """What a listing was asked for."""

    ask: Ask
    page: int
    limit: int
    withs: frozenset[str]
    tree: dict[str, Json]

    @classmethod
    def of(cls, ask: Ask, limit: int = PAGE_LIMIT) -> Wish:
        """Read the query of a listing.

        Raises:
            ProblemError: 422 for a limit above the maximum (reference 11); 400 for a page or limit
                that is not a positive number (assumed).
        """
        tree = brackets(ask.pairs())
        wanted = _positive(tree, "limit", PAGE_LIMIT_DEFAULT)
        if wanted > limit:
            raise ProblemError(422, f"Limit {limit} per page")
        withs = str(tree.get("with", "")).split(",")
        return cls(ask, _positive(tree, "page", 1), wanted, frozenset(withs), tree)

    def take(self, entities: list[_Item]) -> tuple[list[_Item], bool]:
        """Return the page, and whether there is one after it."""
        start = (self.page - 1) * self.limit
        return entities[start : start + self.limit], start + self.limit < len(entities)

    def links(self, more: bool) -> dict[str, Json]:
        """Return absolute links with every parameter (reference 3.2)."""
        links = {"self": {"href": self.href(self.page)}}
        if more:
            links["next"] = {"href": self.href(self.page + 1)}
        if self.page > 1:
            links["first"] = {"href": self.href(1)}
            links["prev"] = {"href": self.href(self.page - 1)}
        return links

    def href(self, page: int) -> str:
        """Return the absolute address of a page."""
        pairs = [pair for pair in self.ask.pairs() if pair[0] not in ("page", "limit")]
        pairs += [("limit", str(self.limit)), ("page", str(page))]
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
        return f"{self.ask.url}?{text}"


def select(family: Family, stored: Iterable[Entity], wish: Wish) -> list[Entity]:
    """Return the entities that a listing shows, in its order."""
    deleted = "only_deleted" in wish.withs
    found = [one for one in stored if bool(one["is_deleted"]) is deleted]
    filters = wish.tree.get("filter")
    if is_object(filters):
        tests = filters
        found = [one for one in found if _passes(family, one, tests)]
    query = wish.tree.get("query")
    if isinstance(query, str) and query:
        found = [one for one in found if _mentions(one, query.casefold())]
    return _ordered(family, found, wish.tree.get("order"))


def _ordered(family: Family, found: list[Entity], order: Json) -> list[Entity]:
    # One field per request (reference 3.1); without one, and after it, the id (assumed).
    pairs = list(order.items())[:1] if is_object(order) else []
    for name, way in pairs:
        if name in family.orders:
            down = str(way).lower() == "desc"
            return sorted(found, key=lambda one: (one[name] or 0, one["id"]), reverse=down)
    return found


def _passes(family: Family, entity: Entity, filters: dict[str, Json]) -> bool:
    # Different filters combine by AND, values of one by OR; unknown keys are ignored.
    for name, wanted in filters.items():
        if name in family.ranges and is_object(wanted):
            fits = _in_range(entity[name], wanted)
        elif name in family.numbers or name in family.ranges:
            fits = str(entity[name]) in texts(wanted)
        elif name == "name":
            fits = entity["name"] in texts(wanted)
        elif name == "statuses" and family.name == "leads":
            fits = _in_stages(entity, wanted)
        elif name == "custom_fields_values" and is_object(wanted):
            fits = all(_has_value(entity, key, one) for key, one in wanted.items())
        else:
            continue
        if not fits:
            return False
    return True


def texts(wanted: Json) -> list[str]:
    """Return the values of a filter that takes one or several."""
    return [str(one) for one in wanted.values()] if is_object(wanted) else [str(wanted)]


def _in_range(value: Json, wanted: dict[str, Json]) -> bool:
    if value is None:
        return False
    low, high = _number(wanted.get("from")), _number(wanted.get("to"))
    return (low is None or value >= low) and (high is None or value <= high)


def _in_stages(lead: Entity, wanted: Json) -> bool:
    stages = wanted.values() if is_object(wanted) else ()
    here = {"pipeline_id": str(lead["pipeline_id"]), "status_id": str(lead["status_id"])}
    return any(
        all(here.get(name) == str(value) for name, value in stage.items())
        for stage in stages
        if is_object(stage)
    )


def _has_value(entity: Entity, field_id: str, wanted: Json) -> bool:
    items = entity["custom_fields_values"] or ()
    values = [
        value for item in items if str(item["field_id"]) == field_id for value in item["values"]
    ]
    if is_object(wanted) and {"from", "to"} & set(wanted):
        return any(_in_range(_number(value["value"]), wanted) for value in values)
    return any(_filter_text(value) in texts(wanted) for value in values)


def _filter_text(value: Entity) -> str:
    if "enum_id" in value:
        return str(value["enum_id"])
    plain = value.get("value")
    return str(int(plain)) if isinstance(plain, bool) else str(plain)


def _mentions(entity: Entity, query: str) -> bool:
    words = [entity["name"], entity.get("price"), entity["id"]]
    for item in entity["custom_fields_values"] or ():
        words += [value.get("value") for value in item["values"]]
    return any(query in str(word).casefold() for word in words if word is not None)


def _number(value: Json) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _positive(tree: dict[str, Json], name: str, default: int) -> int:
    text = tree.get(name, str(default))
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise ProblemError(400, f"Invalid {name}")
    if len(text) > 9 or int(text) < 1:
        raise ProblemError(400, f"Invalid {name}")
    return int(text)
