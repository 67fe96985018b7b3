"""Linking and unlinking entities, with the events and stamps (reference 4.12, 11)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.history import History

ELEMENTS = "catalog_elements"
"""How links name elements of lists."""

_ONE_COMPANY = ("leads", "contacts")


def link(
    history: History, entity_type: str, number: int, other: str, target: int, wanted: Entity
) -> None:
    """Link two entities as the metadata of a request says."""
    ties = history.account.ties
    for one, holder, that in ((entity_type, number, other), (other, target, entity_type)):
        if one in _ONE_COMPANY and that == "companies":
            # Assumed (reference 4.12): another company takes the place of the first.
            company = target if that == other else number
            for old in ties.of(one, holder, that):
                if old != company:
                    unlink(history, one, holder, that, old)
    if target not in ties.of(entity_type, number, other):
        history.linked(entity_type, number, other, target, tied=True)
    ties.tie(entity_type, number, other, target)
    if entity_type == "leads" and other == "contacts" and wanted.get("is_main"):
        ties.set_main(number, target)
    if entity_type == "contacts" and other == "leads" and wanted.get("is_main"):
        ties.set_main(target, number)
    if other == ELEMENTS:
        ties.describe(entity_type, number, target, wanted)
    _touch(history, entity_type, number)
    _touch(history, other, target)


def unlink(history: History, entity_type: str, number: int, other: str, target: int) -> None:
    """Remove the link between two entities; without one nothing happens (assumed)."""
    ties = history.account.ties
    if target not in ties.of(entity_type, number, other):
        return
    ties.cut(entity_type, number, other, target)
    history.linked(entity_type, number, other, target, tied=False)
    _touch(history, entity_type, number)
    _touch(history, other, target)


def metadata(
    account: Account, entity_type: str, number: int, other: str, target: int
) -> Entity | None:
    """Return the metadata that an answer shows of a link; None for a company (reference 4.12)."""
    if other == "contacts":
        return {
            "main_contact": entity_type == "leads" and account.ties.main_contact(number) == target
        }
    if other == ELEMENTS:
        return account.ties.described(entity_type, number, target)
    return None


def _touch(history: History, entity_type: str, number: int) -> None:
    # Assumed (reference 11): links change `updated_at` of both ends; elements have no such side.
    entity = history.account.shelf(entity_type).get(number)
    if entity is not None:
        history.account.changes.update(entity_type, entity, dict(entity))
        entity |= {"updated_at": history.now, "updated_by": history.user_id}
