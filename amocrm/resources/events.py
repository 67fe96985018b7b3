"""What happened in the account. Source: reference 4.16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.errors import ConfigurationError
from amocrm.http.messages import Json
from amocrm.resources.lazy import LazyResource
from amocrm.resources.verbs import Gets, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.filter_values import (
        EventEntityType,
        EventName,
        EventValues,
        Id,
        Since,
        Uid,
        UserId,
    )
    from amocrm.schema.events import Event, EventType

EventWith: TypeAlias = Literal[
    "catalog_element_name", "catalog_name", "company_name", "contact_name", "customer_name",
    "lead_name", "note",
]  # fmt: skip


_WITH_VALUE: Final = {
    "nps_rate_added", "sale_field_changed", "name_field_changed", "ltv_field_changed",
    "custom_field_value_changed",
}  # fmt: skip
"""Types of events that can be found by their value."""


def _several(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class EventFilter(TypedDict, total=False):
    """What events can be filtered by; `entity_id` takes exactly one `entity` beside it."""

    id: Uid | Iterable[Uid]
    created_at: Since
    created_by: UserId | Iterable[UserId]
    entity: EventEntityType | Iterable[EventEntityType]
    entity_id: Id | Iterable[Id]
    type: EventName | Iterable[EventName]
    value_before: EventValues
    value_after: EventValues


class Events(
    Lists["Event", EventFilter, EventWith, NoReturn], Gets["Event", EventWith],
    path="events", source="4.16", text_id=True,
):  # fmt: skip
    """What happened, a hundred on a page at most."""

    __slots__ = ()
    _split: ClassVar[Mapping[str, int]] = {"id": 10, "entity_id": 10, "created_by": 10}

    def _check_filter(self, asked: Mapping[str, Json]) -> None:
        if "entity_id" in asked and len(_several(asked.get("entity"))) != 1:
            raise ConfigurationError(
                "filter 'entity_id' of events needs one 'entity' beside it",
                hint='such as {"entity": "lead", "entity_id": [7001]}',
            )
        types = _several(asked.get("type"))
        of_field = [
            one for one in types if one.startswith("custom_field_") and one[13:14].isdigit()
        ]
        if of_field and len(types) > 1:
            raise ConfigurationError(f"filter 'type' of events takes {of_field[0]!r} only alone")
        for name in ("value_before", "value_after"):
            values = asked.get(name, {})
            if "custom_field_values" in values and not of_field:
                raise ConfigurationError(
                    f"custom_field_values in {name} needs the type custom_field_..._value_changed"
                )
            if "value" in values and not (types and set(types) <= _WITH_VALUE):
                raise ConfigurationError(
                    f"value in {name} needs a type", hint=", ".join(sorted(_WITH_VALUE))
                )

    types: LazyResource[EventTypes] = LazyResource("events.EventTypes")
    """Kinds of events: `list(params={"language_code": "ru"})` for their names in Russian."""


class EventTypes(Lists["EventType", NoReturn, NoReturn, NoReturn], path="types", source="4.16"):
    """Kinds of events: `list(params={"language_code": "ru"})` for their names in Russian."""

    __slots__ = ()
