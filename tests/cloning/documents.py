"""Schema documents of all sorts, for hypothesis, and a client of the portal made of one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox
from amocrm.sandbox.values.field_rules import TYPES

Draw = st.DrawFn
Document = dict[str, Any]

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
IDS = st.integers(1, 2**53)
SORTS = st.integers(0, 10**6)
FLAGS = st.booleans()
CARDS = ("leads", "contacts", "companies", "customers", "customers/segments")


def client(portal: Sandbox, *, admin: bool = True) -> AmoCRM:
    token = portal.issue_long_lived(admin=admin)
    host = portal.account().host
    return AmoCRM(host, {"access_token": token}, session=portal.session(), rate_limiter=None)


def distinct(draw: Draw, least: int, most: int) -> list[int]:
    return draw(st.lists(IDS, min_size=least, max_size=most, unique=True))


@st.composite
def documents(draw: Draw) -> Document:
    """A document without dangling references, of an account that works."""
    zone = draw(st.sampled_from(["amocrm.ru", "amocrm.com", "kommo.com"]))
    mode = draw(st.sampled_from(["unavailable", "disabled", "segments", "periodicity", "dynamic"]))
    pipelines = draw_pipelines(draw)
    stages = [
        {"pipeline_id": one["id"], "status_id": stage["id"]}
        for one in pipelines
        for stage in one["statuses"]
    ]
    kinds = st.sampled_from(["regular", "invoices", "products", "suppliers"])
    catalogs = [
        {"id": one, "name": draw(NAMES), "type": draw(kinds), "sort": draw(SORTS)}
        for one in distinct(draw, 0, 2)
    ]
    roles = [
        {"id": one, "name": draw(NAMES), "rights": draw_rights(draw, stages, catalogs)}
        for one in distinct(draw, 0, 2)
    ]
    groups = [{"id": one, "name": draw(NAMES)} for one in {0, *distinct(draw, 0, 2)}]
    listed = [f"catalogs/{one['id']}" for one in catalogs]
    field_groups = {
        kind: [{"id": "default", "name": draw(NAMES), "sort": 0, "is_predefined": True},
               {"id": f"{kind}_1", "name": draw(NAMES), "sort": 1, "is_predefined": False}]
        for kind in [*CARDS[:-1], *listed]
    }  # fmt: skip
    return {
        "version": 1,
        "account": {
            "id": draw(IDS), "zone": zone, "country": "RU", "currency": draw(NAMES),
            "currency_symbol": draw(NAMES), "contact_name_display_order": draw(st.integers(1, 2)),
            "is_loss_reason_enabled": draw(FLAGS),
            "datetime_settings": {"timezone": draw(NAMES), "timezone_offset": "+05:00"},
        },
        "plan": {"customers_mode": mode, "has_products": draw(FLAGS)},
        "rate": {"requests_per_second": draw(st.integers(1, 100))},
        "users_groups": groups,
        "task_types": [{"id": one, "name": draw(NAMES)} for one in distinct(draw, 0, 3)],
        "pipelines": pipelines,
        "loss_reasons": [{"id": one, "name": draw(NAMES)} for one in distinct(draw, 0, 3)],
        "catalogs": catalogs,
        "roles": roles,
        "users": draw_users(draw, stages, catalogs, roles, groups),
        "sources": [
            {"id": one, "name": draw(NAMES), "pipeline_id": pipelines[0]["id"]}
            for one in distinct(draw, 0, 2)
        ],
        "field_groups": field_groups,
        "fields": {
            kind: draw_fields(draw, kind, stages, catalogs)
            for kind in [*CARDS, *listed]
        },
    }  # fmt: skip


def draw_pipelines(draw: Draw) -> list[Document]:
    pipelines = []
    ordinary = IDS.filter(lambda one: one not in (142, 143))
    stage_ids: list[int] = draw(st.lists(ordinary, unique=True, min_size=6, max_size=8))
    for place, number in enumerate(distinct(draw, 1, 3)):
        is_on = draw(FLAGS)
        stages = [
            {"id": 142, "name": draw(NAMES), "type": 0, "sort": 10000, "color": "#CCFF66"},
            {"id": 143, "name": draw(NAMES), "type": 0, "sort": 11000, "color": "#D5D8DB"},
        ]
        if is_on:
            unsorted = {"id": stage_ids.pop(), "name": draw(NAMES), "type": 1, "sort": 10}
            stages.append(unsorted)
        if draw(FLAGS):
            stages.append({"id": stage_ids.pop(), "name": draw(NAMES), "type": 0, "sort": 20})
        pipelines.append(
            {
                "id": number, "name": draw(NAMES), "sort": place, "is_main": place == 0,
                "is_unsorted_on": is_on, "is_archive": draw(FLAGS), "statuses": stages,
            }
        )  # fmt: skip
    return pipelines


def draw_fields(
    draw: Draw, kind: str, stages: list[Document], catalogs: list[Document]
) -> list[Document]:
    known = kind.partition("/")[0] if kind.startswith("catalogs") else kind.rpartition("/")[2]
    types = st.sampled_from([*sorted(TYPES[known]), "a_type_of_tomorrow"])
    fields = []
    for number in distinct(draw, 0, 4):
        field: Document = {"id": number, "name": draw(NAMES), "type": draw(types)}
        field["sort"] = draw(SORTS)
        field["code"] = draw(st.none() | st.just(f"CODE{number}"))
        if known not in ("segments", "catalogs"):
            field["group_id"] = draw(st.sampled_from([None, "default", f"{kind}_1"]))
            field["required_statuses"] = draw(st.lists(st.sampled_from(stages), max_size=2))
        if field["type"] in ("select", "multiselect", "radiobutton"):
            field["enums"] = [
                {"id": one, "value": draw(NAMES), "sort": draw(SORTS), "code": None}
                for one in distinct(draw, 1, 3)
            ]
        if field["type"] == "category":
            tree = distinct(draw, 1, 3)
            field["nested"] = [
                {"id": one, "parent_id": draw(st.sampled_from([None, tree[0]])),
                 "value": draw(NAMES), "sort": draw(SORTS)}
                for one in tree
            ]  # fmt: skip
        if field["type"] == "chained_list" and catalogs:
            field["chained_lists"] = [
                {"title": draw(NAMES), "catalog_id": one["id"], "parent_catalog_id": None}
                for one in catalogs
            ]
        if field["type"] == "linked_entity":
            listed = [str(one["id"]) for one in catalogs]
            field["search_in"] = draw(st.sampled_from(["contacts", "companies", *listed]))
        fields.append(field)
    return fields


def draw_rights(draw: Draw, stages: list[Document], catalogs: list[Document]) -> Document:
    level = st.sampled_from("AGMD")
    access = st.fixed_dictionaries({"view": level, "edit": level, "add": st.sampled_from("AD")})
    rights: Document = {"leads": draw(access), "tasks": {"edit": draw(level)}}
    rights["mail_access"] = draw(FLAGS)
    rights["status_rights"] = draw(
        st.none()
        | st.lists(
            st.sampled_from(stages).map(
                lambda stage: {"entity_type": "leads", **stage, "rights": {"view": "A"}}
            ),
            max_size=2, unique_by=lambda one: (one["pipeline_id"], one["status_id"]),
        )
    )  # fmt: skip
    if catalogs:
        rights["catalog_rights"] = [
            {"catalog_id": one["id"], "rights": {"view": "L"}} for one in catalogs
        ]
    return rights


def draw_users(
    draw: Draw,
    stages: list[Document],
    catalogs: list[Document],
    roles: list[Document],
    groups: list[Document],
) -> list[Document]:
    users = []
    for place, number in enumerate(distinct(draw, 1, 4)):
        rights = draw_rights(draw, stages, catalogs)
        rights["is_admin"] = place == 0
        rights["is_active"] = place == 0 or draw(FLAGS)
        rights["role_id"] = draw(st.sampled_from([None, *(one["id"] for one in roles)]))
        rights["group_id"] = draw(st.sampled_from([None, *(one["id"] or None for one in groups)]))
        users.append({"id": number, "name": "Anybody", "lang": "en", "rights": rights})
    return users
