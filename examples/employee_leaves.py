"""An employee leaves: hand over leads, contacts, companies, customers and open tasks.

The run can be stopped and started again: it finds only what is not handed over yet. At the end it
counts what is left, which must be nothing.

python examples/employee_leaves.py
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from shop import DAY, shop

from amocrm import AmoCRM, PaymentRequiredError, Refused, Unknown
from amocrm.progress import Progress

if TYPE_CHECKING:
    from amocrm.types import NewTask

KINDS = ("leads", "contacts", "companies", "customers", "tasks")


def find(crm: AmoCRM, kind: str, user: int) -> list[int]:
    """Return the ids of all items of a user; of tasks, those of the open ones."""
    wanted = {"responsible_user_id": user}
    if kind == "tasks":
        wanted["is_completed"] = 0
    try:
        items = list(crm.listing(f"/api/v4/{kind}", {"filter": wanted}))
    except PaymentRequiredError:
        return []  # The account has no customers.
    # Compare each: where filters are not in the plan, other users' items may come, too.
    return [one["id"] for one in items if one["responsible_user_id"] == user]


def hand_over(crm: AmoCRM, leaver: int, successor: int) -> int:
    """Give everything of a user to another one; return how much could not be handed over."""
    for kind in KINDS:
        # All ids are read before the first write: what was handed over no longer matches the
        # filter, so pages would shift while they are read.
        ids = find(crm, kind, leaver)

        def show(progress: Progress, kind: str = kind, total: int = len(ids)) -> None:
            if progress.waiting_for is None:
                print(f"{kind}: {progress.done} of {total}")

        patches = [{"id": number, "responsible_user_id": successor} for number in ids]
        # The same value twice does no harm, so a lost answer is made good by sending it again.
        for outcome in crm.update_many(f"/api/v4/{kind}", patches, retry="always", progress=show):
            if isinstance(outcome, (Refused, Unknown)):
                print(f"not handed over: {kind} {outcome.item['id']}: {outcome}", file=sys.stderr)
    left = {kind: len(find(crm, kind, leaver)) for kind in KINDS}
    print("left:", ", ".join(f"{count} {kind}" for kind, count in left.items()))
    return sum(left.values())


def main() -> None:
    """Let a manager of the shop leave."""
    with shop() as crm:
        boss = crm.account.get()["current_user_id"]
        manager = next(one["id"] for one in crm.users.list() if one["id"] != boss)
        for number in range(3):
            crm.leads.create({"name": f"Order {number}", "responsible_user_id": manager})
        crm.contacts.create({"name": "Anna Petrova", "responsible_user_id": manager})
        crm.companies.create({"name": "Romashka", "responsible_user_id": manager})
        task: NewTask = {"text": "Call", "complete_till": int(time.time()) + DAY}
        crm.tasks.create({**task, "responsible_user_id": manager})
        crm.tasks.create({**task, "responsible_user_id": manager, "is_completed": True})
        if hand_over(crm, manager, boss):
            raise SystemExit("run it again, or look at what was refused")


if __name__ == "__main__":
    main()
