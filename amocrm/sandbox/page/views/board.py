"""The board: the leads of a pipeline, stage by stage."""

from __future__ import annotations

from collections import defaultdict

from amocrm.sandbox.data.stages import visible
from amocrm.sandbox.data.state import Account, Entity
from amocrm.sandbox.engine.view import tags_of
from amocrm.sandbox.http.answer import Json
from amocrm.sandbox.page.visit import Visit
from amocrm.sandbox.values.field_filters import mentions

SHOWN = 50
"""Leads of one stage, until more are asked for."""

MOST_SHOWN = 1000


def board(visit: Visit) -> dict[str, Json]:
    """Return the stages of a pipeline, each with its newest leads."""
    account = visit.account
    pipelines = sorted(account.pipelines.values(), key=lambda one: int(one["sort"]))
    wanted = visit.number("pipeline")
    pipeline = account.pipelines.get(wanted) or account.main_pipeline
    query = visit.query.get("query", "")[:100]
    by_stage = _by_stage(account, pipeline["id"], query)
    stages = visible(pipeline)
    return {
        "board": {
            "name": pipeline["name"],
            "pipeline": pipeline["id"],
            "pipelines": [{"id": one["id"], "name": one["name"]} for one in pipelines],
            "query": query,
            "stages": [_stage(visit, one, by_stage[one["id"]]) for one in stages],
            "targets": targets(pipeline),
        }
    }


def targets(pipeline: Entity) -> list[Entity]:
    """Return the stages that a lead may be moved to: all but the incoming ones."""
    return [{"id": one["id"], "name": one["name"]} for one in visible(pipeline) if one["type"] == 0]


def _by_stage(account: Account, pipeline: int, query: str) -> defaultdict[int, list[Entity]]:
    found: defaultdict[int, list[Entity]] = defaultdict(list)
    for lead in account.entities["leads"].values():
        if lead["pipeline_id"] != pipeline or lead["is_deleted"]:
            continue
        if not query or mentions(lead, query, account.phone_search):
            found[lead["status_id"]].append(lead)
    return found


def _stage(visit: Visit, stage: Entity, leads: list[Entity]) -> Entity:
    asked = visit.number("shown") if visit.number("stage", -1) == stage["id"] else 0
    shown = min(max(SHOWN, asked), MOST_SHOWN)
    newest = sorted(leads, key=lambda one: (one["created_at"], one["id"]), reverse=True)
    return {
        "id": stage["id"],
        "name": stage["name"],
        "color": stage["color"],
        "is_target": stage["type"] == 0,
        "count": len(leads),
        "sum": sum(one["price"] or 0 for one in leads),
        "leads": [_card(visit.account, one) for one in newest[:shown]],
    }


def _card(account: Account, lead: Entity) -> Entity:
    contact = account.entities["contacts"].get(account.ties.main_contact(lead["id"]) or 0)
    return {
        "id": lead["id"],
        "name": lead["name"],
        "price": lead["price"],
        "created_at": lead["created_at"],
        "contact": "" if contact is None else contact["name"],
        "tags": [one["name"] for one in tags_of(account, "leads", lead)][:5],
    }
