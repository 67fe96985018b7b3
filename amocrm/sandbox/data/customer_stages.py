"""Statuses of customers that every account has in periodicity mode (reference 4.18, 5.3)."""

from __future__ import annotations

from amocrm.sandbox.data.stages import COLORS
from amocrm.sandbox.data.state import Account, Entity, Ids

ORDINARY, EXPECTED, LOST, CLOSED, RECENT = 0, 1, 2, 3, 4
"""Values of `type`."""

_SYSTEM = (
    # type, name (ru, elsewhere). Assumed (reference 5.3): names, order, colors and the default.
    (RECENT, "Недавно купили", "Bought recently"),
    (EXPECTED, "Ожидается покупка", "Purchase expected"),
    (LOST, "Не купили", "Did not buy"),
    (CLOSED, "Закрыты", "Closed"),
)


def customer_statuses(account: Account, ids: Ids) -> dict[int, Entity]:
    """Return the statuses of an account by id, the system ones included."""
    shelf = account.shelf("customer_statuses")
    if not shelf:
        for place, (kind, *names) in enumerate(_SYSTEM):
            number = ids.take("customer_statuses")
            shelf[number] = {
                "id": number,
                "name": names[0 if account.zone.endswith(".ru") else 1],
                "sort": 10 * (place + 1),
                "is_default": kind == RECENT,
                "conditions": [],
                "color": COLORS[place],
                "type": kind,
                "account_id": account.id,
            }
    return shelf


def default_status(account: Account, ids: Ids) -> int:
    """Return the status of a new customer."""
    shelf = customer_statuses(account, ids)
    return next(int(one["id"]) for one in shelf.values() if one["is_default"])
