"""Customers, purchases, segments. Source: reference 4.18, 5.3."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import (
    FieldValues,
    HypertextLinks,
    LinkedElement,
    NewTags,
    Ref,
    Tag,
    TagRef,
)
from amocrm.schema.enums import SegmentColor, StageColor


class _CustomerParts(TypedDict):
    segments: list[Ref]
    tags: list[Tag]


class CustomerParts(_CustomerParts, total=False):
    """What a customer embeds."""

    contacts: list[Ref]
    companies: list[Ref]
    catalog_elements: list[LinkedElement]


class _Customer(TypedDict):
    id: int
    name: str
    next_price: int
    next_date: int
    responsible_user_id: int
    periodicity: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    closest_task_at: int | None
    is_deleted: bool
    custom_fields_values: list[FieldValues] | None
    ltv: int
    purchases_count: int
    average_check: int
    account_id: int
    _links: HypertextLinks
    _embedded: CustomerParts


class Customer(_Customer, total=False):
    """A buyer; `status_id` is there where customers are counted by periods."""

    status_id: int


class NewCustomerParts(NewTags, total=False):
    """Tags and segments of a customer to write."""

    segments: list[Ref]


class _CustomerWrite(TypedDict, total=False):
    next_price: float | Decimal
    next_date: int
    responsible_user_id: int
    status_id: int
    periodicity: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    custom_fields_values: list[FieldValues] | None
    tags_to_add: list[TagRef]
    request_id: str
    _embedded: NewCustomerParts


class _Named(TypedDict):
    name: str


class NewCustomer(_Named, _CustomerWrite, total=False):
    """A customer to create; `next_date` is required where they are counted by periods."""


class CustomerPatch(_CustomerWrite, total=False):
    """What to change of a customer; `id` names it where many are changed."""

    id: int
    name: str
    tags_to_delete: list[TagRef]


class CustomersMode(TypedDict):
    """How customers are counted: `segments` or `periodicity`."""

    mode: str
    is_enabled: bool


class TransactionParts(TypedDict, total=False):
    """What a purchase embeds."""

    customer: Ref
    catalog_elements: list[LinkedElement]


class Transaction(TypedDict):
    """A purchase."""

    id: int
    price: int
    comment: str | None
    completed_at: int
    customer_id: int
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    is_deleted: bool
    account_id: int
    _links: HypertextLinks
    _embedded: TransactionParts


class _NewTransaction(TypedDict):
    price: float | Decimal


class NewTransaction(_NewTransaction, total=False):
    """A purchase to create; `next_price` and `next_date` are the customer's."""

    comment: str
    completed_at: int
    created_by: int
    created_at: int
    next_price: int
    next_date: int
    request_id: str
    _embedded: TransactionParts


class ShortTransaction(TypedDict):
    """What a write says of a new purchase."""

    id: int
    customer_id: int
    request_id: str
    _links: HypertextLinks


class CustomerStatus(TypedDict):
    """A stage of customers."""

    id: int
    name: str
    sort: int
    is_default: bool
    color: str
    type: int
    conditions: list[dict[str, Json]]
    account_id: int
    _links: HypertextLinks


class NewCustomerStatus(TypedDict, total=False):
    """A stage to create or change; a new one needs `name` and `sort`."""

    name: str
    sort: int
    color: StageColor
    request_id: str


class Segment(TypedDict):
    """A group of customers; the colour is hex without `#`."""

    id: int
    name: str
    color: str
    created_at: int
    updated_at: int
    customers_count: int
    custom_fields_values: list[FieldValues] | None
    available_products_price_types: list[int] | None
    account_id: int
    _links: HypertextLinks


class NewSegment(TypedDict, total=False):
    """A segment to create or change; a new one needs `name`."""

    name: str
    color: SegmentColor
    available_products_price_types: list[int] | None
    custom_fields_values: list[FieldValues] | None
