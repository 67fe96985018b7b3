"""Events that writes create (reference 4.16, 5.11, 11)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from amocrm.sandbox.data.state import Account, Entity, Ids
from amocrm.sandbox.http.answer import Json

SINGULAR = {
    "leads": "lead",
    "contacts": "contact",
    "companies": "company",
    "customers": "customer",
    "tasks": "task",
}
"""How events name a resource."""

_FIELD_TYPES = {
    # Assumed (reference 5.11): an int is documented, its values are those of the older API.
    **{"text": 1, "numeric": 2, "checkbox": 3, "select": 4, "multiselect": 5, "date": 6, "url": 7},
    **{"multitext": 8, "textarea": 9, "radiobutton": 10, "streetaddress": 11, "smart_address": 13},
    **{"birthday": 14, "legal_entity": 15, "items": 16, "date_time": 19, "price": 20},
    **{"category": 21, "tracking_data": 22, "linked_entity": 23, "chained_list": 24},
    **{"monetary": 25, "file": 26, "payer": 27, "supplier": 28},
}


@dataclass(frozen=True)
class History:
    """Records what one user does at one moment."""

    account: Account
    ids: Ids
    user_id: int
    now: int

    def by(self, user_id: int) -> History:
        """Return the same history in the name of another user."""
        return replace(self, user_id=user_id)

    def record(
        self,
        kind: str,
        entity_type: str,
        number: int,
        *,
        after: list[Json] | None = None,
        before: list[Json] | None = None,
    ) -> Entity:
        """Store an event and return it; `entity_type` is singular, or `catalog_{id}`."""
        # Lower-case letters and digits, 26 of them, in the order of time (reference 5.11).
        name = f"01h{self.now:012d}{self.ids.take('events'):011d}"
        event: Entity = {
            "id": name,
            "type": kind,
            "entity_id": number,
            "entity_type": entity_type,
            "created_by": self.user_id,
            "created_at": self.now,
            "value_after": after or [],
            "value_before": before or [],
            "account_id": self.account.id,
        }
        self.account.shelf("events")[name] = event
        return event

    def added(self, entity_type: str, entity: Entity) -> None:
        """Record a new entity, and the tags it came with."""
        one = SINGULAR[entity_type]
        self.record(f"{one}_added", one, entity["id"], after=[self.note()])
        self._tags(entity_type, {**entity, "_tags": []}, entity)

    def changed(self, entity_type: str, before: Entity, after: Entity) -> None:
        """Record what differs between two states of an entity."""
        if entity_type == "leads" and _stage(before) != _stage(after):
            self._moved("lead_status_changed", entity_type, before, after, _stage)
        if entity_type == "customers" and before.get("status_id") != after.get("status_id"):
            self._moved("customer_status_changed", entity_type, before, after, _customer_stage)
        if before["responsible_user_id"] != after["responsible_user_id"]:
            self._moved("entity_responsible_changed", entity_type, before, after, _responsible)
        self._values(entity_type, before, after)
        self._tags(entity_type, before, after)

    def linked(self, entity_type: str, number: int, other: str, target: int, *, tied: bool) -> None:
        """Record a link from both ends, or its end."""
        for here, there in (
            ((entity_type, number), (other, target)),
            ((other, target), (entity_type, number)),
        ):
            if here[0] not in SINGULAR:
                continue  # Elements of lists have no history of their links here (assumed).
            word = "linked" if tied else "unlinked"
            entity = {"type": SINGULAR.get(there[0], "catalog_element"), "id": there[1]}
            # Assumed (reference 12.3): the key of an unlinked one, and where it stands.
            item = [{"link" if tied else "unlink": {"entity": entity}}]
            kind = f"{SINGULAR.get(there[0], 'entity')}_{word}"
            values = {"after": item} if tied else {"before": item}
            self.record(kind, SINGULAR[here[0]], here[1], **values)

    def note(self) -> Entity:
        """Return the value of an event that has a note; the note itself is nowhere listed."""
        return {"note": {"id": self.ids.take("notes")}}

    def _moved(
        self, kind: str, entity_type: str, before: Entity, after: Entity, value: Json
    ) -> None:
        self.record(
            kind, SINGULAR[entity_type], after["id"], after=[value(after)], before=[value(before)]
        )

    def _tags(self, entity_type: str, before: Entity, after: Entity) -> None:
        pairs = (("entity_tag_added", after, before), ("entity_tag_deleted", before, after))
        for kind, here, there in pairs:
            known = self.account.tags[entity_type]
            names = [known[one]["name"] for one in here["_tags"] if one not in there["_tags"]]
            items = [{"tag": {"name": name}} for name in names]
            if items:
                which = "after" if kind == "entity_tag_added" else "before"
                self.record(kind, SINGULAR[entity_type], after["id"], **{which: items})

    def _values(self, entity_type: str, before: Entity, after: Entity) -> None:
        old, new = _by_field(before), _by_field(after)
        for number in dict.fromkeys([*old, *new]):
            if old.get(number) != new.get(number):
                # Assumed (reference 5.11): the type that is shown names the field.
                kind = f"custom_field_{number}_value_changed"
                self.record(
                    kind,
                    SINGULAR[entity_type],
                    after["id"],
                    after=_texts(new.get(number)),
                    before=_texts(old.get(number)),
                )


def _stage(lead: Entity) -> Entity:
    return {"lead_status": {"id": lead["status_id"], "pipeline_id": lead["pipeline_id"]}}


def _customer_stage(customer: Entity) -> Entity:
    return {"customer_status": {"id": customer["status_id"]}}


def _responsible(entity: Entity) -> Entity:
    return {"responsible_user": {"id": entity["responsible_user_id"]}}


def _by_field(entity: Entity) -> dict[int, Entity]:
    return {one["field_id"]: one for one in entity["custom_fields_values"] or ()}


def _texts(item: Entity | None) -> list[Json]:
    if item is None:
        return []
    return [
        {
            "custom_field_value": {
                "field_id": item["field_id"],
                "field_type": _FIELD_TYPES.get(item["field_type"], 1),
                "enum_id": value.get("enum_id"),
                "text": str(value.get("value", "")),
            }
        }
        for value in item["values"]
    ]
