"""Purchases of customers (reference 4.18, 5.3)."""

from __future__ import annotations

from dataclasses import replace

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.filters import numbers
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import Prop, Schema, ignoring
from amocrm.sandbox.engine.validation_errors import ValidationErrors, refuse_query
from amocrm.sandbox.entities.customers import customers_on

_ELEMENT: Schema = {
    "id": "int!",
    "metadata": Prop(
        "object",
        required=True,
        inner={"catalog_id": "int!", "quantity": "number", **ignoring("price_id")},
    ),
    **ignoring("_links"),
}
_CREATE: Schema = {
    "price": "int!",
    "comment": "string?",
    "completed_at": "int",
    "created_by": "user",
    "created_at": "int",
    "next_price": "int",
    "next_date": "int",
    "_embedded": Prop("object", inner={"catalog_elements": Prop("array", inner=_ELEMENT)}),
}


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    elements = operation.account.shelf("elements")
    for number, one in enumerate(model.get("_embedded", {}).get("catalog_elements", ())):
        known = elements.get(one["id"], {}).get("catalog_id")
        if known != one["metadata"]["catalog_id"]:
            errors.no_choice(f"_embedded.catalog_elements.{number}.id")


def _make(operation: Operation, model: Entity) -> Entity:
    if dict(operation.call.request.pairs()).get("accrue_bonus", "true") not in ("true", "false"):
        raise refuse_query("NotSupportedChoice", "accrue_bonus")
    made = operation.make({"completed_at": operation.call.now, **model})
    nested = model.get("_embedded", {})
    made["_elements"] = [
        {**one, "metadata": {"quantity": 1, **one["metadata"]}}
        for one in nested.get("catalog_elements", ())
    ]
    customer = operation.account.shelf("customers")[made["customer_id"]]
    customer |= {name: model[name] for name in ("next_price", "next_date") if name in model}
    _count(operation.account, made["customer_id"])
    value = {"transaction": {"id": made["id"]}}
    operation.call.history.record("transaction_added", "customer", customer["id"], after=[value])
    return made


def _drop(operation: Operation, entity: Entity) -> None:
    operation.drop(entity)
    _count(operation.account, entity["customer_id"])


def _count(account: Account, number: int) -> None:
    # What a customer bought is derived from its transactions.
    shelf = account.shelf("transactions").values()
    prices = [int(one["price"]) for one in shelf if one["customer_id"] == number]
    average = sum(prices) // len(prices) if prices else 0  # Assumed (reference 5.3): rounded down.
    account.shelf("customers")[number] |= {
        "ltv": sum(prices),
        "purchases_count": len(prices),
        "average_check": average,
    }


def _show(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
    customer = {"id": entity["customer_id"]}
    embedded = {"customer": customer, "catalog_elements": entity["_elements"]}
    return {**operation.show(entity), "_embedded": embedded}


_OF_ALL = Collection(
    path="/customers/transactions",
    key="transactions",
    verbs={"list": Verb(), "one": Verb(), "delete": Verb(status=204)},
    keys=(
        *("id", "price", "comment", "completed_at", "customer_id", "created_by", "created_at"),
        *("updated_by", "updated_at", "is_deleted", "account_id"),
    ),
    embeds=("customer",),
    create=_CREATE,
    defaults={"comment": None, "is_deleted": False},
    filters={"id": numbers("id")},
    unknown=404,
    guard=customers_on,
    check=_check,
    make=_make,
    drop=_drop,
    show=_show,
)
_OF_ONE = replace(
    _OF_ALL,
    path="/customers/<int:customer_id>/transactions",
    verbs={**_OF_ALL.verbs, "create": Verb(shape=("id", "customer_id"))},
    parents={"customer_id": "customers"},
)

ROWS = (_OF_ALL, _OF_ONE)
