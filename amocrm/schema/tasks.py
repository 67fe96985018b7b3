"""Tasks. Source: reference 4.13, 5.5."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import Changed, HypertextLinks, Short
from amocrm.schema.enums import EntityType


class TaskResult(TypedDict):
    """What came of a task."""

    text: str


class Task(TypedDict):
    """What a user has to do; `result` is an empty list as long as there is none."""

    id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    responsible_user_id: int
    group_id: int
    entity_id: int | None
    entity_type: str | None
    duration: int
    is_completed: bool
    task_type_id: int
    text: str
    result: TaskResult | list[Json]
    complete_till: int
    account_id: int
    _links: HypertextLinks


class _TaskWrite(TypedDict, total=False):
    responsible_user_id: int
    entity_id: int | None
    entity_type: EntityType | None
    task_type_id: int
    duration: int
    is_completed: bool
    result: TaskResult
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    request_id: str


class _NewTask(TypedDict):
    text: str
    complete_till: int


class NewTask(_NewTask, _TaskWrite, total=False):
    """A task to create."""


class TaskPatch(_TaskWrite, total=False):
    """What to change of a task; `id` names it where many are changed."""

    id: int
    text: str
    complete_till: int


class ShortTask(Short):
    """What a write says of a new task."""


class ChangedTask(Changed, total=False):
    """What a write says of a changed task."""

    request_id: str
