from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from amocrm.mirror.deletions import EntityKey, Fate, fates_of, key_of, keys_of


@pytest.mark.parametrize(
    ("fate", "updated_at", "deleted_at"),
    [
        (Fate(100, "b", True), 99, 100),
        (Fate(100, "b", True), 100, 100),  # It was edited in the second of its deletion.
        (Fate(100, "b", True), 101, None),  # A read that was made later.
        (Fate(100, "b", True), None, 100),
        (Fate(100, "b", False), 99, None),
    ],
)
def test_a_read_against_an_event(fate: Fate, updated_at: int | None, deleted_at: Any) -> None:
    assert fate.deleted_at(updated_at) == deleted_at


def event(kind: str, at: int, name: str, **more: Any) -> dict[str, Any]:
    entity = kind.partition("_")[0]
    return {"id": name, "type": kind, "entity_type": entity, "entity_id": 7, "created_at": at,
            **more}  # fmt: skip


def test_the_latest_event_counts_in_whatever_order_they_come() -> None:
    events = [
        event("lead_deleted", 100, "a"), event("lead_restored", 100, "b"),
        event("lead_deleted", 90, "c"), event("lead_added", 200, "d"),
    ]  # fmt: skip
    for order in permutations(events):
        assert fates_of(order) == {EntityKey("leads", 7): Fate(100, "b", False)}


def test_a_deleted_note_is_one_of_its_entity() -> None:
    note = event("common_note_deleted", 5, "a", entity_type="contact",
                 value_after=[{"note": {"id": 31}}])  # fmt: skip
    assert fates_of([note]) == {EntityKey("contacts/notes", 31): Fate(5, "a", True)}
    assert fates_of([{**note, "value_after": []}]) == {}


@pytest.mark.parametrize(("kind", "ends"), [("contact", 2), ("contacts", 2), ("catalog_5", 1),
                                            (["contact"], 1), (None, 1)])  # fmt: skip
def test_a_link_names_both_ends(kind: Any, ends: int) -> None:
    for side, name in (("value_after", "link"), ("value_before", "unlink")):
        link = {name: {"entity": {"type": kind, "id": 31}}}
        named = [*keys_of(event("lead_linked", 5, "a", **{side: [link]}))]
        assert named == [EntityKey("leads", 7), EntityKey("contacts", 31)][:ends]


@pytest.mark.parametrize(
    "odd", [{"entity_type": "catalog_5"}, {"entity_id": None}, {"created_at": "5"}]
)
def test_other_events_name_nothing_of_the_mirror(odd: dict[str, Any]) -> None:
    assert key_of({**event("lead_deleted", 1, "a"), **odd}) is None
