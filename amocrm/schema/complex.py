"""Leads that are created together with a contact and a company. Source: reference 4.3, 4.4."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import NewTags
from amocrm.schema.contacts import NewComplexCompany, NewComplexContact
from amocrm.schema.leads import LeadWrite, NewLeadSource


class NewComplexParts(NewTags, total=False):
    """One contact and one company at most; `metadata` with a `category` makes it unsorted."""

    contacts: list[NewComplexContact]
    companies: list[NewComplexCompany]
    source: NewLeadSource
    metadata: dict[str, Json]


class NewComplexLead(LeadWrite, total=False):
    """A lead to create with its contact and company."""

    visitor_uid: str
    _embedded: NewComplexParts


class ComplexResult(TypedDict):
    """What became of a lead that was created with its contact and company (4.3)."""

    id: int
    contact_id: int | None
    company_id: int | None
    request_id: list[str]
    merged: bool
