"""What happened in the account. Source: reference 4.16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.http.messages import Json
from amocrm.resources.lazy import LazyResource
from amocrm.resources.verbs import Gets, Lists

if TYPE_CHECKING:
    from amocrm.schema.common import Range
    from amocrm.schema.events import Event, EventType

EventWith: TypeAlias = Literal[
    "catalog_element_name", "catalog_name", "company_name", "contact_name", "customer_name",
    "lead_name", "note",
]  # fmt: skip


class EventFilter(TypedDict, total=False):
    """What events can be filtered by; `entity_id` takes exactly one `entity` beside it."""

    id: str | list[str]
    created_at: int | Range
    created_by: int | list[int]
    entity: str | list[str]
    entity_id: int | list[int]
    type: str | list[str]
    value_before: dict[str, Json]
    value_after: dict[str, Json]


class Events(
    Lists["Event", EventFilter, EventWith, NoReturn], Gets["Event", EventWith],
    path="events", source="4.16", text_id=True,
):  # fmt: skip
    """What happened, a hundred on a page at most."""

    __slots__ = ()

    types: LazyResource[EventTypes] = LazyResource("events.EventTypes")


class EventTypes(Lists["EventType", NoReturn, NoReturn, NoReturn], path="types", source="4.16"):
    """Kinds of events: `list(params={"language_code": "ru"})` for their names in Russian."""

    __slots__ = ()
