"""Definitions of every type, as the API lists them."""

from __future__ import annotations

from typing import Any

from amocrm.resources.custom_fields.definitions import Schema

ENUMS: list[dict[str, Any]] = [
    {"id": 17, "value": "north", "sort": 1, "code": "N"},
    {"id": 18, "value": "south", "sort": 2, "code": None},
    {"id": 19, "value": "Far East", "sort": 3, "code": "FE"},
]
PHONE_KINDS: list[dict[str, Any]] = [
    {"id": 31 + at, "value": code, "sort": at, "code": code}
    for at, code in enumerate(("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"))
]
TYPES = (
    "text", "textarea", "streetaddress", "url", "tracking_data", "org_legal_name", "numeric",
    "monetary", "price", "checkbox", "date", "birthday", "date_time", "select", "radiobutton",
    "category", "multiselect", "multitext", "smart_address", "legal_entity", "items",
    "linked_entity", "payer", "supplier", "file", "chained_list", "hologram",
)  # fmt: skip
"""All that is documented, and one that may come."""


def definition(number: int, name: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if kind in ("select", "radiobutton", "multiselect"):
        options = {"enums": ENUMS}
    if kind == "category":
        options = {"nested": [{**one, "parent_id": None} for one in ENUMS]}
    if kind == "multitext":
        options = {"enums": PHONE_KINDS}
    return {"id": number, "name": name, "type": kind, "code": None, **options, **more}


NUMBERS = {kind: 900 + at for at, kind in enumerate(TYPES)}
DEFINITIONS = [definition(NUMBERS[kind], f"A {kind}", kind) for kind in TYPES]
SCHEMA = Schema(DEFINITIONS)
