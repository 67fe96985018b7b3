"""What leads, contacts, companies and customers are all asked. Source: reference 4.2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from amocrm.core.wire import Json

if TYPE_CHECKING:
    from amocrm.schema.common import Range

TimeOrder: TypeAlias = Literal["id", "updated_at"]


class EntityFilter(TypedDict, total=False):
    """What leads, contacts, companies and customers can all be filtered by.

    amoCRM sells filters as a function of the account (`is_api_filter_enabled`); Kommo does not.
    """

    id: int | list[int]
    name: str | list[str]
    created_by: int | list[int]
    updated_by: int | list[int]
    responsible_user_id: int | list[int]
    created_at: Range
    updated_at: Range
    closest_task_at: Range
    custom_fields_values: dict[int, list[Json] | Range]
