"""Rows of events, notes, calls, tasks and purchases. Source: reference 5.3, 5.5, 5.10-5.12."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from amocrm.http.messages import Json
from amocrm.mirror.flatten.reading import Item, RowReader, at
from amocrm.mirror.tables.activities import (
    CALLS,
    EVENTS,
    NOTES,
    STATUS_HISTORY,
    TASKS,
    TRANSACTIONS,
)
from amocrm.mirror.tables.columns import Rows

_DIRECTIONS: Final[Mapping[Json, str]] = {"call_in": "in", "call_out": "out"}
_CALL_TYPES: Final = tuple(_DIRECTIONS)
"""A tuple, because what came in the place of a type may have no hash."""


def _stage(side: str, name: str) -> Callable[[Item], Json]:
    return lambda event: at(event, (side, 0, "lead_status", name))


_EVENT: Final = RowReader(EVENTS)
_MOVE: Final = RowReader(
    STATUS_HISTORY,
    from_pipeline_id=_stage("value_before", "pipeline_id"),
    from_status_id=_stage("value_before", "id"),
    to_pipeline_id=_stage("value_after", "pipeline_id"),
    to_status_id=_stage("value_after", "id"),
)


def _always(value: str) -> Callable[[Item], Json]:
    return lambda _: value


def _direction(note: Item) -> Json:
    return _DIRECTIONS[note.get("note_type")]


_NOTES: Final = {
    name: (
        RowReader(NOTES, entity_type=_always(name)),
        RowReader(CALLS, entity_type=_always(name), direction=_direction),
    )
    for name in ("leads", "contacts", "companies", "customers")
}
_TASK: Final = RowReader(TASKS)
_TRANSACTION: Final = RowReader(TRANSACTIONS)


def flatten_events(items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of events, and of the moves of leads among them."""
    moves = [one for one in items if one.get("type") == "lead_status_changed"]
    return {
        "events": [_EVENT(account_id, item) for item in items],
        "status_history": [_MOVE(account_id, item) for item in moves],
    }


def flatten_notes(items: Sequence[Item], account_id: int, entity_type: str) -> Rows:
    """Return the rows of notes of a kind of entity, and of the calls among them."""
    note, call = _NOTES[entity_type]
    calls = [one for one in items if one.get("note_type") in _CALL_TYPES]
    return {
        "notes": [note(account_id, item) for item in items],
        "calls": [call(account_id, item) for item in calls],
    }


def flatten_tasks(items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of tasks."""
    return {"tasks": [_TASK(account_id, item) for item in items]}


def flatten_transactions(items: Sequence[Item], account_id: int) -> Rows:
    """Return the rows of purchases."""
    return {"transactions": [_TRANSACTION(account_id, item) for item in items]}
