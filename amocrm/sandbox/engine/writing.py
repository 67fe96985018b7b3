"""Writes checked models as entities (reference 4.2, 4.7, 4.8)."""

from __future__ import annotations

from dataclasses import dataclass

from amocrm.sandbox.data.customer_stages import default_status
from amocrm.sandbox.data.entity_types import EntityType
from amocrm.sandbox.data.state import CLOSED, LOST, Account, Entity, Ids
from amocrm.sandbox.engine.history import History
from amocrm.sandbox.engine.linking import link
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.values.field_values import write_values


@dataclass(frozen=True)
class Writer:
    """Writes on behalf of one user of one integration at one moment."""

    account: Account
    ids: Ids
    user_id: int
    now: int
    client_id: str = ""

    @property
    def history(self) -> History:
        """Where events of these writes go."""
        return History(self.account, self.ids, self.user_id, self.now)

    def create(self, entity_type: EntityType, model: Entity) -> Entity:
        """Make a new entity of a checked model."""
        number = self.ids.take(entity_type.name)
        entity = self._blank(entity_type, number)
        source = self._source(model)
        if source is not None:
            entity["_source_id"] = source["id"]
            if not {"pipeline_id", "status_id"} & set(model):
                model = {**model, "pipeline_id": source["pipeline_id"]}
        self.account.entities[entity_type.name][number] = entity
        self._write(entity_type, entity, model)
        self.history.added(entity_type.name, entity)
        self.account.changes.add(entity_type.name, entity)
        self._tie(entity_type, number, model.get("_embedded", {}))
        entity["updated_at"] = model.get("updated_at", entity["created_at"])
        entity["updated_by"] = model.get("updated_by", entity["created_by"])
        return entity

    def update(self, entity_type: EntityType, entity: Entity, model: Entity) -> Entity:
        """Change an entity as a checked model says."""
        before = {**entity, "_tags": list(entity["_tags"])}
        self._write(entity_type, entity, model)
        self.history.changed(entity_type.name, before, entity)
        self.account.changes.update(entity_type.name, entity, before)
        entity["updated_at"] = model.get("updated_at", self.now)
        entity["updated_by"] = model.get("updated_by", self.user_id)
        return entity

    def _source(self, model: Entity) -> Entity | None:
        # A name that no source of the integration has is ignored. Assumed (reference 4.2).
        name = model.get("_embedded", {}).get("source", {}).get("external_id")
        sources = self.account.shelf(f"sources/{self.client_id}").values()
        return next((one for one in sources if name and one["external_id"] == name), None)

    def _blank(self, entity_type: EntityType, number: int) -> Entity:
        entity: Entity = dict.fromkeys(entity_type.keys)
        entity |= {"id": number, "name": "", "account_id": self.account.id, "is_deleted": False}
        entity |= {"created_by": self.user_id, "created_at": self.now, "_tags": []}
        entity |= {"responsible_user_id": self.user_id}
        if "group_id" in entity_type.keys:
            entity["group_id"] = 0
        if entity_type.name == "contacts":
            entity |= {"first_name": "", "last_name": "", "is_unsorted": False}
        if entity_type.name == "leads":
            pipeline = self.account.main_pipeline["id"]
            # Assumed (reference 4.2): the name and the first ordinary stage.
            word = "Сделка" if self.account.zone.endswith(".ru") else "Lead"
            entity |= {"name": f"{word} #{number}", "price": 0, "pipeline_id": pipeline}
            entity |= {"status_id": self._first_stage(pipeline), "_source_id": None}
        if entity_type.name == "customers":
            # Assumed (reference 5.3): members of a new customer that its model does not give.
            entity |= {"next_price": 0, "periodicity": 0, "ltv": 0, "purchases_count": 0}
            entity |= {"average_check": 0, "_segments": [], "_points": 0}
            if self.account.customers_mode == "periodicity":
                entity["status_id"] = default_status(self.account, self.ids)
        return entity

    def _write(self, entity_type: EntityType, entity: Entity, model: Entity) -> None:
        plain = ("name", "price", "responsible_user_id", "created_by", "created_at")
        for name in (*plain, "first_name", "last_name", "loss_reason_id"):
            if name in model:
                entity[name] = model[name]
        if entity_type.name == "contacts":
            _compose_name(entity, model)
        if entity_type.name == "leads":
            self._move(entity, model)
        if entity_type.name == "customers":
            for name in ("next_price", "next_date", "status_id", "periodicity"):
                entity[name] = model.get(name, entity[name])
            self._write_segments(entity, model)
        if "custom_fields_values" in model:
            values: list[Json] = model["custom_fields_values"] or []
            write_values(values, self.account, entity_type.name, entity)
        self._write_tags(entity_type, entity, model)

    def _move(self, lead: Entity, model: Entity) -> None:
        status, pipeline = model.get("status_id"), model.get("pipeline_id")
        if status is not None and pipeline is None:
            # Assumed (reference 4.2): an ordinary stage implies its pipeline, 142/143 keep it.
            pipeline = lead["pipeline_id"] if status in CLOSED else self._pipeline_of(status)
        if pipeline is not None:
            if status is None and pipeline != lead["pipeline_id"]:
                status = self._first_stage(pipeline)
            lead["pipeline_id"] = pipeline
        if status is not None:
            lead["status_id"] = status
        if lead["status_id"] != LOST:
            lead["loss_reason_id"] = None  # Assumed (reference 4.2): it goes with the stage.
        if lead["status_id"] not in CLOSED:
            lead["closed_at"] = None
        elif lead["closed_at"] is None:
            lead["closed_at"] = self.now
        if "closed_at" in model:
            lead["closed_at"] = model["closed_at"]

    def _first_stage(self, pipeline: int) -> int:
        stages = self.account.statuses(pipeline)
        return next(int(stage["id"]) for stage in stages if stage["type"] == 0)

    def _pipeline_of(self, status: int) -> int:
        return next(
            int(number)
            for number in self.account.pipelines
            if any(stage["id"] == status for stage in self.account.statuses(number))
        )

    def _write_segments(self, customer: Entity, model: Entity) -> None:
        nested = model.get("_embedded", {})
        if "segments" in nested:
            # Assumed (reference 4.18): the complete new set, as with tags.
            customer["_segments"] = list(dict.fromkeys(one["id"] for one in nested["segments"]))

    def _write_tags(self, entity_type: EntityType, entity: Entity, model: Entity) -> None:
        nested = model.get("_embedded", {})
        if "tags" in nested:
            # The complete new set; null removes all (reference 4.2).
            entity["_tags"] = []
            self._add_tags(entity_type, entity, nested["tags"] or [])
        self._add_tags(entity_type, entity, model.get("tags_to_add", []))
        for wanted in model.get("tags_to_delete", []):
            tag = self.account.tag(entity_type.name, wanted, self.ids)
            if tag is not None and tag["id"] in entity["_tags"]:
                kept: list[int] = entity["_tags"]
                entity["_tags"] = [one for one in kept if one != tag["id"]]

    def _add_tags(self, entity_type: EntityType, entity: Entity, wanted: list[Entity]) -> None:
        for one in wanted:
            tag = self.account.tag(entity_type.name, one, self.ids)
            if tag is not None and tag["id"] not in entity["_tags"]:
                entity["_tags"].append(tag["id"])

    def _tie(self, entity_type: EntityType, number: int, nested: Entity) -> None:
        for other in ("contacts", "companies"):
            for target in nested.get(other) or ():
                link(self.history, entity_type.name, number, other, target["id"], target)


def _compose_name(contact: Entity, model: Entity) -> None:
    # Assumed (reference 4.7): first then last name make the name; a name alone empties both.
    if "first_name" in model or "last_name" in model:
        if "name" not in model:
            parts = (contact["first_name"], contact["last_name"])
            contact["name"] = " ".join(part for part in parts if part)
    elif "name" in model:
        contact["first_name"] = contact["last_name"] = ""
