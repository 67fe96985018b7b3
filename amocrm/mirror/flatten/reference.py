"""Rows of fields, users, groups, pipelines, loss reasons and lists.

Source: reference 4.1, 4.9, 4.14, 5.4, 5.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.flatten.reading import Item, RowReader, embedded, objects
from amocrm.mirror.tables.columns import Row, Rows
from amocrm.mirror.tables.reference import (
    CATALOGS,
    ENUMS,
    FIELDS,
    GROUPS,
    LOSS_REASONS,
    PIPELINES,
    STATUSES,
    USERS,
)

_FIELD: Final = RowReader(FIELDS)
_ENUM: Final = RowReader(ENUMS)
_STATUS: Final = RowReader(STATUSES)
_SIMPLE: Final = {
    table.name: RowReader(table) for table in (USERS, GROUPS, PIPELINES, LOSS_REASONS, CATALOGS)
}


def flatten_simple(kind: str, items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of users, groups, loss reasons or lists."""
    read = _SIMPLE[kind]
    return {kind: [read(account_id, item) for item in items]}


def flatten_pipelines(items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of pipelines and their stages."""
    rows = flatten_simple("pipelines", items, account_id)
    place = STATUSES.places["pipeline_id"]
    rows["statuses"] = [
        _with(_STATUS(account_id, status), place, pipeline["id"])
        for pipeline in items
        for status in objects(embedded(pipeline).get("statuses"))
    ]
    return rows


def flatten_fields(items: Sequence[Item], account_id: int, of: str) -> Rows:
    """Return the rows of custom fields and their choices.

    Args:
        items: of the listing.
        account_id: of the account.
        of: whose fields they are: `leads`, or `catalogs/1001`.
    """
    entity_type, _, catalog = of.partition("/")
    fields: list[Row] = []
    enums: list[Row] = []
    for item in items:
        row = _with(_FIELD(account_id, item), FIELDS.places["entity_type"], entity_type)
        if catalog.isdecimal():
            row = _with(row, FIELDS.places["catalog_id"], int(catalog))
        fields.append(row)
        choices = {one["id"]: one for one in (*_choices(item, "enums"), *_choices(item, "nested"))}
        place = ENUMS.places["field_id"]
        enums += [_with(_ENUM(account_id, one), place, item["id"]) for one in choices.values()]
    return {"fields": fields, "enums": enums}


def _choices(field: Item, name: str) -> list[Item]:
    found = field.get(name)
    # Kommo sometimes writes the list as an object (reference 12.3).
    return list(objects(list(found.values()) if isinstance(found, Mapping) else found))


def _with(row: Row, place: int, value: Json) -> Row:
    return (*row[:place], value, *row[place + 1 :])
