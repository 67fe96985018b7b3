"""Lists (catalogs) with their elements, products. Source: reference 4.9-4.11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.resources.entity import HasCustomFieldsInBulk
from amocrm.resources.lazy import LazyResource
from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneEditable
from amocrm.resources.verbs import Editable, Reads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.fields import FieldDefinitions
    from amocrm.resources.filter_values import Id
    from amocrm.schema.catalogs import (
        Catalog,
        CatalogPatch,
        Element,
        ElementPatch,
        NewCatalog,
        NewElement,
        Products,
    )

ElementWith: TypeAlias = Literal["invoice_link", "supplier_field_values"]


class ElementFilter(TypedDict, total=False):
    """What elements can be filtered by."""

    id: Id | Iterable[Id]


class OneCatalog(OneEditable["Catalog", NoReturn, "CatalogPatch", "Catalog"]):
    """What belongs to one list."""

    __slots__ = ()

    elements: LazyResource[Elements] = LazyResource("catalogs.Elements")
    """Elements of a list; they cannot be deleted."""
    custom_fields: LazyResource[FieldDefinitions] = LazyResource("fields.FieldDefinitions")
    """Custom fields of a kind of entity. Writing requires admin rights."""


class Catalogs(
    Editable[
        "Catalog", "NewCatalog", "CatalogPatch", "Catalog", "Catalog",
        NoReturn, NoReturn, NoReturn,
    ],
    HasNames["Catalog"],
    path="catalogs", source="4.9",
):  # fmt: skip
    """Lists: products, invoices, suppliers and your own."""

    __slots__ = ()
    _called = ("list", "lists")

    products: LazyResource[ProductsSettings] = LazyResource("catalogs.ProductsSettings")
    """Whether products are switched on, and which list holds them."""

    def __call__(self, id: int | str) -> OneCatalog:  # noqa: A002
        """Return what belongs to one list."""
        return self._at(OneCatalog, id)


class Elements(
    Editable[
        "Element", "NewElement", "ElementPatch", "Element", "Element",
        ElementFilter, ElementWith, NoReturn,
    ],
    HasCustomFieldsInBulk["Element"],
    path="elements", source="4.10", query=True,
):  # fmt: skip
    """Elements of a list; they cannot be deleted."""

    __slots__ = ()


class ProductsSettings(Reads["Products", NoReturn], path="products/settings", source="4.11"):
    """Whether products are switched on, and which list holds them."""

    __slots__ = ()

    def set(self, *, is_enabled: bool) -> Products:
        """Switch products on or off."""
        now: Products = self._api.request.patch(self._path, {"is_enabled": is_enabled}).data
        return now
