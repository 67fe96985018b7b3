"""Reasons for which leads are lost (reference 4.6)."""

from __future__ import annotations

from amocrm.sandbox.engine.collection import Collection, Verb
from amocrm.sandbox.engine.schema import NAME

LOSS_REASONS = Collection(
    path="/leads/loss_reasons",
    key="loss_reasons",
    verbs={
        "list": Verb(),
        "one": Verb(),
        # Assumed (reference 4.6, 12.4): only the official client writes; the rights and the shape
        # are those of pipelines.
        "create": Verb(admin=True),
        "change_one": Verb(admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=("id", "name", "sort", "created_at", "updated_at"),
    create={"name": NAME, "sort": "int"},
    defaults={"sort": 0},
    unknown=404,
)

ROWS = (LOSS_REASONS,)
