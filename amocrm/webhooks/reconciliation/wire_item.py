"""Writes an entity of the API with the names that webhooks use. Source: reference 6.3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amocrm.http.messages import Json
from amocrm.webhooks.codes import ELEMENT_TYPES

_SAME: Final = (
    "id", "name", "price", "status_id", "pipeline_id", "responsible_user_id", "account_id", "text",
    "created_at", "updated_at",
)  # fmt: skip

_RENAMED: Final = {
    "created_by": "created_user_id", "updated_by": "modified_user_id", "created_at": "date_create",
    "updated_at": "last_modified", "next_price": "next_price", "next_date": "next_date",
    "entity_id": "element_id", "task_type_id": "task_type", "complete_till": "complete_before",
    "is_completed": "status",
}  # fmt: skip


def write_item(entity: str, model: Mapping[str, Json]) -> dict[str, Json]:
    """Return an item of a webhook; its values are texts, as amoCRM sends them.

    Args:
        entity: `lead`, `contact`, `company`, `customer` or `task`.
        model: as the API returns it.

    >>> write_item("task", {"id": 5, "is_completed": True, "entity_type": "leads"})
    {'id': '5', 'status': '1', 'element_type': '2'}
    """
    item: dict[str, Json] = {name: text_of(model[name]) for name in _SAME if name in model}
    item |= {new: text_of(model[name]) for name, new in _RENAMED.items() if name in model}
    if entity in ("contact", "company"):
        item["type"] = entity
    if model.get("entity_type") in ELEMENT_TYPES:
        item["element_type"] = text_of(ELEMENT_TYPES[model["entity_type"]])
    if fields := list(_custom_fields(model)):
        item["custom_fields"] = fields
    embedded = model.get("_embedded")
    tags = embedded.get("tags") if isinstance(embedded, dict) else None
    if isinstance(tags, list) and tags:
        item["tags"] = [{"id": text_of(tag["id"]), "name": tag["name"]} for tag in tags]
    return item


def _custom_fields(model: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    for field in model.get("custom_fields_values") or ():
        values: list[Json] = [
            {
                "value": text_of(value.get("value")),
                **({"enum": text_of(value["enum_id"])} if value.get("enum_id") else {}),
            }
            for value in field["values"]
        ]
        named = {"id": text_of(field["field_id"]), "name": field["field_name"], "values": values}
        yield named | ({"code": field["field_code"]} if field.get("field_code") else {})


def text_of(value: Json) -> Json:
    """Return a plain value as PHP writes it in a form."""
    if isinstance(value, (dict, list, str)):
        return value
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, (bool, int)) else str(value)
