"""What the API cannot create: widgets, bots, talks, waiting bots.

Every account starts with some, so that a client of any language can try them.
"""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity, Ids
from amocrm.sandbox.engine.collection import Collection
from amocrm.sandbox.entities.bots import BOTS
from amocrm.sandbox.entities.talks import TALKS
from amocrm.sandbox.entities.widgets import WIDGETS

_WAITING = Collection(
    path="",
    key="waiting",
    verbs={},
    keys=("id", "bot_id", "kind", "entity_type", "entity_id"),
)
_ROWS = {"bots": BOTS, "talks": TALKS, "waiting": _WAITING, "widgets": WIDGETS}
_KEYS = {"talks": "talk_id", "widgets": "code"}
"""Members that an address names instead of the id."""

_TEMPLATE = (
    # key, type, whether it is required
    ("login", "text", True),
    ("password", "pass", False),
    ("phones", "users", False),
    ("accounts", "users_lp", False),
    ("extra", "custom", False),
)


def add_fixtures(account: Account, ids: Ids) -> None:
    """Add the first fixtures to a new account."""
    for name, kind in (("Welcome", "regular"), ("Rate us", "nps")):
        put(account, ids, "bots", {"name": name, "type_functionality": kind}, account.created_at)
    template = [
        {"key": key, "name": key.capitalize(), "type": kind, "is_required": needed}
        for key, kind, needed in _TEMPLATE
    ]
    widget: Entity = {"code": "sandbox_widget", "settings_template": template}
    put(account, ids, "widgets", widget, account.created_at)


def put(account: Account, ids: Ids, entity_type: str, entity: Entity, now: int) -> int:
    """Store a fixture without a request; return its id.

    Raises:
        KeyError: it is no resource of this module, or it lacks its key.
    """
    row, key = _ROWS[entity_type], _KEYS.get(entity_type, "id")
    number = ids.take(row.ids or row.key)
    stamps = {"id": number, "account_id": account.id, "created_at": now, "updated_at": now}
    if key == "talk_id":
        stamps["talk_id"] = number
    whole = {**dict.fromkeys(row.keys), **stamps, **row.defaults, **entity}
    account.shelf(entity_type)[whole[key]] = whole
    if entity_type == "talks":
        account.changes.add("talks", whole)
    return number
