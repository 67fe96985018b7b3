"""Lists and their elements. Source: reference 4.9-4.11, 5.6."""

from __future__ import annotations

from typing import TypedDict

from amocrm.http.messages import Json
from amocrm.schema.common import FieldValues, HypertextLinks
from amocrm.schema.enums import CatalogType


class Catalog(TypedDict):
    """A list: `regular`, `products`, `invoices` or `suppliers`."""

    id: int
    name: str
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    sort: int
    type: str
    can_add_elements: bool
    can_show_in_cards: bool
    can_link_multiple: bool
    can_be_deleted: bool
    sdk_widget_code: str | None
    account_id: int
    _links: HypertextLinks


class _CatalogWrite(TypedDict, total=False):
    sort: int
    can_add_elements: bool
    can_show_in_cards: bool
    can_link_multiple: bool
    request_id: str


class _NewCatalog(TypedDict):
    name: str


class NewCatalog(_NewCatalog, _CatalogWrite, total=False):
    """A list to create."""

    type: CatalogType


class CatalogPatch(_CatalogWrite, total=False):
    """What to change of a list; its type stays."""

    id: int
    name: str


class Element(TypedDict):
    """An element of a list."""

    id: int
    catalog_id: int
    name: str
    created_by: int
    updated_by: int
    created_at: int
    updated_at: int
    is_deleted: bool | None
    currency_id: int | None
    custom_fields_values: list[FieldValues] | None
    account_id: int
    invoice_link: str | None
    _links: HypertextLinks
    _embedded: dict[str, Json]


class _ElementWrite(TypedDict, total=False):
    custom_fields_values: list[FieldValues] | None
    created_by: int
    updated_by: int
    created_at: int
    currency_id: int
    request_id: str


class _NewElement(TypedDict):
    name: str


class NewElement(_NewElement, _ElementWrite, total=False):
    """An element to create."""


class ElementPatch(_ElementWrite, total=False):
    """What to change of an element; `id` names it where many are changed."""

    id: int
    name: str


class _Products(TypedDict):
    is_enabled: bool


class Products(_Products, total=False):
    """Whether products are on, and which list holds them."""

    catalog_id: int
