"""Roles: rights under a name (reference 4.19, 5.8)."""

from __future__ import annotations

from dataclasses import replace

from amocrm.sandbox.data.state import Entity
from amocrm.sandbox.engine.collection import Collection, Operation, Verb
from amocrm.sandbox.engine.listing import ListingQuery
from amocrm.sandbox.engine.schema import NAME, Prop
from amocrm.sandbox.engine.validation_errors import ValidationErrors
from amocrm.sandbox.values.rights import ROLE_RIGHTS, check_rights, filled, stages_of


def _check(
    operation: Operation, model: Entity, entity: Entity | None, errors: ValidationErrors
) -> None:
    check_rights(model.get("rights", {}), operation.account, errors)


def _make(operation: Operation, model: Entity) -> Entity:
    return operation.make({**model, "rights": filled(model["rights"])})


def _change(operation: Operation, role: Entity, model: Entity) -> None:
    if "rights" in model:
        rights = {**role["rights"], **model["rights"]}
        model = {**model, "rights": {**rights, "status_rights": rights["status_rights"] or None}}
    operation.change(role, model)
    for user in list(operation.account.users.values()):
        if user.role_id == role["id"]:
            operation.account.users[user.id] = replace(
                user, rights={**user.rights, **role["rights"]}
            )


def _drop(operation: Operation, role: Entity) -> None:
    operation.drop(role)
    for user in list(operation.account.users.values()):
        if user.role_id == role["id"]:
            # Assumed (reference 4.19): the users keep their rights, as rights of their own.
            operation.account.users[user.id] = replace(user, role_id=None)


def _show(operation: Operation, role: Entity, listing: ListingQuery) -> Entity:
    shown = operation.show(role)
    stages = stages_of(operation.account, role["rights"]["status_rights"])
    shown["rights"] = {**role["rights"], "status_rights": stages}
    if "users" in listing.withs:
        users = [one.id for one in operation.account.users.values() if one.role_id == role["id"]]
        shown["_embedded"] = {"users": users}
    return shown


ROLES = Collection(
    path="/roles",
    key="roles",
    verbs={
        "list": Verb(total=True, admin=True),
        "one": Verb(admin=True),
        # The text speaks of a batch, the example shows one object (reference 12.3).
        "create": Verb(body="both", status=201, total=True, admin=True),
        "change_one": Verb(status=202, echo="sent", admin=True),
        "delete": Verb(status=204, admin=True),
    },
    keys=("id", "name", "rights"),
    embeds=("users",),
    create={"name": NAME, "rights": Prop("object", required=True, inner=ROLE_RIGHTS)},
    unknown=404,
    check=_check,
    make=_make,
    change=_change,
    drop=_drop,
    show=_show,
)

ROWS = (ROLES,)
