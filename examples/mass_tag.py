"""Tag all leads of a stage that were not changed for a month.

python examples/mass_tag.py
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shop import DAY, shop

from amocrm import AmoCRM, Updated

if TYPE_CHECKING:
    from amocrm.schema.leads import Lead, LeadPatch


def tag_inactive(crm: AmoCRM, stage_name: str, tag: str, days: int) -> None:
    """Add a tag to the leads of a stage that were not changed for some days."""
    stage = crm.leads.pipelines.stage(stage_name, pipeline="Sales")
    until = int(time.time()) - days * DAY
    found = crm.leads.list(filter={"statuses": [stage], "updated_at": {"to": until}})
    # Read all leads before the first write: tagging changes a lead, so it would no longer match the
    # filter during the listing.
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
    """Tell whether a lead already has a tag."""
    return any(one["name"] == tag for one in lead["_embedded"]["tags"])


def main() -> None:
    """Tag twice: the second run finds nothing to do."""
    with shop() as crm:
        for _ in range(2):
            tag_inactive(crm, "Agreed", "inactive", days=30)


if __name__ == "__main__":
    main()
