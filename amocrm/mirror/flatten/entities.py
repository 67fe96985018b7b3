"""Rows of leads, contacts, companies, customers and elements of lists.

Source: reference 5.1-5.3, 5.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.flatten.reading import Item, RowReader, embedded, objects
from amocrm.mirror.flatten.values import value_rows
from amocrm.mirror.tables.columns import Row, Rows
from amocrm.mirror.tables.entities import COMPANIES, CONTACTS, CUSTOMERS, LEADS
from amocrm.mirror.tables.reference import CATALOG_ELEMENTS

LINKED: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("contacts", "companies", "catalog_elements"),
    "contacts": ("companies", "catalog_elements"),
    "companies": ("catalog_elements",),
    "customers": ("contacts", "companies", "catalog_elements"),
    "catalog_elements": (),
}
"""What a kind of entity is the owner of links to; read it with `with`, where it is not given."""


def _price(lead: Item) -> Json:
    exact = lead.get("price_with_minor_units")
    return lead.get("price") if exact is None else exact


def _main_contact(lead: Item) -> Json:
    contacts = embedded(lead).get("contacts")
    for one in contacts if type(contacts) is list else ():
        if type(one) is dict and one.get("is_main") is True and type(one.get("id")) is int:
            return one["id"]
    return None


def _deleted_at(element: Item) -> Json:
    return element.get("updated_at") if element.get("is_deleted") is True else None


_READERS: Final = {
    "leads": RowReader(LEADS, price=_price, main_contact_id=_main_contact),
    "contacts": RowReader(CONTACTS),
    "companies": RowReader(COMPANIES),
    "customers": RowReader(CUSTOMERS),
    "catalog_elements": RowReader(CATALOG_ELEMENTS, deleted_at=_deleted_at),
}


def flatten_entities(entity_type: str, items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of entities, and of their values, tags and links."""
    read = _READERS[entity_type]
    rows: list[Row] = []
    values: list[Row] = []
    tags: list[Row] = []
    links: list[Row] = []
    linked = LINKED[entity_type]
    for item in items:
        number: int = item["id"]
        rows.append(read(account_id, item))
        if fields := item.get("custom_fields_values"):
            values += value_rows(account_id, entity_type, number, fields)
        parts = embedded(item)
        if parts.get("tags"):
            tags += _tags(account_id, entity_type, number, parts["tags"])
        for other in linked:
            if parts.get(other):
                links += _links(account_id, entity_type, number, other, parts[other])
    return {entity_type: rows, "field_values": values, "entity_tags": tags, "links": links}


def _tags(account_id: int, entity_type: str, number: int, tags: Json) -> list[Row]:
    return [
        (account_id, entity_type, number, tag["id"], tag.get("name"), tag.get("color"))
        for tag in objects(tags)
    ]


def _links(account_id: int, entity_type: str, number: int, other: str, targets: Json) -> list[Row]:
    rows: list[Row] = []
    for one in objects(targets):
        about = one.get("metadata")
        about = about if type(about) is dict else _NOTHING
        rows.append((
            account_id, entity_type, number, other, one["id"], one.get("is_main"),
            about.get("quantity"), about.get("catalog_id"), about.get("price_id"),
        ))  # fmt: skip
    return rows


_NOTHING: Final[Mapping[str, Json]] = {}
