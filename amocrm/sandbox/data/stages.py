"""Stages of a pipeline: which ones there are, in what order, in which colors (reference 4.5)."""

from __future__ import annotations

from amocrm.sandbox.data.state import CLOSED, Account, Entity, Ids

COLORS = (
    *("#fffeb2", "#fffd7f", "#fff000", "#ffeab2", "#ffdc7f", "#ffce5a", "#ffdbdb", "#ffc8c8"),
    *("#ff8f92", "#d6eaff", "#c1e0ff", "#98cbff", "#ebffb1", "#deff81", "#87f2c0", "#f9deff"),
    *("#f3beff", "#ccc8f9", "#eb93ff", "#f2f3f4", "#e6e8ea"),
)
"""Colors of ordinary stages."""

FIRST_COLOR = COLORS[0]
"""Of a stage that names none. Assumed (reference 4.5): the first of the list."""

_SYSTEM = (
    # id, name (ru, com), sort, color; the first one is the unsorted stage, of type 1.
    (0, "Неразобранное", "Incoming leads", 10, "#c1c1c1"),
    (142, "Успешно реализовано", "Closed - won", 10000, "#CCFF66"),
    (143, "Закрыто и не реализовано", "Closed - lost", 11000, "#D5D8DB"),
)


def system_stages(account: Account, pipeline: int, ids: Ids) -> list[Entity]:
    """Return the three stages that every pipeline has; none of them is editable."""
    language = 0 if account.zone.endswith(".ru") else 1
    return [
        {
            "id": number or ids.take("statuses"),
            "name": names[language],
            "sort": sort,
            "is_editable": False,
            "pipeline_id": pipeline,
            "color": color,
            "type": 0 if number else 1,
            "account_id": account.id,
        }
        for number, *names, sort, color in _SYSTEM
    ]


def is_ordinary(stage: Entity) -> bool:
    """Tell a stage that people made from the three of the system."""
    return stage["type"] == 0 and stage["id"] not in CLOSED


def renumber(stages: list[Entity]) -> None:
    """Put stages in order; ordinary ones get 20, 30, ... (reference 4.5)."""
    ordinary = sorted((one for one in stages if is_ordinary(one)), key=lambda one: int(one["sort"]))
    for place, stage in enumerate(ordinary, start=2):
        stage["sort"] = place * 10
    stages.sort(key=lambda one: int(one["sort"]))


def visible(pipeline: Entity) -> list[Entity]:
    """Return the stages that reads list: without the unsorted one where it is off."""
    stages: list[Entity] = pipeline["_embedded"]["statuses"]
    return [one for one in stages if pipeline["is_unsorted_on"] or one["type"] == 0]
