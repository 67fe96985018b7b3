"""One value of a custom field: what each type takes, and how it is kept (reference 5.13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.coercion import coerced
from amocrm.sandbox.engine.schema import Prop, Schema, check_object, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json

TEXT_TYPES = frozenset(
    {"text", "textarea", "streetaddress", "tracking_data", "url", "org_legal_name"}
)
DATE_TYPES = frozenset({"date", "date_time", "birthday"})
NUMBER_TYPES = frozenset({"numeric", "monetary", "price"})
_PEOPLE = ("contacts", "companies")

_REQUISITES = (
    *("vat_id", "tax_registration_reason_code", "address", "real_address", "kpp", "bank_code"),
    *("bank_account_number", "director", "unp", "bin", "egrpou", "mfo", "oked"),
)
# Assumed (reference 5.13): any of the requisites may be null.
_TEXTS: Schema = dict.fromkeys(_REQUISITES, "string?")
_DISCOUNT: Schema = {
    "type": Prop("string", required=True, choices=("percentage", "amount")),
    "value": Prop("number", required=True, low=0),
}
SHAPES: Mapping[str, Schema] = {
    "legal_entity": {
        "name": Prop("string", required=True, filled=True),
        "entity_type": Prop("int", null=True, choices=(1, 2)),
        "external_uid": "string?",
        **_TEXTS,
    },
    "items": {
        "sku": "string?",
        "description": "string?",
        "unit_price": Prop("number", low=0),
        "quantity": Prop("number", low=0),
        "unit_type": "string?",
        "discount": Prop("object", null=True, inner=_DISCOUNT),
        "vat_rate_id": Prop("int", null=True, choices=tuple(range(6))),
        "vat_rate_value": "number?",
        "external_uid": "string?",
        "product_id": "int?",
        "bonus_points_per_purchase": "number?",
        "metadata": "any",
        **ignoring("is_discount_recalculated", "is_total_sum_recalculated", "total_sum"),
    },
    "linked_entity": {
        "name": "string?",
        "entity_id": "int!",
        "entity_type": Prop("string", required=True, choices=("catalog_elements", *_PEOPLE)),
        "catalog_id": "int?",
    },
    # Assumed (reference 5.13): the id of a file is enough.
    "file": {
        "file_uuid": Prop("string", required=True, filled=True),
        "version_uuid": "string?",
        "file_name": "string?",
        "file_size": "int?",
        "is_deleted": "bool",
    },
    "payer": {
        "name": "string?",
        "type": Prop("string", choices=("legal", "individual")),
        "phone": "string?",
        "email": "string?",
        "entity_type": Prop("string", null=True, choices=_PEOPLE),
        "entity_id": "int?",
        **_TEXTS,
    },
    "supplier": {"entity_id": "int!", **ignoring("name", *_REQUISITES)},
}
"""Members of values that are objects."""


def check_value(
    value: Json, field: Entity, account: Account, errors: ValidationErrors, at: str
) -> None:
    """Check the `value` of one item of `values`."""
    kind = field["type"]
    if value is None:
        errors.null(at)
    elif kind in DATE_TYPES:
        if moment(value) is None:
            errors.add("InvalidFormat", at, "This value is not a valid date.")
    elif kind in NUMBER_TYPES:
        if not _is_number(value):
            errors.wrong_type(at, "numeric")
    elif kind == "checkbox":
        errors.is_kind(value, "bool", at)
    elif kind in SHAPES:
        model = coerced(value, Prop("object", inner=SHAPES[kind]))
        if errors.is_kind(model, "object", at):
            sound = check_object(model, SHAPES[kind], errors, at=at + ".")
            checked = {name: model[name] for name in sound}
            _check_target(checked, kind, account, errors, at)
    else:
        errors.is_kind(value, "string", at)


def _check_target(
    value: Entity, kind: str, account: Account, errors: ValidationErrors, at: str
) -> None:
    number, other = value.get("entity_id"), value.get("entity_type")
    if kind == "supplier" and number is not None:
        catalog = account.shelf("elements").get(number, {}).get("catalog_id")
        if account.shelf("catalogs").get(catalog, {}).get("type") != "suppliers":
            errors.no_choice(f"{at}.entity_id")
    if kind == "payer" and (number is None) != (other is None):
        errors.missing(f"{at}.entity_id" if number is None else f"{at}.entity_type")
    if number is None or other is None or kind not in ("payer", "linked_entity"):
        return
    if other in _PEOPLE:
        if number not in account.shelf(other):
            errors.no_choice(f"{at}.entity_id")
        if value.get("catalog_id") is not None:
            errors.no_choice(f"{at}.catalog_id")
    elif value.get("catalog_id") is None:
        errors.missing(f"{at}.catalog_id")
    elif not is_element(account, value["catalog_id"], number):
        errors.no_choice(f"{at}.entity_id")


def is_element(account: Account, catalog: Json, number: Json) -> bool:
    """Tell whether a list has an element."""
    return bool(account.shelf("elements").get(number, {}).get("catalog_id") == catalog)


def keep(value: Json, kind: str, account: Account) -> Json:
    """Return a checked value as it is read."""
    if kind in DATE_TYPES:
        return moment(value)
    if kind in NUMBER_TYPES:
        return str(value)
    if kind in SHAPES:
        value = coerced(value, Prop("object", inner=SHAPES[kind]))
    if kind == "items":
        return {**value, **_sum(value)}
    if kind == "supplier":
        return {"name": account.shelf("elements")[value["entity_id"]]["name"], **value}
    return value


def _sum(item: Entity) -> Entity:
    # Assumed (reference 5.13): price times quantity, less the discount; VAT is left aside.
    total = float(item.get("unit_price", 0) * item.get("quantity", 1))
    discount: Entity = item.get("discount") or {"type": "amount", "value": 0}
    share = total / 100 if discount["type"] == "percentage" else 1
    return {
        "is_discount_recalculated": False,
        "is_total_sum_recalculated": False,
        "total_sum": max(0.0, total - discount["value"] * share),
    }


def moment(value: Json) -> int | None:
    """Return unix seconds of a date given as such or as RFC 3339 text (reference 3.6)."""
    value = coerced(value, Prop("int"))
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return int(parsed.timestamp()) if parsed.tzinfo is not None else None


def _is_number(value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
