"""Rights of users and roles: their shape, and how one depends on another (reference 5.9)."""

from __future__ import annotations

from amocrm.sandbox.data.state import Account
from amocrm.sandbox.engine.schema import Prop, Schema
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.http.answer import Json

_WIDTH = {"A": 4, "L": 3, "G": 2, "M": 1, "D": 0}
_ENTITIES = ("leads", "contacts", "companies")
_ACTIONS = ("view", "edit", "add", "delete", "export")
_NARROWER = (("edit", "view"), ("export", "view"), ("delete", "view"), ("delete", "edit"))
"""The first cannot be wider than the second."""

_LEVEL = Prop("string", choices=("A", "G", "M", "D"))
_YES_NO = Prop("string", choices=("A", "D"))
_LINKED = Prop("string", choices=("A", "L", "D"))
_ENTITY = Prop("object", inner={**dict.fromkeys(_ACTIONS, _LEVEL), "add": _YES_NO})
_STAGE: Schema = {
    "entity_type": Prop("string", required=True, choices=("leads",)),
    "pipeline_id": "int!",
    "status_id": "int!",
    "rights": Prop(
        "object",
        required=True,
        inner=dict.fromkeys(("view", "edit", "delete", "export"), _YES_NO),
    ),
}
_CATALOG: Schema = {
    "catalog_id": "int!",
    "rights": Prop("object", required=True, inner=dict.fromkeys(_ACTIONS, _LINKED)),
}

ROLE_RIGHTS: Schema = {
    **dict.fromkeys(_ENTITIES, _ENTITY),
    "tasks": Prop("object", inner={"edit": _LEVEL, "delete": _LEVEL}),
    "mail_access": "bool",
    "catalog_access": "bool",
    "status_rights": Prop("array", null=True, inner=_STAGE),
    "catalog_rights": Prop("array", null=True, inner=_CATALOG),
}
"""What a role may hold."""

USER_RIGHTS: Schema = {
    **ROLE_RIGHTS,
    "is_admin": "bool",
    "is_free": "bool",
    "is_active": "bool",
    "group_id": "int?",
    "role_id": "int?",
}
"""What a user may hold."""


def check_rights(rights: dict[str, Json], account: Account, errors: ValidationErrors) -> None:
    """Check what sound rights say of each other and of the account."""
    for name in _ENTITIES:
        given = filled(rights)[name] if name in rights else {}
        for one, other in _NARROWER if given else ():
            if _WIDTH[given[one]] > _WIDTH[given[other]]:
                errors.no_choice(f"rights.{name}.{one}")
    for number, one in enumerate(rights.get("status_rights") or ()):
        at = f"rights.status_rights.{number}"
        if one["pipeline_id"] not in account.pipelines:
            errors.no_choice(f"{at}.pipeline_id")
            continue
        stages = {stage["id"]: stage for stage in account.statuses(one["pipeline_id"])}
        if one["status_id"] not in stages:
            errors.no_choice(f"{at}.status_id")
        elif stages[one["status_id"]]["type"] == 1 and "export" in one["rights"]:
            errors.unexpected(f"{at}.rights.export")  # There is none of the unsorted stage.
    for number, one in enumerate(rights.get("catalog_rights") or ()):
        if one["catalog_id"] not in account.shelf("catalogs"):
            errors.no_choice(f"rights.catalog_rights.{number}.catalog_id")


def stages_of(account: Account, given: Json) -> list[Json]:
    """Return stage rights as a read shows them: without any, unsorted stages are denied.

    Reference 4.19: `status_rights: null` gives the unsorted stage of every pipeline, all `D`.
    """
    denied = dict.fromkeys(("view", "edit", "delete"), "D")
    return given or [
        {
            "entity_type": "leads",
            "pipeline_id": pipeline,
            "status_id": stage["id"],
            "rights": dict(denied),
        }
        for pipeline in account.pipelines
        for stage in account.statuses(pipeline)
        if stage["type"] == 1
    ]


def filled(rights: dict[str, Json], level: str = "D") -> dict[str, Json]:
    """Return rights with every member. Assumed (reference 5.9): what is not given is denied."""
    full: dict[str, Json] = {
        **{name: {**dict.fromkeys(_ACTIONS, level), **rights.get(name, {})} for name in _ENTITIES},
        "tasks": {"edit": level, "delete": level, **rights.get("tasks", {})},
        "mail_access": level == "A",
        "catalog_access": level == "A",
        "status_rights": None,
    }
    plain = ("mail_access", "catalog_access", "status_rights", "catalog_rights")
    return full | {name: rights[name] for name in plain if name in rights}
