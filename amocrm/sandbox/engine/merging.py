"""Merges duplicates, as people do in the account; the API cannot (reference 12.4)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import OWNERS
from amocrm.sandbox.engine.history import SINGULAR
from amocrm.sandbox.engine.linking import ELEMENTS, link, unlink
from amocrm.sandbox.engine.writing import Writer


def merge(writer: Writer, entity_type: str, into: int, other: int) -> None:
    """Move the tags and links of one entity to another one, and remove it.

    Assumed (reference 5.11): `entity_merged` is recorded of both, and nothing else of the one that
    is gone.

    Raises:
        KeyError: there is no such entity.
    """
    account, history = writer.account, writer.history
    kept, gone = account.entities[entity_type][into], account.entities[entity_type][other]
    kept["_tags"] += [one for one in gone["_tags"] if one not in kept["_tags"]]
    for there in (*OWNERS, ELEMENTS):
        for target in account.ties.of(entity_type, other, there):
            unlink(history, entity_type, other, there, target)
            link(history, entity_type, into, there, target, {})
    kept |= {"updated_at": writer.now, "updated_by": writer.user_id}
    gone |= {"is_deleted": True, "updated_at": writer.now}
    account.changes.update(entity_type, kept, dict(kept))
    account.changes.delete(entity_type, gone)
    for number in (into, other):
        history.record("entity_merged", SINGULAR[entity_type], number)
