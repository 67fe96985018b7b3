"""Report how many leads are in each stage, their value, and how many reached it.

    python examples/funnel_report.py [pipeline] [days]

It only reads. With the environment variables that `shop.py` names it runs on your account.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from shop import DAY, account

from amocrm import AmoCRM

if TYPE_CHECKING:
    from amocrm.schema.pipelines import Pipeline, Status

LOST = 143


class StageRow(NamedTuple):
    """One stage in the report.

    Attributes:
        here: leads that are there now.
        sum: their total value.
        reached: leads created in the period that reached it, or a later one.
    """

    stage: str
    here: int
    sum: int
    reached: int | None


def funnel(crm: AmoCRM, name: str, days: int) -> list[StageRow]:
    """Report on a pipeline, and on the leads created in the last days."""
    (pipeline,) = [one for one in crm.leads.pipelines.list() if one["name"] == name]
    here: Counter[int] = Counter()
    total: Counter[int] = Counter()
    began = int(time.time()) - days * DAY
    young: dict[int, int] = {}
    for lead in crm.leads.list(filter={"pipeline_id": pipeline["id"]}):
        here[lead["status_id"]] += 1
        total[lead["status_id"]] += lead["price"]
        if lead["created_at"] >= began:
            young[lead["id"]] = lead["status_id"]

    stages = [one for one in pipeline["_embedded"]["statuses"] if one["type"] == 0]
    far = furthest(crm, pipeline, young, began)
    return [
        StageRow(
            stage["name"],
            here[stage["id"]],
            total[stage["id"]],
            None if stage["id"] == LOST else sum(sort >= stage["sort"] for sort in far.values()),
        )
        for stage in stages
    ]


def furthest(crm: AmoCRM, pipeline: Pipeline, leads: dict[int, int], began: int) -> dict[int, int]:
    """Return the furthest stage of each lead: the greatest `sort` of those it was in.

    The current stage is not enough: a lost lead may have been in a later one before.
    """
    sorts = {one["id"]: one["sort"] for one in pipeline["_embedded"]["statuses"] if is_way(one)}
    far = {lead: sorts.get(stage, 0) for lead, stage in leads.items()}
    moves = crm.events.list(
        filter={"type": ["lead_status_changed"], "entity": ["lead"], "created_at": {"from": began}}
    )
    for move in moves:
        for value in (*move["value_before"], *move["value_after"]):
            stage = value["lead_status"]
            if move["entity_id"] in far and stage["pipeline_id"] == pipeline["id"]:
                lead = move["entity_id"]
                far[lead] = max(far[lead], sorts.get(stage["id"], 0))
    return far


def is_way(stage: Status) -> bool:
    """Tell whether a stage leads to a sale."""
    return stage["id"] != LOST


def main() -> None:
    """Print the report."""
    name = sys.argv[1] if len(sys.argv) > 1 else "Sales"
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with account() as crm:
        lines = funnel(crm, name, days)
    print(f"{'stage':<20} {'leads':>6} {'sum':>10} {'reached':>8} {'of those before':>16}")
    before = lines[0].reached
    for line in lines:
        share = f"{line.reached / before:.0%}" if line.reached is not None and before else ""
        reached = "" if line.reached is None else line.reached
        print(f"{line.stage:<20} {line.here:>6} {line.sum:>10} {reached:>8} {share:>16}")
        before = line.reached or before


if __name__ == "__main__":
    main()
