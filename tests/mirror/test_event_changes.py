from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from amocrm.mirror.differences import ListingChanges, RowDifference, Verification
from amocrm.mirror.event_changes import changes_of
from amocrm.mirror.families import SOURCES

LEADS, LEAD_NOTES, TASKS = (
    next(one for one in SOURCES if one.name == name) for name in ("leads", "notes/leads", "tasks")
)


def event(kind: str, at: int = 5, number: int = 7, of: str = "lead", **more: Any) -> dict[str, Any]:
    return {"id": f"{kind} {at}", "type": kind, "entity_type": of, "entity_id": number,
            "created_at": at, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("lead_added", ({7}, {7}, set())),
        ("lead_restored", ({7}, {7}, set())),
        ("lead_deleted", ({7}, set(), {7})),
        ("entity_merged", ({7}, set(), {7})),
        ("contact_linked", ({7}, set(), set())),
        ("entity_tag_added", ({7}, set(), set())),
        ("common_note_added", ({7}, set(), set())),
    ],
)
def test_what_an_event_tells_of_its_entity(kind: str, changes: tuple[set[int], ...]) -> None:
    assert changes_of(LEADS, [event(kind)]) == changes
    assert changes_of(TASKS, [event(kind)]) == (set(), set(), set())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("common_note_added", ({31}, {31}, set())),
        ("incoming_call", ({31}, {31}, set())),
        ("common_note_deleted", ({31}, set(), {31})),
    ],
)
def test_what_an_event_tells_of_a_note(kind: str, changes: tuple[set[int], ...]) -> None:
    noted = [{"note": {"id": 31}}]
    assert changes_of(LEAD_NOTES, [event(kind, value_after=noted)]) == changes
    other = event(kind, of="contact", value_after=noted)
    assert changes_of(LEAD_NOTES, [other]) == (set(), set(), set())


def test_the_last_event_of_an_item_counts() -> None:
    events = [event("lead_added", 1), event("lead_deleted", 2), event("lead_restored", 3),
              event("lead_status_changed", 4)]  # fmt: skip
    for order in permutations(events):
        assert changes_of(LEADS, order) == ({7}, {7}, set())


@pytest.mark.parametrize(
    ("difference", "explained_by"),
    [
        (RowDifference("leads", (7,), "name", "a", "b"), "edited"),
        (RowDifference("links", ("leads", 7, "contacts", 5), None, True, False), "edited"),
        (RowDifference("links", ("leads", 7, "contacts", 5), None, False, True), "edited"),
        (RowDifference("leads", (7,), None, False, True), "came"),
        (RowDifference("leads", (7,), None, True, False), "went"),
    ],
)
def test_what_explains_a_difference(difference: RowDifference, explained_by: str) -> None:
    for name in ListingChanges._fields:
        changes = ListingChanges()._replace(**{name: {7}})
        assert changes.explain("leads", 7, difference) == (name == explained_by)
        assert not changes.explain("leads", 8, difference)


@pytest.mark.parametrize(
    ("counts", "moving", "is_same"),
    [
        ((5, 5), (0, 0), True),
        ((5, 6), (0, 0), False),
        ((5, 6), (1, 0), True),
        ((5, 7), (1, 0), False),
        ((5, 6), (0, 9), False),
        ((5, 4), (0, 1), True),
        ((5, 3), (0, 1), False),
        ((5, 4), (9, 0), False),
    ],
)
def test_numbers_may_differ_by_what_came_and_what_went(
    counts: tuple[int, int], moving: tuple[int, int], is_same: bool
) -> None:
    found = Verification(counts={"leads": counts}, moving={"leads": moving})
    assert found.is_same == is_same
    assert found.miscounted == ({} if is_same else {"leads": counts})
