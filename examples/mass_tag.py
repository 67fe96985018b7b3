"""Tag all leads that stand in a stage and that nobody has touched for a month.

python examples/mass_tag.py
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shop import DAY, shop

from amocrm import AmoCRM, Updated

if TYPE_CHECKING:
    from amocrm.schema.leads import Lead, LeadPatch


def tag_asleep(crm: AmoCRM, stage_name: str, tag: str, days: int) -> None:
    """Give a tag to the leads of a stage that were last changed some days ago, or before."""
    stage = crm.leads.pipelines.stage(stage_name, pipeline="Sales")
    until = int(time.time()) - days * DAY
    found = crm.leads.list(filter={"statuses": [stage], "updated_at": {"to": until}})
    # All of it is read before anything is written: what is tagged has just been changed, and would
    # fall out of the listing while it is read.
    patches: list[LeadPatch] = [
        {"id": lead["id"], "tags_to_add": [{"name": tag}]} for lead in found if not has(lead, tag)
    ]
    print(f"{len(patches)} to tag")
    for outcome in crm.leads.update_many(patches):
        if isinstance(outcome, Updated):
            print(f"tagged {outcome.id}")
        else:
            print(f"not tagged: {outcome}")


def has(lead: Lead, tag: str) -> bool:
    """Tell whether a lead has a tag already."""
    return any(one["name"] == tag for one in lead["_embedded"]["tags"])


def main() -> None:
    """Tag, and see that the next run finds nothing to do."""
    with shop() as crm:
        for _ in range(2):
            tag_asleep(crm, "Agreed", "asleep", days=30)


if __name__ == "__main__":
    main()
