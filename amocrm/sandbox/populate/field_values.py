"""Values for the custom fields that an account has: of its own, or made from a schema."""

from __future__ import annotations

import random

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.populate.story import DAY
from amocrm.sandbox.populate.texts import Texts

_FILLED = 0.6
"""The share of the cards that have a value in a field."""

_TRACKED = 0.4
"""The share of the leads that came by an advertisement."""


def draw_values(
    account: Account, entity_type: str, at: int, texts: Texts, rnd: random.Random
) -> list[Json]:
    """Return values of simple fields, as a write of the API holds them."""
    is_tracked = rnd.random() < _TRACKED
    found: list[Json] = []
    for number, field in account.fields[entity_type].items():
        if field["type"] == "tracking_data":
            values = _tracking(field, texts, rnd) if is_tracked else None
        elif field["code"] in ("PHONE", "EMAIL", "POSITION") or rnd.random() >= _FILLED:
            continue
        else:
            values = _values(field, at, rnd)
        if values:
            found.append({"field_id": number, "values": values})
    return found


def _tracking(field: Entity, texts: Texts, rnd: random.Random) -> list[Json] | None:
    wanted = {
        "UTM_SOURCE": texts.sources,
        "UTM_MEDIUM": ("cpc", "organic", "social"),
        "UTM_CAMPAIGN": ("spring", "summer", "autumn", "winter"),
    }.get(str(field["code"]))
    return [{"value": rnd.choice(wanted)}] if wanted else None


def _values(field: Entity, at: int, rnd: random.Random) -> list[Json] | None:
    kind, options = field["type"], field["enums"] or ()
    if kind in ("select", "radiobutton") and options:
        return [{"enum_id": rnd.choice(options)["id"]}]
    if kind == "multiselect" and options:
        some = rnd.sample(options, min(len(options), rnd.randint(1, 2)))
        return [{"enum_id": one["id"]} for one in some]
    if kind in ("numeric", "monetary"):
        return [{"value": str(rnd.randrange(1, 1000) * 100)}]
    if kind == "checkbox":
        return [{"value": rnd.random() < 0.5}]
    if kind in ("date", "date_time"):
        return [{"value": at + rnd.randrange(30) * DAY}]
    return None
