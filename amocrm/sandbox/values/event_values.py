"""What a filter asks of an event's `value_before` and `value_after` (reference 4.16)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.filters import texts
from amocrm.sandbox.http.answer import Json, is_object

VALUE_TYPES = frozenset(
    {
        *("nps_rate_added", "sale_field_changed", "name_field_changed", "ltv_field_changed"),
        "custom_field_value_changed",
    }
)
"""Types whose value can be asked for with `value`."""


def fits(values: list[Entity], wanted: dict[str, Json]) -> bool:
    """Tell whether one side of an event passes every filter on it."""
    for name, one in wanted.items():
        if name == "leads_statuses":
            passes = _has_stage(values, one, "lead_status")
        elif name == "customers_statuses":
            passes = _has_stage(values, one, "customer_status")
        elif name == "responsible_user_id":
            passes = _has(values, "responsible_user", "id", one)
        elif name == "custom_field_values":
            passes = _has(values, "custom_field_value", "enum_id", one)
        elif name == "value":
            passes = _mentions(values, one)
        else:
            continue
        if not passes:
            return False
    return True


def _has_stage(values: list[Entity], wanted: Json, kind: str) -> bool:
    stages = [one for one in wanted.values() if is_object(one)] if is_object(wanted) else []
    here = [
        {"status_id": str(one[kind]["id"]), "pipeline_id": str(one[kind].get("pipeline_id"))}
        for one in values
        if kind in one
    ]
    return any(
        all(one.get(name) == str(value) for name, value in stage.items())
        for stage in stages
        for one in here
    )


def _has(values: list[Entity], kind: str, member: str, wanted: Json) -> bool:
    known = texts(wanted, commas=True)
    return any(str(one[kind][member]) in known for one in values if kind in one)


def _mentions(values: list[Entity], wanted: Json) -> bool:
    known = texts(wanted)
    return any(
        str(member) in known
        for one in values
        for inner in one.values()
        for member in inner.values()
    )
