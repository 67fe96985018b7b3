"""Lists that are only read: subscriptions and currencies (reference 4.28, 4.30)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Shelf, Verb
from amocrm.sandbox.engine.handling import Desk
from amocrm.sandbox.engine.listing import Wish

CURRENCIES = ("RUB", "USD", "EUR", "UAH", "BYN", "KZT", "GBP", "CNY")
"""Assumed (reference 4.30): which ones there are, and that a code is all they have."""


def _subscribers(desk: Desk) -> Shelf:
    (family,) = desk.row.parents.values()
    # Assumed (reference 4.28): the responsible user is subscribed, and nobody else.
    number = desk.account.shelf(family)[desk.scope["entity_id"]]["responsible_user_id"]
    return {number: {"subscriber_id": number, "type": "user", **desk.scope}} if number else {}


def _codes(desk: Desk) -> Shelf:
    return {code: {"code": code} for code in CURRENCIES}


def _bare(desk: Desk, entity: Entity, wish: Wish) -> Entity:
    return {name: entity[name] for name in desk.row.keys}


def _subscriptions(family: str) -> Collection:
    return Collection(
        path=f"/{family}/<int:entity_id>/subscriptions",
        key="subscriptions",
        verbs={"list": Verb(total=True)},
        keys=("subscriber_id", "type"),
        parents={"entity_id": family},
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
