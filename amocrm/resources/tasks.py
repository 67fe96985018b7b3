"""Tasks. Source: reference 4.13."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypedDict, cast

from amocrm.http.paths import ACCOUNT_PATH
from amocrm.resources import lazy
from amocrm.resources.changes import HasChanges
from amocrm.resources.one_item import OneEditable
from amocrm.resources.reply_parts import list_in, shapes_explained
from amocrm.resources.verbs import Editable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import Flag, Id, Since, Stages, UserId
    from amocrm.resources.filters import Direction
    from amocrm.schema.account import TaskType
    from amocrm.schema.enums import EntityType
    from amocrm.schema.events import Event
    from amocrm.schema.tasks import ChangedTask, NewTask, ShortTask, Task, TaskPatch


class TaskOrder(TypedDict, total=False):
    """What tasks can be ordered by; one of them."""

    complete_till: Direction
    created_at: Direction
    id: Direction


class TaskFilter(TypedDict, total=False):
    """What tasks can be filtered by; `entity_id` takes an `entity_type` beside it."""

    id: Id | Iterable[Id]
    responsible_user_id: UserId | Iterable[UserId]
    task_type: Id | Iterable[Id]
    task_type_id: Id | Iterable[Id]
    is_completed: Flag
    entity_type: EntityType
    entity_id: Id | Iterable[Id]
    updated_at: Since
    created_by: UserId | Iterable[UserId]
    lead_statuses: Stages


class OneTask(OneEditable["Task", NoReturn, "TaskPatch", "ChangedTask"]):
    """What can be done with one task."""

    __slots__ = ()

    def complete(self, result: str | None = None) -> ChangedTask:
        """Mark it done, with a result in words."""
        patch: TaskPatch = {"is_completed": True}
        if result is not None:
            patch["result"] = {"text": result}
        done: ChangedTask = self._api.request.patch(self._path, patch).data
        return done


class Tasks(
    Editable[
        "Task", "NewTask", "TaskPatch", "ShortTask", "ChangedTask",
        TaskFilter, NoReturn, TaskOrder,
    ],
    HasChanges["Task", "Event", TaskFilter, NoReturn],
    path="tasks", source="4.13",
):  # fmt: skip
    """What users have to do. They are completed, never deleted."""

    __slots__ = ()
    _together = ("entity_id", "entity_type")

    def __call__(self, id: int | str) -> OneTask:  # noqa: A002
        """Return what can be done with one task."""
        return self._at(OneTask, id)

    def type(self, name: str) -> TaskType:
        """Look a type of tasks up by its name or code: one call, and the result may be kept.

        Its `id` is a task's `task_type_id`. Source: reference 4.1.

        Args:
            name: as it is shown, or its code, which is the same in each language; in any case.

        Raises:
            ConfigurationError: there is none, and names like it are suggested; or there are
                several, and the message lists them with their ids.
        """
        called = ("task type", "task types")
        lazy.name_lookup.check_name(name, called[0])
        account = self._api.request.get(ACCOUNT_PATH, {"with": "task_types"}).data
        types = list_in(account, "_embedded", "task_types", method="GET", path=ACCOUNT_PATH)
        with shapes_explained("GET", ACCOUNT_PATH):
            found = lazy.name_lookup.find_named(types, name, called, ("name", "code"))
        return cast("TaskType", found)
