"""Tags of leads, contacts, companies and customers (reference 4.15)."""

from __future__ import annotations

from amocrm.sandbox.data.entity_types import OWNERS
from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Entities, Operation, Verb, VerbName
from amocrm.sandbox.engine.filters import many, numbers
from amocrm.sandbox.engine.schema import NAME, Prop, Schema

COLORS = (
    *("EBEBEB", "D0D0D0", "F2DDF7", "D1A4DC", "FF8F92", "FFC8C8", "C7DB8C", "DDEBB5", "8699DA"),
    *("AABDFF", "FFCE5A", "FFE193", "90CDB0", "C6F4DE", "A9A5D7", "D8D5FF", "86C0FC", "832161"),
    *("6A0F49", "0C7C59", "10599D", "9D2B32", "247BA0"),
)
"""Colors of tags; only those of leads have one."""


def _row(entity_type: str) -> Collection:
    def stored(operation: Operation) -> Entities:
        return operation.account.tags[entity_type]

    def make(operation: Operation, model: Entity) -> Entity:
        fresh = len(operation.account.tags[entity_type])
        tag = operation.account.tag(entity_type, {"name": model["name"]}, operation.call.ids) or {}
        if len(operation.account.tags[entity_type]) > fresh:
            # Assumed (reference 4.15): a name that is known keeps its color.
            tag["color"] = model.get("color")
        return tag

    colored = entity_type == "leads"
    verbs: dict[VerbName, Verb] = {"list": Verb(), "create": Verb(total=True)}
    if colored:
        # Assumed (reference 4.15): only the official client changes tags; the answer is whole.
        verbs["change"] = Verb()
    # Assumed (reference 4.15): null is taken where no color is.
    color = Prop("string", null=True, choices=COLORS if colored else ("",))
    create: Schema = {"name": NAME, "color": color}
    return Collection(
        path=f"/{entity_type}/tags",
        key="tags",
        verbs=verbs,
        keys=("id", "name", "color"),
        create=create,
        filters={"name": many("name"), "id": numbers("id")},
        query=("name",),
        stored=stored,
        make=make,
    )


ROWS = tuple(_row(entity_type) for entity_type in OWNERS)
