"""Listings: in which order, and which page of them (reference 3.1, 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from amocrm.api_limits import PAGE_LIMIT, PAGE_LIMIT_DEFAULT
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.http.answer import Json, is_object
from amocrm.sandbox.http.problem import ProblemError
from amocrm.sandbox.http.request import IncomingRequest, brackets

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ListingQuery:
    """What a listing was asked for."""

    request: IncomingRequest
    page: int
    limit: int
    withs: frozenset[str]
    tree: dict[str, Json]

    @classmethod
    def of(
        cls, request: IncomingRequest, limit: int = PAGE_LIMIT, default: int | None = None
    ) -> ListingQuery:
        """Read the query of a listing.

        Raises:
            ProblemError: 422 for a limit above the maximum (reference 11); 400 for a page or limit
                that is not a positive number (assumed).
        """
        tree = brackets(request.pairs())
        usual = min(limit, PAGE_LIMIT_DEFAULT) if default is None else default
        wanted = _positive(tree, "limit", usual)
        if wanted > limit:
            raise ProblemError(422, f"Limit {limit} per page")
        return cls(request, _positive(tree, "page", 1), wanted, _withs(tree), tree)

    @classmethod
    def whole(cls, request: IncomingRequest) -> ListingQuery:
        """Read the query of a listing that knows no pages."""
        tree = brackets(request.pairs())
        return cls(request, 1, 0, _withs(tree), tree)

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
        pairs = [pair for pair in self.request.pairs() if pair[0] not in ("page", "limit")]
        pairs += [("limit", str(self.limit)), ("page", str(page))]
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
        return f"{self.request.url}?{text}"


def ordered(found: list[Entity], order: Json, known: frozenset[str]) -> list[Entity]:
    """Return entities in the order that the query wants, else as they are."""
    # One field per request (reference 3.1); without one, and after it, the id (assumed).
    pairs = list(order.items())[:1] if is_object(order) else []
    for name, way in pairs:
        if name in known:
            down = str(way).lower() == "desc"
            return sorted(found, key=lambda one: (one[name] or 0, one["id"]), reverse=down)
    return found


def _positive(tree: dict[str, Json], name: str, default: int) -> int:
    text = tree.get(name, str(default))
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise ProblemError(400, f"Invalid {name}")
    if len(text) > 9 or int(text) < 1:
        raise ProblemError(400, f"Invalid {name}")
    return int(text)


def _withs(tree: dict[str, Json]) -> frozenset[str]:
    return frozenset(str(tree.get("with", "")).split(","))
