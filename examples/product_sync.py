"""Update the account's products from a price list: create new ones, send only the differences.

Each row has the id of the shop's own system; the account stores it in the field EXTERNAL_ID, which
users do not see.

    python examples/product_sync.py
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shop import shop

from amocrm import AmoCRM, Created, Refused, Unknown, Updated

if TYPE_CHECKING:
    from amocrm.schema.catalogs import Element, NewElement


class Row(NamedTuple):
    """A row of the price list."""

    id: str
    sku: str
    name: str
    price: Decimal


def sync(crm: AmoCRM, rows: Iterable[Row]) -> None:
    """Create new rows and update those that differ; print the outcome of each."""
    catalog = crm.catalogs.products.get().get("catalog_id")
    if catalog is None:
        raise SystemExit("the account has no products: switch them on in its settings")
    goods = crm.catalogs(catalog).elements
    known = {goods.cf(one).get("EXTERNAL_ID"): one for one in goods.list()}
    known.pop(None, None)  # products from elsewhere
    new: list[NewElement] = []
    pairs: list[tuple[Element, NewElement]] = []
    for row in rows:
        before = known.pop(row.id, None)
        after: NewElement = {"name": row.name}
        if before is not None:
            after["custom_fields_values"] = before["custom_fields_values"]
        goods.cf(after).update(EXTERNAL_ID=row.id, SKU=row.sku, PRICE=row.price)
        if before is None:
            new.append(after)
        else:
            pairs.append((before, after))

    for outcome in chain(goods.create_many(new), goods.save_many(pairs)):
        if isinstance(outcome, Created):
            print(f"created {outcome.id}: {outcome.item['name']}")
        elif isinstance(outcome, Updated):
            parts = ", ".join(sorted(set(outcome.item) - {"id"}))
            print(f"changed {outcome.id}: {parts}")
        elif isinstance(outcome, Refused):
            which = goods.cf(outcome.item).get("SKU") or outcome.item.get("id")
            print(f"refused {which}: {outcome.error}")
        elif isinstance(outcome, Unknown):
            print(f"look for it before the next run: {outcome.item}: {outcome.why}")
    # The API cannot delete elements, so a person decides about them.
    for one in known.values():
        print(f"no longer in the list: {one['id']}: {one['name']}")


MONDAY = [
    Row("1c-1", "K-1", "Kettle", Decimal(2490)),
    Row("1c-2", "C-6", "Cups, six", Decimal(1200)),
    Row("1c-3", "S-1", "Samovar", Decimal(18900)),
]
TUESDAY = [
    Row("1c-1", "K-1", "Kettle", Decimal(2690)),
    Row("1c-2", "C-6", "Cups, six", Decimal(1200)),
    Row("1c-4", "T-1", "Tray", Decimal(1500)),
    Row("1c-5", "S-2", "", Decimal(900)),
]


def main() -> None:
    """Sync two price lists, one after the other."""
    with shop() as crm:
        for day, rows in (("Monday", MONDAY), ("Tuesday", TUESDAY), ("once more", TUESDAY[:3])):
            print(f"{day}:")
            sync(crm, rows)


if __name__ == "__main__":
    main()
