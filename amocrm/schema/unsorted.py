"""Incoming leads. Source: reference 4.4."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import HypertextLinks, Ref
from amocrm.schema.contacts import NewCompany, NewContact
from amocrm.schema.leads import NewLead


class UnsortedParts(TypedDict):
    """What an incoming lead is made of."""

    contacts: list[Ref]
    leads: list[Ref]
    companies: list[Ref]


class _Unsorted(TypedDict):
    uid: str
    account_id: int
    _embedded: UnsortedParts


class Unsorted(_Unsorted, total=False):
    """A lead that came in; what was just created tells less than what is read."""

    source_uid: str
    source_name: str
    category: str
    pipeline_id: int
    created_at: int
    metadata: dict[str, Json]
    request_id: str
    _links: HypertextLinks


class NewUnsortedParts(TypedDict, total=False):
    """What comes in: one of each at most."""

    leads: list[NewLead]
    contacts: list[NewContact]
    companies: list[NewCompany]


class _NewUnsorted(TypedDict):
    source_name: str
    source_uid: str


class _FormMeta(TypedDict):
    form_id: str
    form_name: str
    form_page: str
    form_sent_at: int


class FormMeta(_FormMeta, total=False):
    """Of a form."""

    ip: str
    referer: str
    form_type: int


class NewForm(_NewUnsorted, total=False):
    """What a form of a site brought; `metadata` is required."""

    metadata: FormMeta
    pipeline_id: int
    created_at: int
    request_id: str
    _embedded: NewUnsortedParts


SipMeta = TypedDict(
    "SipMeta",
    {
        "from": str,
        "phone": str,
        "called_at": int,
        "duration": int,
        "link": "str | None",
        "service_code": str,
        "uniq": str,
        "call_responsible": "str | int | None",
        "is_call_event_needed": bool,
    },
    total=False,
)
"""Of a call; the duration is in seconds."""


class NewSip(_NewUnsorted, total=False):
    """What a call brought; `metadata` is required."""

    metadata: SipMeta
    pipeline_id: int
    created_at: int
    request_id: str
    _embedded: NewUnsortedParts


class _Sorted(TypedDict):
    uid: str
    _embedded: dict[str, list[Ref]]


class Sorted(_Sorted, total=False):
    """What became of an incoming lead."""

    pipeline_id: int
    category: str
    created_at: int


class _UnsortedLink(TypedDict):
    entity_id: int
    entity_type: str


class UnsortedLink(_UnsortedLink, total=False):
    """A lead or a customer to tie an incoming lead to."""

    metadata: dict[str, Json]


class UnsortedSummary(TypedDict):
    """How many came in."""

    total: int
    accepted: int
    declined: int
    average_sort_time: float
    categories: dict[str, dict[str, int]]
