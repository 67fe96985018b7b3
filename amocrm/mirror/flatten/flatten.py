"""The pages of a listing as rows of the mirror's tables: no I/O, no state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from amocrm.mirror.flatten.activities import (
    flatten_events,
    flatten_notes,
    flatten_tasks,
    flatten_transactions,
)
from amocrm.mirror.flatten.cells import settle
from amocrm.mirror.flatten.entities import flatten_entities
from amocrm.mirror.flatten.reading import Item, id_of
from amocrm.mirror.flatten.reference import flatten_fields, flatten_pipelines, flatten_simple
from amocrm.mirror.tables.columns import Rows
from amocrm.mirror.tables.definitions import TABLES

_KINDS: Final[Mapping[str, Callable[[Sequence[Item], int], Rows]]] = {
    **{
        name: partial(flatten_entities, name)
        for name in ("leads", "contacts", "companies", "customers", "catalog_elements")
    },
    "events": flatten_events,
    "tasks": flatten_tasks,
    "transactions": flatten_transactions,
    "pipelines": flatten_pipelines,
    **{
        name: partial(flatten_simple, name)
        for name in ("users", "groups", "loss_reasons", "catalogs")
    },
}
_KINDS_OF: Final[Mapping[str, Callable[[Sequence[Item], int, str], Rows]]] = {
    "notes": flatten_notes,
    "fields": flatten_fields,
}


def flatten(kind: str, items: Sequence[Item], account_id: int, *, of: str = "") -> Rows:
    """Return the rows of a page, by table; an empty list for a table that the page could fill.

    Args:
        kind: what was listed, by the name of its table: `leads`, `catalog_elements`, `groups`.
        items: as the API returned them.
        account_id: of the account.
        of: of `notes` whose they are: `leads`; of `fields` as well, or `catalogs/1001`.

    Raises:
        ShapeError: an item has no id.
    """
    # Of an item that a page has twice the last one, so that its children are those of one item.
    unique = list({id_of(item, is_text=kind == "events"): item for item in items}.values())
    if kind in _KINDS_OF:
        rows = _KINDS_OF[kind](unique, account_id, of)
    else:
        rows = _KINDS[kind](unique, account_id)
    return {name: settle(TABLES[name], found) for name, found in rows.items()}
