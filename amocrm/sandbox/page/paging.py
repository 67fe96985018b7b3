"""One page of many items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.page.visit import Visit

Item = TypeVar("Item")


def page_of(items: Sequence[Item], visit: Visit, size: int) -> tuple[Sequence[Item], Entity]:
    """Return the items of the page that the query names, and what leads to the others."""
    pages = max(1, -(-len(items) // size))
    page = min(max(1, visit.number("page", 1)), pages)
    paging = {
        "count": len(items),
        "page": page,
        "pages": pages,
        "previous": page - 1,
        "next": page + 1 if page < pages else 0,
    }
    return items[(page - 1) * size : page * size], paging
