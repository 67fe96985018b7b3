"""Lists that are only read: subscriptions and currencies (reference 4.28, 4.30)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery

CURRENCIES = ("RUB", "USD", "EUR", "UAH", "BYN", "KZT", "GBP", "CNY")
"""Assumed (reference 4.30): which ones there are, and that a code is all they have."""


def _subscribers(operation: Operation) -> Entities:
    (entity_type,) = operation.row.parents.values()
    # Assumed (reference 4.28): only the responsible user is subscribed.
    number = operation.account.shelf(entity_type)[operation.scope["entity_id"]][
        "responsible_user_id"
    ]
    return {number: {"subscriber_id": number, "type": "user", **operation.scope}} if number else {}


def _codes(operation: Operation) -> Entities:
    return {code: {"code": code} for code in CURRENCIES}


def _bare(operation: Operation, entity: Entity, listing: ListingQuery) -> Entity:
    return {name: entity[name] for name in operation.row.keys}


def _subscriptions(entity_type: str) -> Collection:
    return Collection(
        path=f"/{entity_type}/<int:entity_id>/subscriptions",
        key="subscriptions",
        verbs={"list": Verb(total=True)},
        keys=("subscriber_id", "type"),
        parents={"entity_id": entity_type},
        stored=_subscribers,
        show=_bare,
    )


ROWS = (
    _subscriptions("leads"),
    _subscriptions("customers"),
    Collection(
        path="/currencies",
        key="currencies",
        verbs={"list": Verb()},
        keys=("code",),
        stored=_codes,
        show=_bare,
    ),
)
