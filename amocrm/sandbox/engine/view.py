"""Entities as they are read (reference 5.1, 5.2)."""

from __future__ import annotations

from collections.abc import Callable

from amocrm.sandbox.data.entity_types import EntityType
from amocrm.sandbox.data.state import Account, Entity, linked

_DELETED_KEYS = ("id", "updated_at", "updated_by", "is_deleted")


def show(
    account: Account, entity_type: EntityType, entity: Entity, withs: frozenset[str], root: str
) -> Entity:
    """Return one entity with its links and what `with` asked for."""
    at = f"{root}/{entity_type.name}/{entity['id']}"
    if entity["is_deleted"]:
        # Of a lead in the recycle bin only four members are filled (reference 4.2).
        shown: Entity = {name: entity[name] for name in _DELETED_KEYS}
        return {**shown, "_links": {"self": {"href": at}}}
    shown = {name: entity[name] for name in entity_type.keys}
    if entity_type.name == "leads":
        if "is_price_modified_by_robot" in withs:
            shown["is_price_modified_by_robot"] = False
        if "source_id" in withs:
            shown["source_id"] = entity["_source_id"]
        shown["price"] = int(entity["price"])
        if account.has_minor_units:
            shown["price_with_minor_units"] = float(entity["price"])
    shown["_links"] = {"self": {"href": at}}
    shown["_embedded"] = _embedded(account, entity_type, entity, withs, root)
    return shown


def tags_of(account: Account, entity_type: str, entity: Entity) -> list[Entity]:
    """Return the tags of one entity; only tags of leads have a color (reference 5.2)."""
    known = account.tags[entity_type]
    return [dict(known[number]) for number in entity["_tags"]]


def _embedded(
    account: Account, entity_type: EntityType, entity: Entity, withs: frozenset[str], root: str
) -> Entity:
    number = entity["id"]
    out: Entity = {"tags": tags_of(account, entity_type.name, entity)}
    for other, always in entity_type.embeds.items():
        if always or other in withs:
            out[other] = _others(account, entity_type.name, number, other, root)
    if "catalog_elements" in withs:
        out["catalog_elements"] = [
            {"id": one, "metadata": account.ties.described(entity_type.name, number, one)}
            for one in account.ties.of(entity_type.name, number, "catalog_elements")
        ]
    if entity_type.name == "contacts" and "social_profiles" in withs:
        out["social_profiles"] = []
    if entity_type.name == "leads" and "source" in withs:
        out |= _source(account, entity["_source_id"], root)
    if entity_type.name == "leads" and "loss_reason" in withs:
        # Assumed (reference 12.3): an array of one, as in the published example.
        reason = account.shelf("loss_reasons").get(entity["loss_reason_id"])
        at = f"{root}/leads/loss_reasons/{entity['loss_reason_id']}"
        out["loss_reason"] = (
            [] if reason is None else [{**reason, "_links": {"self": {"href": at}}}]
        )
    return out


def _source(account: Account, number: int | None, root: str) -> Entity:
    shelves = [shelf for name, shelf in account.entities.items() if name.startswith("sources/")]
    for shelf in shelves:
        if number in shelf:
            links = {"self": {"href": f"{root}/sources/{number}"}}
            return {"source": {"id": number, "name": shelf[number]["name"], "_links": links}}
    return {}  # Assumed (reference 5.1): a lead without a source shows none.


def _others(account: Account, entity_type: str, number: int, other: str, root: str) -> list[Entity]:
    items = linked(account.ties.of(entity_type, number, other), f"{root}/{other}")
    main = (
        account.ties.main_contact(number) if (entity_type, other) == ("leads", "contacts") else None
    )
    for item in items if main is not None else ():
        item["is_main"] = item["id"] == main
    return items


def plain(
    account: Account, entity_type: str, entity: Entity, copy: Callable[[Entity], Entity]
) -> Entity:
    """Return one stored entity for a test to look at: tags by name, ties by id."""
    shown = {name: value for name, value in copy(entity).items() if not name.startswith("_")}
    shown["tags"] = [tag["name"] for tag in tags_of(account, entity_type, entity)]
    for other in ("leads", "contacts", "companies"):
        if other != entity_type:
            shown[other] = account.ties.of(entity_type, entity["id"], other)
    return shown
