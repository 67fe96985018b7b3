"""Who made a change, and whether it changed anything, as far as an event says so.

Source: reference 6.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from amocrm._support.numbers import finite
from amocrm.http.messages import Json
from amocrm.webhooks.event import Event

_AUTHORS: Final = ("modified_user_id", "modified_by", "created_user_id", "created_by")
"""Members that name the author, the latest change first; 0 is a robot."""

_CHANGES: Final = {
    "status": "status_id",
    "responsible": "responsible_user_id",
    "period": "period_id",
}
"""Actions that are about one member."""

SHARED_STAGES: Final = (142, 143)
"""Won and lost, which all pipelines have under the same ids. Source: reference 4.5."""


def author_of(event: Event) -> int | None:
    """Return the id of the user who made the change; 0 for a robot, None if it is not said."""
    note = event.item.get("note")
    about = note if isinstance(note, dict) else event.item
    found = (number_of(about, name) for name in _AUTHORS)
    return next((one for one in found if one is not None), None)


def is_unchanged(event: Event) -> bool:
    """Tell whether a change leads from a stage, user or period to the same one."""
    name = _CHANGES.get(event.action, "")
    now = number_of(event.item, name)
    if now is None or event.previous.get(name) != now:
        return False
    if name != "status_id":
        return True
    before = event.previous.get("pipeline_id")
    if before is None:
        return now not in SHARED_STAGES
    return before == number_of(event.item, "pipeline_id")


def number_of(item: Mapping[str, Json], name: str) -> int | None:
    """Return a member that is a whole number, or such a text."""
    number = finite(item.get(name))
    return int(number) if number is not None and number == int(number) else None
