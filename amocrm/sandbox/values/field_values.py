"""Values of custom fields on entities: what is accepted, and how it is stored (reference 5.13)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.schema import Prop, Schema, check_object, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.values.value_types import check_value, is_element, keep

ENUM_TYPES = frozenset({"select", "radiobutton", "multiselect", "multitext", "smart_address"})
CHOICE_TYPES = frozenset({"select", "radiobutton", "multiselect"})
_OPTION_TYPES = CHOICE_TYPES | {"category"}
MAX_CHAINED = 5
"""Lists of one chain (reference 3.5)."""
_CHAIN: Schema = {"catalog_id": "int!", "catalog_element_id": "int!"}
MULTI_TYPES = frozenset(
    {"multiselect", "multitext", "smart_address", "legal_entity", "items", "chained_list"}
)
_ITEM: Schema = {
    "field_id": "int?",
    "field_code": "string?",
    "values": Prop("array", null=True, required=True, each=Prop("object")),
    # A read shows them, and a write may repeat them (reference 5.13).
    **ignoring("field_name", "field_type", "is_computed"),
}
CUSTOM_FIELDS_VALUES = Prop("array", null=True, inner=_ITEM)
"""Values of custom fields in a model; null is what a read shows when there are none."""
_ADDRESS_LINES = ("address_line_1", "address_line_2", "city", "state", "zip", "country")
MAX_PER_ENTITY = 40
"""Custom field values of one entity in `/leads/complex` (reference 3.5)."""


def check_values(
    items: list[Entity], account: Account, entity_type: str, errors: ValidationErrors
) -> None:
    """Check sound `custom_fields_values` of one model against the fields that exist."""
    for number, item in enumerate(items):
        at = f"custom_fields_values.{number}"
        field = _named_field(item, account, entity_type, errors, at)
        if field is not None and item["values"]:
            _check_list(item["values"], field, account, errors, at + ".values")


def write_values(items: list[Entity], account: Account, entity_type: str, entity: Entity) -> None:
    """Store checked values: they replace those of the same field, null clears (reference 5.13)."""
    kept = {one["field_id"]: one for one in entity["custom_fields_values"] or ()}
    for item in items:
        field = find_field(item, account, entity_type)
        if field is None:
            continue
        kept.pop(field["id"], None)
        if item["values"]:
            kept[field["id"]] = _read_item(item["values"], field, account, entity_type)
    # The container is null, not [], when the entity has no values.
    entity["custom_fields_values"] = list(kept.values()) or None


def find_field(item: Entity, account: Account, entity_type: str) -> Entity | None:
    """Return the field that an item names by id or by code."""
    if item.get("field_id") is not None:
        return account.fields[entity_type].get(item["field_id"])
    return account.field_by_code(entity_type, str(item.get("field_code")))


def find_enum(value: Entity, field: Entity) -> Entity | None:
    """Return the option that a value names: by id, by code, or by its exact text."""
    for key, member in (("enum_id", "id"), ("enum_code", "code"), ("value", "value")):
        if value.get(key) is not None:
            return next((one for one in enums_of(field) if one[member] == value[key]), None)
    return None


def enums_of(field: Entity) -> list[Entity]:
    """Return the options of a field; an address has six of its own (reference 5.13)."""
    if field["type"] == "smart_address":
        return [
            {"id": number, "code": line, "value": line}
            for number, line in enumerate(_ADDRESS_LINES, start=1)
        ]
    if field["type"] == "category":
        return [{**one, "code": None} for one in field["nested"] or ()]
    found: list[Entity] = field["enums"] or []
    return found


def _named_field(
    item: Entity, account: Account, entity_type: str, errors: ValidationErrors, at: str
) -> Entity | None:
    if item.get("field_id") is None and item.get("field_code") is None:
        errors.missing(at + ".field_id")
        return None
    by = "field_id" if item.get("field_id") is not None else "field_code"
    field = find_field(item, account, entity_type)
    if field is None:
        errors.no_choice(f"{at}.{by}")
    return field


def _check_list(
    values: list[Entity], field: Entity, account: Account, errors: ValidationErrors, at: str
) -> None:
    kind = field["type"]
    most = MAX_CHAINED if kind == "chained_list" else 1
    if len(values) > most and (kind == "chained_list" or kind not in MULTI_TYPES):
        # Assumed (reference 5.13): which code a second value of a single-value field gets.
        errors.add("TooHigh", at, f"This collection should contain {most} element or less.")
    for number, value in enumerate(values):
        here = f"{at}.{number}"
        if kind in _OPTION_TYPES:
            _check_choice(value, field, errors, here)
        elif kind == "chained_list":
            _check_chained(value, field, account, errors, here)
        else:
            _check_plain(value, field, account, errors, here)


def _check_chained(
    value: Entity, field: Entity, account: Account, errors: ValidationErrors, at: str
) -> None:
    sound = check_object(value, _CHAIN, errors, at=at + ".")
    lists = [one["catalog_id"] for one in field["chained_lists"]]
    if "catalog_id" in sound and value["catalog_id"] not in lists:
        errors.no_choice(f"{at}.catalog_id")
    elif sound == set(_CHAIN) and not is_element(
        account, value["catalog_id"], value["catalog_element_id"]
    ):
        errors.no_choice(f"{at}.catalog_element_id")


def _check_choice(value: Entity, field: Entity, errors: ValidationErrors, at: str) -> None:
    keys = [key for key in ("enum_id", "enum_code", "value") if value.get(key) is not None]
    if not keys and "value" in value:
        errors.null(at + ".value")
    elif not keys:
        errors.missing(at + ".value")
    elif find_enum(value, field) is None:
        errors.no_choice(f"{at}.{keys[0]}")
    for name in value:
        if name not in ("enum_id", "enum_code", "value"):
            errors.unexpected(f"{at}.{name}")


def _check_plain(
    value: Entity, field: Entity, account: Account, errors: ValidationErrors, at: str
) -> None:
    allowed = {"value", "enum_id", "enum_code"} if field["type"] in ENUM_TYPES else {"value"}
    for name in value:
        if name not in allowed:
            errors.unexpected(f"{at}.{name}")
    if "value" not in value:
        errors.missing(at + ".value")
        return
    kind = {key: value[key] for key in ("enum_id", "enum_code") if value.get(key) is not None}
    if kind and field["type"] in ENUM_TYPES and find_enum(kind, field) is None:
        errors.no_choice(f"{at}.{next(iter(kind))}")
    check_value(value["value"], field, account, errors, at + ".value")


def _read_item(values: list[Entity], field: Entity, account: Account, entity_type: str) -> Entity:
    item: Entity = {
        "field_id": field["id"],
        "field_name": field["name"],
        "field_code": field["code"],
        "field_type": field["type"],
        "values": [_read_value(value, field, account) for value in values],
    }
    if entity_type == "leads":
        item["is_computed"] = False
    return item


def _read_value(value: Entity, field: Entity, account: Account) -> Entity:
    kind = field["type"]
    if kind in _OPTION_TYPES:
        option = find_enum(value, field) or {}
        return {
            "value": option.get("value"),
            "enum_id": option.get("id"),
            "enum_code": option.get("code"),
        }
    if kind == "chained_list":
        return dict(value)
    if kind in ENUM_TYPES:
        # Assumed (reference 5.13): the first kind (WORK) when none is given.
        named = {key: value[key] for key in ("enum_id", "enum_code") if value.get(key) is not None}
        option = (find_enum(named, field) if named else None) or enums_of(field)[0]
        return {"value": value["value"], "enum_id": option["id"], "enum_code": option["code"]}
    return {"value": keep(value["value"], kind, account)}
