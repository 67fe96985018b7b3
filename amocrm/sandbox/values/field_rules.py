"""Definitions of custom fields: what they may hold (reference 4.14, 5.14)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.values.field_values import CHOICE_TYPES, MAX_CHAINED
from amocrm.sandbox.values.nested import NESTED, check_nested

_EVERYWHERE = frozenset(
    {
        *("text", "numeric", "checkbox", "select", "multiselect", "date", "url", "date_time"),
        *("textarea", "radiobutton", "streetaddress"),
    }
)
_PEOPLE = frozenset({"smart_address", "birthday", "legal_entity", "monetary", "file"})
TYPES: dict[str, frozenset[str]] = {
    "leads": _EVERYWHERE | _PEOPLE | {"tracking_data", "chained_list"},
    "contacts": _EVERYWHERE | _PEOPLE | {"multitext"},
    "companies": _EVERYWHERE | _PEOPLE,
    # Assumed (reference 12.3): chained lists are for customers, too.
    "customers": _EVERYWHERE | {"chained_list", "monetary", "file"},
    "segments": _EVERYWHERE,
    "catalogs": _EVERYWHERE
    | {"price", "category", "items", "linked_entity", "supplier", "payer", "file"},
}
"""Types that may be created, by resource."""

_TARGETS = ("contacts", "companies", "contacts_and_companies")
_ENUM: Schema = {"id": "int", "value": "string!", "sort": "int?", "code": "string?"}
_STAGE: Schema = {"pipeline_id": "int!", "status_id": "int!"}
_STAGES = Prop("array", null=True, inner=_STAGE)
_CHAIN: Schema = {"title": "string?", "catalog_id": "int!", "parent_catalog_id": "int?"}
READ_ONLY = (
    *("account_id", "entity_type", "catalog_id", "is_predefined", "is_deletable", "is_computed"),
    "triggers",
)
"""Members of a definition that a read shows, and that nobody writes."""

_COMMON: Schema = {
    "name": Prop("string", required=True, filled=True),
    "code": "string?",
    "sort": "int",
    "remind": Prop("string", null=True, choices=("never", "day", "week", "month")),
    "currency": "string?",
    "enums": Prop("array", null=True, inner=_ENUM),
    "chained_lists": Prop("array", null=True, longest=MAX_CHAINED, inner=_CHAIN),
    "tracking_callback": "string?",
}
_CARDS: Schema = {"group_id": "string?", "is_api_only": "bool", "required_statuses": _STAGES}
_LEADS: Schema = {"hidden_statuses": Prop("array", inner=_STAGE)}
_CATALOGS: Schema = {
    "is_visible": "bool",
    "is_required": "bool",
    "is_deletable": "bool",
    "settings": "any",
    "search_in": "string?",
    "nested": Prop("array", null=True, inner=NESTED),
}
_NEEDS = {
    "monetary": "currency",
    "chained_list": "chained_lists",
    "linked_entity": "search_in",
    **dict.fromkeys(CHOICE_TYPES, "enums"),
}
"""What a type cannot be created without."""


def new_field(entity_type: str) -> Schema:
    """Return what a definition may hold on POST."""
    types = tuple(sorted(TYPES[entity_type]))
    kind: Schema = {"type": Prop("string", required=True, choices=types)}
    return {**changed_field(entity_type), **kind}


def changed_field(entity_type: str) -> Schema:
    """Return what a definition may hold on PATCH; the type may be repeated."""
    known: Schema = {**ignoring(*READ_ONLY), "type": "string", **_COMMON}
    if entity_type == "catalogs":
        return {**known, **_CATALOGS}
    if entity_type == "segments":
        return known
    return {**known, **_CARDS, **(_LEADS if entity_type == "leads" else {})}


def check_field(
    model: Entity,
    field: Entity | None,
    account: Account,
    entity_type: str,
    errors: ValidationErrors,
) -> None:
    """Check sound properties of a definition against its type and the account."""
    kind = field["type"] if field is not None else model.get("type")
    needed = _NEEDS.get(str(kind))
    told = {one["path"].partition(".")[0] for one in errors.found}
    if field is None and needed is not None and not model.get(needed) and needed not in told:
        errors.missing(needed)
    currency = model.get("currency")
    if currency is not None and len(currency) != 3:
        code = "TooShort" if len(currency) < 3 else "TooLong"
        errors.add(code, "currency", "This value should have exactly 3 characters.")
    if model.get("group_id") is not None and model["group_id"] not in account.shelf(
        f"groups/{entity_type}"
    ):
        errors.no_choice("group_id")
    for number, one in enumerate(model.get("chained_lists") or ()):
        for name in ("catalog_id", "parent_catalog_id"):
            if one.get(name) is not None and one[name] not in account.shelf("catalogs"):
                errors.no_choice(f"chained_lists.{number}.{name}")
    search = model.get("search_in")
    if search is not None and search not in (*_TARGETS, *map(str, account.shelf("catalogs"))):
        errors.no_choice("search_in")
    check_nested(model.get("nested") or [], errors)
