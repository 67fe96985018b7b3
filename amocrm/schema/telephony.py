"""Calls. Source: reference 4.22."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.enums import CallDirection


class Call(TypedDict):
    """The note that a call became; `entity_type` is singular: `contact`, `lead`..."""

    id: int
    entity_id: int
    entity_type: str
    account_id: int
    request_id: str
    _embedded: dict[str, Json]


class _NewCall(TypedDict):
    direction: CallDirection
    duration: int
    source: str
    phone: str


class NewCall(_NewCall, total=False):
    """A call to tell of; the duration is in seconds.

    `call_status`: 1 left a message, 2 call back later, 3 absent, 4 talked, 5 wrong number, 6 no
    answer, 7 busy.
    """

    uniq: str
    link: str
    call_result: str
    call_status: int
    call_responsible: str | int | None
    responsible_user_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    request_id: str
