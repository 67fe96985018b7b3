"""Customers: who buys again and again. Source: reference 4.18."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypedDict

from amocrm.http.error_mapping import unexpected_response
from amocrm.http.messages import Json
from amocrm.resources.changes import HasChanges
from amocrm.resources.entity import Entities, EntityFilter, HasCustomFields, OneEntity
from amocrm.resources.lazy import LazyResource
from amocrm.resources.named import HasNames
from amocrm.resources.one_item import OneEditable
from amocrm.resources.resource import Resource
from amocrm.resources.verbs import Creates, CreatesOne, Deletes, Editable, Edits, Gets, Lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm.resources.attached import Subscriptions
    from amocrm.resources.fields import SegmentFields
    from amocrm.resources.filter_values import Id, Numbers, Times
    from amocrm.schema.common import Changed, Short
    from amocrm.schema.customers import (
        Customer,
        CustomerPatch,
        CustomersMode,
        CustomerStatus,
        NewCustomer,
        NewCustomerStatus,
        NewSegment,
        NewTransaction,
        Segment,
        ShortTransaction,
        Transaction,
    )
    from amocrm.schema.events import Event

CustomerWith: TypeAlias = Literal["catalog_elements", "companies", "contacts", "group_id"]


class CustomerFilter(EntityFilter, total=False):
    """What customers can be filtered by."""

    next_price: Numbers
    next_date: Times
    status_id: Id | Iterable[Id]


class TransactionFilter(TypedDict, total=False):
    """What purchases can be filtered by."""

    id: Id | Iterable[Id]


class OneCustomer(OneEntity, OneEditable["Customer", CustomerWith, "CustomerPatch", "Changed"]):
    """What belongs to one customer."""

    __slots__ = ()

    subscriptions: LazyResource[Subscriptions] = LazyResource("attached.Subscriptions")
    """Users and groups that follow an entity."""
    transactions: LazyResource[ItemTransactions] = LazyResource("customers.ItemTransactions")
    """Purchases of one customer."""
    bonus_points: LazyResource[BonusPoints] = LazyResource("customers.BonusPoints")
    """Bonus points of one customer."""


class Customers(
    Editable[
        "Customer", "NewCustomer", "CustomerPatch", "Short", "Changed",
        CustomerFilter, CustomerWith, NoReturn,
    ],
    Entities["Changed"],
    HasChanges["Customer", "Event", CustomerFilter, CustomerWith],
    path="customers", source="4.18", query=True,
):  # fmt: skip
    """Buyers, counted by segments or by periods, as the account is set up."""

    __slots__ = ()

    mode: LazyResource[Mode] = LazyResource("customers.Mode")
    """How customers are counted. Requires admin rights."""
    statuses: LazyResource[CustomerStatuses] = LazyResource("customers.CustomerStatuses")
    """Stages of customers that are counted by periods. Writing requires admin rights."""
    segments: LazyResource[Segments] = LazyResource("customers.Segments")
    """Groups of customers. Writing requires admin rights."""
    transactions: LazyResource[Transactions] = LazyResource("customers.Transactions")
    """Purchases of all customers."""

    def __call__(self, id: int | str) -> OneCustomer:  # noqa: A002
        """Return what belongs to one customer."""
        return self._at(OneCustomer, id)


class Mode(Resource, path="mode", source="4.18"):
    """How customers are counted. Requires admin rights."""

    __slots__ = ()

    def set(self, mode: Literal["segments", "periodicity"], *, is_enabled: bool) -> CustomersMode:
        """Switch customers on or off, and choose how they are counted."""
        sent = {"mode": mode, "is_enabled": is_enabled}
        now: CustomersMode = self._api.request.patch(self._path, sent).data
        return now


class Transactions(
    Lists["Transaction", TransactionFilter, NoReturn, NoReturn], Gets["Transaction", NoReturn],
    Deletes,
    path="transactions", source="4.18",
):  # fmt: skip
    """Purchases of all customers."""

    __slots__ = ()


class ItemTransactions(
    Lists["Transaction", TransactionFilter, NoReturn, NoReturn], Gets["Transaction", NoReturn],
    Creates["NewTransaction", "ShortTransaction"], Deletes,
    path="transactions", source="4.18",
):  # fmt: skip
    """Purchases of one customer."""

    __slots__ = ()


class BonusPoints(Resource, path="bonus_points", source="4.18"):
    """Bonus points of one customer."""

    __slots__ = ()

    def earn(self, points: int) -> int:
        """Give points, and return how many there are now."""
        return self._change({"earn": points})

    def redeem(self, points: int) -> int:
        """Take points, and return how many there are now."""
        return self._change({"redeem": points})

    def _change(self, change: dict[str, int]) -> int:
        now: Json = self._api.request.post(self._path, change).data
        points = now.get("bonus_points") if isinstance(now, Mapping) else None
        if not isinstance(points, int):
            raise unexpected_response("POST", self._path, "no bonus_points")
        return points


class CustomerStatuses(
    Lists["CustomerStatus", NoReturn, NoReturn, NoReturn], Creates["NewCustomerStatus", "Short"],
    Edits["CustomerStatus", NoReturn, "NewCustomerStatus", "CustomerStatus"], Deletes,
    HasNames["CustomerStatus"],
    path="statuses", source="4.18",
):  # fmt: skip
    """Stages of customers that are counted by periods. Writing requires admin rights."""

    __slots__ = ()
    _called = ("stage", "stages")


class Segments(
    Lists["Segment", NoReturn, NoReturn, NoReturn], CreatesOne["NewSegment", "Segment"],
    Edits["Segment", NoReturn, "NewSegment", "Segment"], Deletes,
    HasCustomFields["Segment"], HasNames["Segment"],
    path="segments", source="4.18",
):  # fmt: skip
    """Groups of customers. Writing requires admin rights."""

    __slots__ = ()
    _called = ("segment", "segments")

    custom_fields: LazyResource[SegmentFields] = LazyResource("fields.SegmentFields")
    """Custom fields of segments, which have no groups. Writing requires admin rights."""
