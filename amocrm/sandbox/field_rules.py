"""Definitions of custom fields, checked (reference 4.14, 5.14)."""

from __future__ import annotations

from collections.abc import Mapping

from amocrm.sandbox.answer import Json, is_object
from amocrm.sandbox.faults import Faults
from amocrm.sandbox.state import Account, Entity
from amocrm.sandbox.values import CHOICE_TYPES

_EVERYWHERE = frozenset(
    {
        *("text", "numeric", "checkbox", "select", "multiselect", "date", "url", "date_time"),
        *("textarea", "radiobutton", "streetaddress", "monetary", "file"),
        *("smart_address", "birthday", "legal_entity"),
    }
)
TYPES: dict[str, frozenset[str]] = {
    "leads": _EVERYWHERE | {"tracking_data", "chained_list"},
    "contacts": _EVERYWHERE | {"multitext"},
    "companies": _EVERYWHERE,
}
"""Types that may be created, by family."""

_PATCH = {
    "name": "string",
    "code": "string?",
    "sort": "int",
    "group_id": "string?",
    "is_api_only": "bool",
    "remind": "string?",
    "currency": "string?",
    "enums": "array?",
    "required_statuses": "array?",
    "chained_lists": "array?",
    "tracking_callback": "string?",
    "request_id": "string",
}
_LEADS_ONLY = {"hidden_statuses": "array"}
_ENUM = {"id": "int", "value": "string", "sort": "int?", "code": "string?"}
_STAGE = {"pipeline_id": "int", "status_id": "int"}
_REMINDERS = ("never", "day", "week", "month")


def check_new_field(model: Json, family: str) -> Faults:
    """Check a definition on POST: `name` and `type`, and what the type needs."""
    faults = Faults()
    if not is_object(model):
        faults.wrong_type("", "object")
        return faults
    for name in ("name", "type"):
        if name not in model:
            faults.missing(name)
    sound = faults.known_properties(model, {**_properties(family), "type": "string"})
    if "type" in sound:
        if model["type"] not in TYPES[family]:
            faults.no_choice("type")
        _check_needs(model, faults)
    _check_members(model, sound, faults)
    return faults


def check_changed_field(model: Json, account: Account, family: str, *, needs_id: bool) -> Faults:
    """Check a definition on PATCH; the type cannot change."""
    faults = Faults()
    if not is_object(model):
        faults.wrong_type("", "object")
        return faults
    sound = faults.known_properties(model, {**_properties(family), "id": "int"})
    if needs_id and "id" not in model:
        faults.missing("id")
    elif needs_id and "id" in sound and model["id"] not in account.fields[family]:
        faults.no_choice("id")
    _check_members(model, sound, faults)
    return faults


def _properties(family: str) -> Mapping[str, str]:
    return {**_PATCH, **_LEADS_ONLY} if family == "leads" else _PATCH


def _check_needs(model: Entity, faults: Faults) -> None:
    needs = {"monetary": "currency", "chained_list": "chained_lists"}
    needs |= dict.fromkeys(CHOICE_TYPES, "enums")
    needed = needs.get(model["type"])
    if needed is not None and not model.get(needed):
        faults.missing(needed)


def _check_members(model: Entity, sound: set[str], faults: Faults) -> None:
    if "name" in sound and not model["name"]:
        faults.add("NotBlank", "name", "This value should not be blank.")
    if "remind" in sound and model["remind"] not in (None, *_REMINDERS):
        faults.no_choice("remind")
    if "enums" in sound:
        _check_items(model["enums"] or [], "enums", _ENUM, ("value",), faults)
    for name in ("required_statuses", "hidden_statuses"):
        if name in sound:
            _check_items(model[name] or [], name, _STAGE, tuple(_STAGE), faults)


def _check_items(
    items: list[Json], at: str, table: Mapping[str, str], needed: tuple[str, ...], faults: Faults
) -> None:
    for number, item in enumerate(items):
        here = f"{at}.{number}"
        if not is_object(item):
            faults.wrong_type(here, "object")
            continue
        faults.known_properties(item, table, here + ".")
        for name in needed:
            if name not in item:
                faults.missing(f"{here}.{name}")
