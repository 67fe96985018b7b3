"""Copy pipelines and custom fields to another account.

What the other account has already, by name or code, stays as it is there; so the program can be
run again. Leads and contacts are not copied.

python examples/copy_setup.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop import shop

from amocrm import AmoCRM
from amocrm.sandbox import Sandbox

if TYPE_CHECKING:
    from amocrm.types import Stage

TIED = ("chained_list", "linked_entity")
"""Types of fields that name lists of their own account by id; they are left out."""


def copy_pipelines(source: AmoCRM, target: AmoCRM) -> list[str]:
    """Create each missing pipeline with its stages; return their names."""
    known = {one["name"] for one in target.leads.pipelines.list()}
    missing = [one for one in source.leads.pipelines.list() if one["name"] not in known]
    for one in missing:
        model = source.leads.pipelines.writable(one)
        model["is_main"] = False  # The other account keeps its main pipeline.
        target.leads.pipelines.create(model)
    return [one["name"] for one in missing]


def copy_fields(source: AmoCRM, target: AmoCRM) -> list[str]:
    """Create each missing group and custom field; return the names of the fields."""
    copied = []
    there = {names: stage for stage, names in stages(target)}
    placed = [(stage, there[names]) for stage, names in stages(source) if names in there]
    for kind in ("leads", "contacts", "companies"):
        old, new = (getattr(crm, kind).custom_fields for crm in (source, target))
        groups = {one["name"]: one["id"] for one in new.groups.list()}
        known = {one.get(name) for one in new.list() for name in ("name", "code")} - {None}
        moved = {}
        for group in old.groups.list():
            if group["name"] not in groups and not group["is_predefined"]:
                groups[group["name"]] = new.groups.create(old.groups.writable(group))["id"]
            moved[group["id"]] = groups.get(group["name"], group["id"])
        for field in old.list():
            if known & {field["name"], field.get("code")} or field["type"] in TIED:
                continue
            model = old.writable(field)
            if "group_id" in model:
                model["group_id"] = moved.get(model["group_id"])
            for name in {"required_statuses", "hidden_statuses"} & model.keys():
                model[name] = [to for of, to in placed if of in model[name]]
            new.create(model)
            copied.append(field["name"])
    return copied


def stages(crm: AmoCRM) -> list[tuple[Stage, tuple[str, str]]]:
    """Return every stage with its names: ids differ between accounts, names do not."""
    return [
        ({"pipeline_id": one["id"], "status_id": stage["id"]}, (one["name"], stage["name"]))
        for one in crm.leads.pipelines.list()
        for stage in one["_embedded"]["statuses"]
    ]


def main() -> None:
    """Copy the setup of the shop to an empty account, twice."""
    portal = Sandbox(("branch.kommo.com",), rps=None)
    token = portal.issue_long_lived()
    with (
        shop() as source,
        AmoCRM(
            "branch.kommo.com", {"access_token": token},
            session=portal.session(), rate_limiter=None,
        ) as target,
    ):  # fmt: skip
        for _ in range(2):
            print("pipelines:", ", ".join(copy_pipelines(source, target)) or "nothing new")
            print("fields:", ", ".join(copy_fields(source, target)) or "nothing new")


if __name__ == "__main__":
    main()
