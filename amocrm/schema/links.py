"""Links between entities. Source: reference 4.12."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.enums import LinkedType


class Link(TypedDict):
    """One end of a link, as it is read."""

    to_entity_id: int
    to_entity_type: str
    metadata: dict[str, Json] | None


class LinkOf(Link):
    """Both ends of a link."""

    entity_id: int
    entity_type: str


class LinkMeta(TypedDict, total=False):
    """More of a link: `catalog_id` is required for elements of lists."""

    is_main: bool
    quantity: float
    catalog_id: int
    price_id: int | None
    updated_by: int


class _NewLink(TypedDict):
    to_entity_id: int
    to_entity_type: LinkedType


class NewLink(_NewLink, total=False):
    """A link to make, or to undo."""

    metadata: LinkMeta


class NewLinkOf(NewLink):
    """A link of one of many entities."""

    entity_id: int
